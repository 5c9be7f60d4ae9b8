"""The HTTP filters a request passes, in this order: who are you, is it well-formed, what is it in gRPC, where to.

The token comes first, so that nobody unknown costs a body's memory; the strict reading (`strict.py`) comes before the
transcoder, which forgives too much.
"""

import base64
from typing import Any

from google.protobuf import descriptor_pb2

from gateway.contract import Rpc
from gateway.extensions import extension
from gateway.routes import native_match, rest_match
from gateway.settings import EdgeSettings

TRANSCODER = "envoy.filters.http.grpc_json_transcoder"

_PROVIDER = "mesh"


def jwt(settings: EdgeSettings, public: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask for a token. A request no rule fits would pass unasked, so the last rule fits all."""
    provider = {
        "issuer": settings.issuer,
        "audiences": [settings.audience],
        "local_jwks": {"inline_string": settings.jwks},
        # Said outright because Envoy would take `?access_token=` as well, and addresses end up in logs.
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        # The services verify the token again themselves.
        "forward": True,
        "require_expiration": True,
        # A signature is verified once; that a token has expired is still seen each time.
        "jwt_cache_config": {"jwt_cache_size": 1000},
    }
    return extension(
        "envoy.filters.http.jwt_authn",
        "filters.http.jwt_authn.v3.JwtAuthentication",
        providers={_PROVIDER: provider},
        rules=[
            *({"match": match} for match in public),
            {"match": {"prefix": "/"}, "requires": {"provider_name": _PROVIDER}},
        ],
    )


def public_rest(rpcs: tuple[Rpc, ...]) -> list[dict[str, Any]]:
    """Match the REST requests that need no token."""
    return [rest_match(binding) for rpc in rpcs if rpc.policy.public for binding in rpc.bindings]


def public_native(rpcs: tuple[Rpc, ...]) -> list[dict[str, Any]]:
    """Match the native calls that need no token."""
    return [native_match(rpc) for rpc in rpcs if rpc.policy.public]


def transcoder(
    settings: EdgeSettings, files: descriptor_pb2.FileDescriptorSet, rpcs: tuple[Rpc, ...]
) -> dict[str, Any]:
    """Turn REST into gRPC and back, as the google.api.http options say."""
    return extension(
        TRANSCODER,
        "filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        # Inside the bootstrap: routes and descriptor are of one image, and no file can go missing or change.
        proto_descriptor_bin=base64.b64encode(files.SerializeToString()).decode(),
        services=sorted({rpc.service for rpc in rpcs if rpc.bindings}),
        # Routes stay REST paths: with the gRPC paths of the default, un-annotated RPCs would be reachable here.
        match_incoming_request_route=True,
        convert_grpc_status=True,
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        max_request_body_size=settings.max_body_bytes,
        max_response_body_size=settings.max_response_bytes,
        # A query in a form's encoding: `+` is a space.
        query_param_unescape_plus=True,
        print_options={
            # A field that cannot be absent is always there: `"accepted": false` is an answer, a gap is a riddle.
            # Fields that can be absent (`optional`) still are, when they are not said.
            "always_print_primitive_fields": True,
            # Streams are server-sent events; unary answers stay JSON.
            "stream_sse_style_delimited": True,
        },
    )


def router() -> dict[str, Any]:
    """Send it to the service of its route."""
    return extension(
        "envoy.filters.http.router",
        "filters.http.router.v3.Router",
        # Upstream timings and the like are ours, not the client's.
        suppress_envoy_headers=True,
    )
