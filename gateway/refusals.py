"""The one error shape, also for the replies Envoy makes itself.

A service's error reaches a REST client as `{"code": <gRPC code>, "message": <sentence>, "details": [...]}`, transcoded
from its google.rpc.Status. What Envoy refuses on its own (no token, no route, no upstream) would be plain text; the
table below gives each of those replies the same shape, with a reason from the contract's registry:

- on REST as JSON, with Envoy's own words as the cause where they help;
- on native gRPC as `grpc-status`, `grpc-message` and `grpc-status-details-bin`. gRPC libraries insist that message and
  details agree to the letter, so these sentences are constant.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2, json_format, message
from google.rpc import error_details_pb2, status_pb2
from lensmesh.errors.v1 import reason_pb2

DOMAIN = "lensmesh"
_CAUSE = "%LOCAL_REPLY_BODY%"
# Where `strict.lua` leaves the path of a field that the contract does not know.
_STRICT, _FOUND = "lensmesh.strict", "unknown_field"
_UNKNOWN_FIELD = f"%DYNAMIC_METADATA({_STRICT}:{_FOUND})%"
_BAD_REQUEST = {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    "fieldViolations": [{"field": _UNKNOWN_FIELD, "description": _CAUSE}],
}
_GRPC_CONTENT_TYPE = r"application/grpc(\+.*)?"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How one kind of Envoy's own replies looks to a client."""

    status: int
    """The HTTP status Envoy refuses with."""
    code: grpc.StatusCode
    reason: "reason_pb2.Reason.ValueType"
    message: str
    """A sentence a person can act on; `{cause}` stands for what Envoy has to say."""
    cause: str = ""
    """What to say in place of Envoy's words where they cannot be quoted."""
    retry_after: int | None = None
    """Seconds after which to try again, where that helps."""
    or_above: bool = False
    """True: the row stands for its status and all above it."""
    flag: str = ""
    """Only replies with this Envoy response flag; empty is all."""
    unread: bool = False
    """True: only requests that were refused before they were read, and so have no request id yet."""
    header: str = ""
    """Only requests with this header; empty is all."""
    unknown_field: bool = False
    """True: only requests in which the strict reading found a field that the contract does not know."""
    answers: int = 0
    """The HTTP status to answer instead; 0 keeps it."""


_MALFORMED = reason_pb2.REASON_REQUEST_MALFORMED
_TRY_AGAIN = 1

