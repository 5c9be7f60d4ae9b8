"""Which RPC is reachable where. Everything else is refused: nothing is reachable by default.

REST (8080) gets the pages that anybody may read, then one route for each HTTP annotation, matched by verb and by the
whole path; then the same paths again for every other verb (405, with the verbs that work); then nothing. Native gRPC
(8443) gets one route for each RPC that people may call; what only services call is not there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from gateway import strict
from gateway.clusters import WATCHING
from gateway.contract import Binding, Rpc
from gateway.extensions import extension, typed

# A service enforces its deadline itself. The edge waits a little longer, so that the service's own error, which
# knows more, wins over a bare 504.
GRACE = timedelta(seconds=1)
# Watches send a heartbeat every 15 s: four missed ones are a dead stream.
STREAM_IDLE = timedelta(seconds=60)
# A watch resumes by cursor without loss, so its life can be bounded; token and placement are then looked at afresh.
STREAM_LIFE = timedelta(hours=1)

# All that the edge tries again, once and at another replica, is what no service has seen: no connection came about, or
# HTTP/2 refused the stream before it began. So it is no repetition, whatever the call does. It bridges the second until
# a health check finds that a replica died. Clients do the rest: they know what is safe to repeat.
_NEVER_REACHED = {
    "retry_on": "connect-failure,refused-stream",
    "num_retries": 1,
    "retry_host_predicate": [
        extension(
            "envoy.retry_host_predicates.previous_hosts",
            "retry.host.previous_hosts.v3.PreviousHostsPredicate",
        )
    ],
    "host_selection_retry_max_attempts": 5,
}

# What the static server serves, to anybody.
WEB = "web"
WEB_PATHS: tuple[Mapping[str, Any], ...] = ({"path": "/openapi.json"}, {"path_separated_prefix": "/docs"})
_TO_READ = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}

_NOTHING_HERE = "Nothing is served at this path; check it in the API reference."

_BAD_DEADLINE = [
    {"name": "grpc-timeout", "present_match": True},
    {
        "name": "grpc-timeout",
        "string_match": {"safe_regex": {"regex": "0{0,7}[1-9][0-9]{0,7}[HMSmun]"}},
        "invert_match": True,
    },
]
_DEADLINE_FORM = (
    "The header grpc-timeout takes up to eight digits, not all 0, and a unit, one of H, M, S, m, u and n: 500m."
)

_VARIABLE = re.compile(r"\{(?P<field>[^{}=]+)(?:=(?P<pattern>[^{}]+))?\}")
_WILDCARD = re.compile(r"\*\*|\*")
# Neither crosses a colon: it begins a custom verb, and no resource id of ours has one.
_WILDCARDS = {"*": "[^/:]+", "**": "[^:]+"}


def path_regex(template: str) -> str:
    """Translate a path template into a regular expression (RE2) for the whole path without query.

    >>> path_regex("/v1/{name=practices/*/orders/*}:submit")
    '/v1/practices/[^/:]+/orders/[^/:]+:submit'
    """
    flat = _VARIABLE.sub(lambda variable: variable["pattern"] or "*", template)
    parts: list[str] = []
    position = 0
    for wildcard in _WILDCARD.finditer(flat):
        parts += [re.escape(flat[position : wildcard.start()]), _WILDCARDS[wildcard[0]]]
        position = wildcard.end()
    return "".join((*parts, re.escape(flat[position:])))


def rest_routes(
    rpcs: Iterable[Rpc], readings: Mapping[Binding, strict.Reading], transcoder: str
) -> list[dict[str, Any]]:
    """Render the routes of the REST listener.

    Args:
        rpcs: all RPCs; those without an HTTP annotation are left out.
        readings: what the requests of each binding hold, for the filter that is strict about it.
        transcoder: name of the transcoding filter, which the refusing routes switch off: it would answer first,
            and know less.
    """
    served = [(rpc, binding) for rpc in rpcs for binding in rpc.bindings]
    return [
        # First: a native call to a REST path would pass the transcoder untouched and reach a service.
        _refusing({"prefix": "/", "grpc": {}}, 404, _NOTHING_HERE, transcoder),
        # A service would refuse it too, but as HTTP, in no shape that can be transcoded.
        _refusing({"prefix": "/", "headers": _BAD_DEADLINE}, 400, _DEADLINE_FORM, transcoder),
        *({**_serving(rpc, rest_match(binding)), **_reads(readings[binding])} for rpc, binding in served),
        *_wrong_verbs([binding for _, binding in served], transcoder),
        _refusing({"prefix": "/"}, 404, _NOTHING_HERE, transcoder),
    ]


def web_routes(transcoder: str) -> list[dict[str, Any]]:
    """Render the routes of the static server's pages, which are only read."""
    off = {transcoder: typed("envoy.config.route.v3.FilterConfig", disabled=True)}
    route = {"cluster": WEB, "timeout": "10s"}
    return [{"name": WEB, "match": match, "route": route, "typed_per_filter_config": off} for match in web_matches()]


