"""Calls to a served house, and what their refusals say."""

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.rpc import error_details_pb2, status_pb2

Metadata = tuple[tuple[str, str], ...]


class Issuer(Protocol):
    """Issues tokens: the session's keys."""

    jwks_file: Path

    def token(self, *, roles: tuple[str, ...] = ..., practice: str | None = ..., service: str | None = ...) -> str:
        """Returns a token of a person or a service."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call's error as its caller sees it."""

    code: grpc.StatusCode
    message: str
    status: status_pb2.Status

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        """The detail that every error carries."""
        return self.detail(error_details_pb2.ErrorInfo())

    def detail(self, kind: Any) -> Any:  # noqa: ANN401 -- any detail
        """Returns the detail of this kind; fails when there is none."""
        for detail in self.status.details:
            if detail.Unpack(kind):
                return kind
        raise AssertionError(f"no {kind.DESCRIPTOR.full_name} in {self.status}")


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    """Returns what an error carries."""
    trailing = dict(error.trailing_metadata() or ())
    assert "grpc-status-details-bin" in trailing, f"an error without details: {error}"
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    return Refusal(error.code(), str(error.details()), status)


async def refused(call: Awaitable[object]) -> Refusal:
    """Returns the refusal of a call that must be refused."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    raise AssertionError(f"not refused but answered: {answer}")


def bearer(token: str) -> Metadata:
    """Returns the metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)