# The first row that fits is used.
REFUSALS = (
    Refusal(
        503,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason_pb2.REASON_OVERLOADED,
        "Too many requests are under way; try again in a moment.",
        flag="UO",
        answers=429,
        retry_after=_TRY_AGAIN,
    ),
    Refusal(
        400,
        grpc.StatusCode.INVALID_ARGUMENT,
        reason_pb2.REASON_UNKNOWN_FIELD,
        "{cause} Nothing of the request was done; check the name against the contract.",
        unknown_field=True,
    ),
    Refusal(
        400,
        grpc.StatusCode.INVALID_ARGUMENT,
        _MALFORMED,
        "The request is not fit to be read: it needs HTTP/1.1 or 2 and a host, no %2F or %5C in its path, and no "
        "underscore in the name of a header.",
        unread=True,
    ),
    Refusal(
        400,
        grpc.StatusCode.INVALID_ARGUMENT,
        _MALFORMED,
        "The request cannot be read. {cause}",
        cause="Check it against the contract.",
    ),
    Refusal(
        401,
        grpc.StatusCode.UNAUTHENTICATED,
        reason_pb2.REASON_TOKEN_INVALID,
        "{cause}. Sign in, and send the token as `authorization: Bearer <token>`.",
        cause="The token is missing, expired, or not one for this mesh",
    ),
    Refusal(
        403,
        grpc.StatusCode.INVALID_ARGUMENT,
        _MALFORMED,
        "The edge speaks no protocol but HTTP: send the request without an Upgrade header.",
        header="upgrade",
        answers=400,
    ),
    Refusal(
        403,  # how Envoy answers a token for another audience; to the contract that is no token
        grpc.StatusCode.UNAUTHENTICATED,
        reason_pb2.REASON_TOKEN_INVALID,
        "{cause}. Sign in again, and send the new token as `authorization: Bearer <token>`.",
        cause="The token is not meant for this mesh",
        answers=401,
    ),
    Refusal(
        404,
        grpc.StatusCode.NOT_FOUND,
        reason_pb2.REASON_UNKNOWN_ROUTE,
        "{cause}",
        cause="There is no such method here: native gRPC is on the TLS port, and some methods are for services only.",
    ),
    Refusal(405, grpc.StatusCode.INVALID_ARGUMENT, reason_pb2.REASON_UNKNOWN_ROUTE, "{cause}", cause="Wrong method."),
    Refusal(
        408,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        reason_pb2.REASON_DEADLINE_EXCEEDED,
        "The request did not arrive whole in time; send it again.",
    ),
    Refusal(
        413,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason_pb2.REASON_BODY_TOO_LARGE,
        "The body is larger than this path takes; send less at once.",
    ),
    Refusal(
        429,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason_pb2.REASON_OVERLOADED,
        "Too many requests at once; try again in a moment.",
        retry_after=_TRY_AGAIN,
    ),
    Refusal(
        431,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        _MALFORMED,
        "The request's headers are larger than the edge takes; send fewer or smaller ones.",
    ),
    Refusal(
        502,
        grpc.StatusCode.UNAVAILABLE,
        reason_pb2.REASON_UNAVAILABLE,
        "The service behind this path answered something that is no answer; try again in a moment.",
        retry_after=_TRY_AGAIN,
    ),
    Refusal(
        503,
        grpc.StatusCode.UNAVAILABLE,
        reason_pb2.REASON_UNAVAILABLE,
        "The service behind this path cannot be reached right now; try again in a moment.",
        retry_after=_TRY_AGAIN,
    ),
    Refusal(
        504,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        reason_pb2.REASON_DEADLINE_EXCEEDED,
        "The service did not answer in time, and a write may have happened; repeat it with the same request id.",
    ),
    Refusal(
        500,
        grpc.StatusCode.INTERNAL,
        reason_pb2.REASON_INTERNAL,
        "A fault of ours at the edge; tell us the request id.",
        or_above=True,
    ),
    Refusal(
        400,
        grpc.StatusCode.INVALID_ARGUMENT,
        _MALFORMED,
        "The edge refuses the request. {cause}",
        cause="Check it against the contract.",
        or_above=True,
    ),
)


def cut_off() -> str:
    """Write the body of the answer to a call that its service left: it may have been done, and can be asked again."""
    refusal = Refusal(
        503,
        grpc.StatusCode.UNAVAILABLE,
        reason_pb2.REASON_UNAVAILABLE,
        "The service left while it had this request, and a write may have happened; repeat it with the same id.",
        retry_after=_TRY_AGAIN,
    )
    return json.dumps(json_format.MessageToDict(_status(refusal, refusal.message)))


def local_reply_config() -> dict[str, Any]:
    """Render the table for Envoy (`HttpConnectionManager.local_reply_config`)."""
    return {
        "mappers": [
            *(_native_mapper(refusal) for refusal in REFUSALS if not refusal.unknown_field),
            *(_rest_mapper(refusal) for refusal in REFUSALS),
        ]
    }


def reason_name(reason: "reason_pb2.Reason.ValueType") -> str:
    """Spell a reason as ErrorInfo carries it: without the enum's prefix."""
    return reason_pb2.Reason.Name(reason).removeprefix("REASON_")