def web_matches() -> list[dict[str, Any]]:
    """Match the requests for the static server's pages."""
    return [{**path, "headers": [_TO_READ]} for path in WEB_PATHS]


def native_routes(rpcs: Iterable[Rpc]) -> list[dict[str, Any]]:
    """Render the routes of the native gRPC listener."""
    return [
        *(_serving(rpc, native_match(rpc)) for rpc in rpcs if rpc.policy.admits_people),
        _refusing({"prefix": "/"}, 404, "This port speaks gRPC only, and has no such method."),
    ]


def rest_match(binding: Binding) -> dict[str, Any]:
    """Match the requests of one REST binding and no others."""
    return {"safe_regex": {"regex": path_regex(binding.template)}, "headers": [_verb(binding.verb)]}


def native_match(rpc: Rpc) -> dict[str, Any]:
    """Match native gRPC calls of one RPC; the same path with JSON in it is not one."""
    return {"path": rpc.path, "grpc": {}}


def _serving(rpc: Rpc, match: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": rpc.path,
        "match": match,
        "route": {"cluster": rpc.service, "retry_policy": _NEVER_REACHED, **_limits(rpc)},
    }


def _reads(reading: strict.Reading) -> dict[str, Any]:
    return {"metadata": {"filter_metadata": {strict.FILTER: dict(reading)}}}


def _limits(rpc: Rpc) -> dict[str, Any]:
    if rpc.policy.deadline is not None:
        return {"timeout": seconds(rpc.policy.deadline + GRACE)}
    return {
        "priority": WATCHING,
        # The route timeout counts from the request's end and would cut every watch after 15 s.
        "timeout": "0s",
        "idle_timeout": seconds(STREAM_IDLE),
        "max_stream_duration": {"max_stream_duration": seconds(STREAM_LIFE)},
    }


def _wrong_verbs(bindings: list[Binding], transcoder: str) -> Iterator[dict[str, Any]]:
    verbs: dict[str, set[str]] = {}
    for binding in bindings:
        verbs.setdefault(path_regex(binding.template), set()).add(binding.verb)
    for regex, allowed in sorted(verbs.items()):
        allow = ", ".join(sorted(allowed))
        refusing = _refusing({"safe_regex": {"regex": regex}}, 405, f"This path takes {allow} only.", transcoder)
        yield {**refusing, "response_headers_to_add": [{"header": {"key": "allow", "value": allow}}]}


def _refusing(match: dict[str, Any], status: int, sentence: str, transcoder: str | None = None) -> dict[str, Any]:
    off = typed("envoy.config.route.v3.FilterConfig", disabled=True)
    return {
        "match": match,
        "direct_response": {"status": status, "body": {"inline_string": sentence}},
        **({"typed_per_filter_config": {transcoder: off}} if transcoder else {}),
    }


def _verb(verb: str) -> dict[str, Any]:
    return {"name": ":method", "string_match": {"exact": verb}}


def seconds(duration: timedelta) -> str:
    """Spell a duration as protobuf's JSON does."""
    return f"{duration.total_seconds():g}s"
