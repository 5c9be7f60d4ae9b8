"""The mesh on REST, as any client sees it: typed calls, the one error shape, and watches that outlive their connection.

    edge = Edge("http://localhost:8080", token)
    order = edge.call(GetOrderRequest(name=…), Order).message
    for told in edge.watch(WatchOrderRequest(name=…), WatchOrderResponse): …

A call that could not be delivered is repeated a few times. That is safe: whoever makes a request that is not
idempotent by nature puts a `request_id` into it, and the repeat carries the same one.
"""

import copy
import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import httpx
import stamina
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import Message
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.type.v1.stream_pb2 import End

from cli import refusals
from cli.errors import RefusedError, StrangeAnswerError, UnreachableError
from cli.terminal import LENSMESH
from cli.transcoding import rest

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0  # longer than any deadline in the contract: the mesh itself says when it is too late
_SILENCE_SECONDS = 45.0  # of a watch, whose heartbeats come every 15 s
_ATTEMPTS = 4
_ATTEMPT_SECONDS = 20.0
_RECONNECT_SECONDS = 120.0  # a mesh that restarts is back by then
_PAUSE_SECONDS = 0.3  # before a watch that was cut is resumed
_SHOWN = 120

M = TypeVar("M", bound=Message)
WatchRequest = rpc.WatchOrderRequest | rpc.WatchOrdersRequest
W = TypeVar("W", rpc.WatchOrderResponse, rpc.WatchOrdersResponse)


@dataclass(frozen=True, slots=True)
class Answer(Generic[M]):
    """What the mesh answered: the JSON as it came, and the message it is."""

    text: str
    message: M


class Edge:
    """The REST interface at `url`; `token` is asked for every request."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self._url = url
        self._token = token
        # A proxy of the user's environment is for the world outside, not for this machine.
        outside = urlsplit(url).hostname not in {"localhost", "127.0.0.1", "::1"}
        timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        self._client = httpx.Client(base_url=url, timeout=timeout, trust_env=outside)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, request: Message, kind: type[M], body: bytes | None = None, content_type: str = "") -> Answer[M]:
        """Call the RPC that takes `request` and return its answer.

        Args:
            request: the request; its paths, query and body are what the contract makes of it.
            kind: the type of the answer.
            body: the bytes of the field that the contract names as the body, where they are sent as they are.
            content_type: what these bytes are.

        Raises:
            RefusedError: the mesh says no.
            UnreachableError: nothing answers.
            StrangeAnswerError: something answers that is not a mesh.
        """
        prepared = self._prepare(request, body, content_type)
        retrying = stamina.RetryingCaller(attempts=_ATTEMPTS, timeout=_ATTEMPT_SECONDS, wait_jitter=0.2)
        with self._said_plainly():
            response = retrying.on(_worth_repeating)(self._send, prepared)
        return self._answer(response.text, kind)

    def watch(self, request: WatchRequest, kind: type[W]) -> Generator[Answer[W], None, None]:
        """Yield the messages of a watch until it is complete, in order, none twice and none left out.

        A stream that is cut, silent for too long, or ended by a server that goes away is resumed after the last
        message's cursor.

        Raises:
            RefusedError: the mesh says no, at first or in the middle.
            UnreachableError: nothing answers, for two minutes.
            StrangeAnswerError: something answers that is not a mesh.
        """
        position = copy.deepcopy(request)
        while True:
            try:
                with self._opened(position) as response:
                    for text in _events(response.iter_lines()):
                        told = self._told(text, kind)
                        position.cursor = told.message.cursor or position.cursor
                        yield told
                        if _over(told.message):
                            return
            except httpx.TransportError:
                pass  # cut: what was not yielded yet is told again
            time.sleep(_PAUSE_SECONDS)

    @contextmanager
    def _opened(self, request: WatchRequest) -> Iterator[httpx.Response]:
        def open_it() -> httpx.Response:
            prepared = self._prepare(request)
            prepared.headers["accept"] = "text/event-stream"
            prepared.extensions["timeout"]["read"] = _SILENCE_SECONDS
            return self._send(prepared, stream=True)

        retrying = stamina.RetryingCaller(attempts=None, timeout=_RECONNECT_SECONDS, wait_jitter=0.2)
        with self._said_plainly():
            response = retrying.on(_worth_repeating)(open_it)
        try:
            yield response
        finally:
            response.close()

    def _told(self, text: str, kind: type[W]) -> Answer[W]:
        """Read one message of a watch; raise the error it may carry."""
        error = _json_object(text).get("error")
        if isinstance(error, dict) and (refusal := refusals.read(error)) is not None:
            raise RefusedError(refusal)
        return self._answer(text, kind)

    def _prepare(self, request: Message, body: bytes | None = None, content_type: str = "") -> httpx.Request:
        spelled = rest(request)
        prepared = self._client.build_request(
            spelled.method,
            spelled.path,
            params=list(spelled.query) or None,
            content=body,
            json=spelled.json if body is None else None,
        )
        if content_type:
            prepared.headers["content-type"] = content_type
        return prepared

    def _send(self, prepared: httpx.Request, *, stream: bool = False) -> httpx.Response:
        prepared.headers["authorization"] = f"Bearer {self._token()}"
        response = self._client.send(prepared, stream=stream)
        if response.is_success:
            return response
        text = response.read().decode(errors="replace")
        response.close()
        if (refusal := refusals.read(_json_object(text))) is None:
            raise self._strange(f"{response.status_code} {response.reason_phrase}", text)
        raise RefusedError(refusal)

    def _answer(self, text: str, kind: type[M]) -> Answer[M]:
        with suppress(ParseError):
            if text.lstrip().startswith("{"):  # the parser would take an empty list for an empty message
                return Answer(text, Parse(text, kind(), ignore_unknown_fields=True))
        raise self._strange("an answer the contract does not know", text)

    def _strange(self, what: str, text: str) -> StrangeAnswerError:
        begin = " ".join(text.split())[:_SHOWN] or "nothing"
        return StrangeAnswerError(
            f"What answers at {self._url} is no Lensmesh edge: it said {what}, and then: {begin}. "
            "Is LENSMESH_URL right, and does another program use this port?"
        )

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise UnreachableError(
                f"Nothing answers at {self._url} ({error}). What is the matter: `{LENSMESH} status`."
            ) from error


def _worth_repeating(error: Exception) -> bool | float:
    """Whether, or after how many seconds, a call that ended so shall be made again."""
    match error:
        case httpx.TransportError():
            return True
        case RefusedError() if error.refusal.retry_after is not None:
            return error.refusal.retry_after
        case _:
            return False


def _events(lines: Iterable[str]) -> Iterator[str]:
    """The data of each server-sent event; an event without its blank line was cut, and is none."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def _over(message: rpc.WatchOrderResponse | rpc.WatchOrdersResponse) -> bool:
    return message.WhichOneof("event") == "end" and message.end.reason != End.REASON_SERVER_DRAINING


def _json_object(text: str) -> dict[str, Any]:
    """The object a text is, or an empty one."""
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