def _rest_mapper(refusal: Refusal) -> dict[str, Any]:
    shape = json_format.MessageToDict(_status(refusal, _escaped(refusal.message).format(cause=_CAUSE)))
    shape["details"][0]["metadata"] = {"request_id": "%REQ(X-REQUEST-ID)%"}
    if refusal.unknown_field:
        shape["details"][0]["metadata"]["field"] = _UNKNOWN_FIELD
        shape["details"].append(_BAD_REQUEST)
    return {
        "filter": _all_of(_filters(refusal)),
        **_answer(refusal),
        "body_format_override": {
            "json_format": shape,
            "content_type": "application/json",
            # Without a request id there is no key for it: a null would break readers of google.rpc.ErrorInfo.
            "omit_empty_values": True,
        },
        "headers_to_add": [*_common_headers(refusal)],
    }


def _native_mapper(refusal: Refusal) -> dict[str, Any]:
    sentence = refusal.message.format(cause=refusal.cause)
    details = base64.b64encode(_status(refusal, sentence).SerializeToString()).decode().rstrip("=")
    return {
        "filter": _all_of([_is_native(), *_filters(refusal)]),
        **_answer(refusal),
        "body_format_override": {"text_format_source": {"inline_string": _escaped(sentence)}},
        "headers_to_add": [
            _header("grpc-status", str(refusal.code.value[0])),
            _header("grpc-status-details-bin", details),
            *_common_headers(refusal),
        ],
    }


def _status(refusal: Refusal, sentence: str) -> status_pb2.Status:
    info = error_details_pb2.ErrorInfo(reason=reason_name(refusal.reason), domain=DOMAIN)
    details: list[message.Message] = [info]
    if refusal.retry_after is not None:
        delay = duration_pb2.Duration(seconds=refusal.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=refusal.code.value[0], message=sentence)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _answer(refusal: Refusal) -> dict[str, Any]:
    return {"status_code": refusal.answers} if refusal.answers else {}


def _common_headers(refusal: Refusal) -> Iterator[dict[str, Any]]:
    yield _header("cache-control", "no-store")
    if refusal.code is grpc.StatusCode.UNAUTHENTICATED:
        # Envoy would repeat the whole address here, query and all.
        yield _header("www-authenticate", f'Bearer realm="{DOMAIN}"')
    if refusal.retry_after is not None:
        yield _header("retry-after", str(refusal.retry_after))


def _header(key: str, value: str) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _filters(refusal: Refusal) -> Iterator[dict[str, Any]]:
    comparison = {
        "op": "GE" if refusal.or_above else "EQ",
        # Envoy wants a name under which an operator could override the number; nobody does.
        "value": {"default_value": refusal.status, "runtime_key": f"lensmesh.refusal.{refusal.status}"},
    }
    yield {"status_code_filter": {"comparison": comparison}}
    if refusal.flag:
        yield {"response_flag_filter": {"flags": [refusal.flag]}}
    if refusal.unknown_field:
        known = {"filter": _STRICT, "path": [{"key": _FOUND}], "value": {"present_match": True}}
        yield {"metadata_filter": {"matcher": known, "match_if_key_not_found": False}}
    if refusal.header:
        yield _header_filter(name=refusal.header, present_match=True)
    if refusal.unread:
        yield _header_filter(name="x-request-id", present_match=False)


def _is_native() -> dict[str, Any]:
    # The transcoder turns a REST request's content type into gRPC's as well, so only the request that was never
    # transcoded is native. Clients cannot fake the mark: the edge drops every inbound x-envoy- header.
    return _all_of(
        [
            # As Envoy itself tells gRPC: grpc-web, for one, is not.
            _header_filter(name="content-type", string_match={"safe_regex": {"regex": _GRPC_CONTENT_TYPE}}),
            _header_filter(name="x-envoy-original-path", present_match=False),
        ]
    )


def _header_filter(**matcher: object) -> dict[str, Any]:
    return {"header_filter": {"header": matcher}}


def _all_of(filters: "Iterator[dict[str, Any]] | list[dict[str, Any]]") -> dict[str, Any]:
    each = list(filters)
    return each[0] if len(each) == 1 else {"and_filter": {"filters": each}}


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
