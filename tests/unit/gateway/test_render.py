"""The bootstrap follows from settings and contracts alone."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from gateway.contract import ContractError, Rpc
from gateway.render import EdgeSettings, render_bootstrap


def managers(bootstrap: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Find the connection manager of each listener."""
    return {
        listener["name"]: listener["filter_chains"][0]["filters"][0]["typed_config"]
        for listener in bootstrap["static_resources"]["listeners"]
    }


def routes(bootstrap: dict[str, Any], listener: str) -> list[dict[str, Any]]:
    """Find the routes of a listener."""
    found: list[dict[str, Any]] = managers(bootstrap)[listener]["route_config"]["virtual_hosts"][0]["routes"]
    return found


def test_the_same_settings_make_the_same_bootstrap(settings: EdgeSettings) -> None:
    """To the byte, whatever became of the one before; so a difference means something."""
    first = render_bootstrap(settings)
    text = json.dumps(first)
    first["static_resources"]["clusters"][0]["circuit_breakers"]["thresholds"][0]["max_requests"] = 1
    assert json.dumps(render_bootstrap(settings)) == text


def test_a_service_without_an_upstream_stops_the_build(settings: EdgeSettings) -> None:
    """The message names what is missing."""
    with pytest.raises(ContractError, match="without an upstream: order"):
        render_bootstrap(replace(settings, upstreams={"lims": ("127.0.0.1", 1)}))


def test_every_door_asks_for_a_token_last_and_for_everything(settings: EdgeSettings) -> None:
    """A request that no rule fits would pass unasked: the last rule fits all."""
    for manager in managers(render_bootstrap(settings)).values():
        rules = manager["http_filters"][0]["typed_config"]["rules"]
        assert rules[-1] == {"match": {"prefix": "/"}, "requires": {"provider_name": "mesh"}}


def test_the_filters_come_in_their_order(settings: EdgeSettings) -> None:
    """Who are you, is it well-formed, what is it in gRPC, where to."""
    names = {
        listener: [each["name"].rpartition(".")[2] for each in manager["http_filters"]]
        for listener, manager in managers(render_bootstrap(settings)).items()
    }
    assert names == {
        "rest": ["jwt_authn", "lua", "grpc_json_transcoder", "router"],
        "native": ["jwt_authn", "router"],
    }


def test_the_transcoder_reads_the_image_that_the_routes_came_from(
    settings: EdgeSettings, files: descriptor_pb2.FileDescriptorSet
) -> None:
    """Descriptor and routes cannot drift apart: they travel together."""
    transcoder = managers(render_bootstrap(settings))["rest"]["http_filters"][2]["typed_config"]
    assert base64.b64decode(transcoder["proto_descriptor_bin"]) == files.SerializeToString()
    assert {"google/rpc/error_details.proto", "google/rpc/status.proto"} <= {file.name for file in files.file}


def test_every_call_has_its_contracts_deadline_and_a_little_more(settings: EdgeSettings, rpcs: tuple[Rpc, ...]) -> None:
    """So that the service's own error wins; streams have no timeout but an idle one."""
    deadlines = {rpc.path: rpc.policy.deadline for rpc in rpcs}
    for listener in ("rest", "native"):
        for route in (each for each in routes(render_bootstrap(settings), listener) if "route" in each):
            deadline = deadlines[route["name"]]
            timeout = float(route["route"]["timeout"].removesuffix("s"))
            assert timeout == (deadline.total_seconds() + 1 if deadline else 0)
            assert ("idle_timeout" in route["route"]) == (deadline is None)


def test_only_what_no_service_has_seen_is_retried_at_the_edge(settings: EdgeSettings) -> None:
    """Once, at another replica. The rest clients retry: they know what is safe to repeat."""
    bootstrap = render_bootstrap(settings)
    serving = [each["route"] for name in ("rest", "native") for each in routes(bootstrap, name) if "route" in each]
    retried = {(each["retry_policy"]["retry_on"], each["retry_policy"]["num_retries"]) for each in serving}
    assert retried == {("connect-failure,refused-stream", 1)}


def test_every_native_route_takes_grpc_only(settings: EdgeSettings) -> None:
    """JSON to a gRPC path would reach a service that cannot read it."""
    serving = [route for route in routes(render_bootstrap(settings), "native") if "route" in route]
    assert serving
    assert all("grpc" in route["match"] for route in serving)


def test_names_are_looked_up_and_addresses_are_taken(settings: EdgeSettings) -> None:
    """Kubernetes names a service, a developer's machine has only addresses."""
    kinds = {
        upstream: {
            cluster["type"]
            for cluster in render_bootstrap(replace(settings, upstreams=dict.fromkeys(settings.upstreams, upstream)))[
                "static_resources"
            ]["clusters"]
        }
        for upstream in (("127.0.0.1", 1), ("::1", 1), ("order.lensmesh.svc", 1))
    }
    assert list(kinds.values()) == [{"STATIC"}, {"STATIC"}, {"STRICT_DNS"}]
