"""Path templates become expressions that match exactly their paths."""

import re

import pytest

from gateway.contract import Rpc
from gateway.routes import path_regex, rest_routes
from gateway.strict import Strictness


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/v1/{name=practices/*/orders/*}", "/v1/practices/a/orders/b"),
        ("/v1/{name=practices/*/orders/*}:watch", "/v1/practices/a/orders/b:watch"),
        ("/v1/{parent=practices/*}/orders:import", "/v1/practices/a/orders:import"),
        ("/v1/{order.name=practices/*/orders/*}", "/v1/practices/a/orders/b"),
        ("/v1/labs/{lab}", "/v1/labs/a"),
        ("/v1/{file=files/**}", "/v1/files/a/b/c"),
        ("/v1/a.b", "/v1/a.b"),
    ],
)
def test_a_template_matches_its_paths(template: str, path: str) -> None:
    """Variables, nested fields, verbs and rests."""
    assert re.fullmatch(path_regex(template), path)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/v1/{name=practices/*/orders/*}", "/v1/practices/a/orders/b:watch"),
        ("/v1/{name=practices/*/orders/*}", "/v1/practices/a/orders/b/c"),
        ("/v1/{name=practices/*/orders/*}", "/v1/practices//orders/b"),
        ("/v1/{name=practices/*/orders/*}", "/v1/practices/a/orders/"),
        ("/v1/{name=practices/*/orders/*}", "/x/v1/practices/a/orders/b"),
        ("/v1/labs/{lab}", "/v1/labs/a/b"),
        ("/v1/a.b", "/v1/axb"),
    ],
)
def test_a_template_matches_no_other_path(template: str, path: str) -> None:
    """A variable holds one segment; a verb is no part of a name; a dot is a dot."""
    assert not re.fullmatch(path_regex(template), path)


def test_every_refusal_keeps_the_transcoder_out(rpcs: tuple[Rpc, ...], files: object) -> None:
    """The transcoder would answer 404 before the router can say 405."""
    strictness = Strictness(files)  # type: ignore[arg-type]
    readings = {binding: strictness.reading(rpc, binding) for rpc in rpcs for binding in rpc.bindings}
    routes = rest_routes(rpcs, readings, "the transcoder")
    refusing = [route for route in routes if "direct_response" in route]
    assert len(refusing) > 2
    assert all(route["typed_per_filter_config"]["the transcoder"]["disabled"] for route in refusing)
    assert not any("typed_per_filter_config" in route for route in routes if "route" in route)
    assert refusing[-1]["match"] == {"prefix": "/"}
    assert routes[-1] is refusing[-1]
