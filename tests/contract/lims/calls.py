"""How the tests of this folder call the LIMS, and how they see a refusal."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.type.v1.violation_pb2 import Violation, Violations

from tests.support.processes import Process

Metadata = tuple[tuple[str, str], ...]
MakeJob = Callable[[], Job]
M = TypeVar("M", bound=Message)
Serve = Callable[..., AbstractContextManager[Process]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as a caller sees it."""

    code: grpc.StatusCode
    reason: str
    domain: str
    metadata: dict[str, str]
    message: str
    fields: tuple[str, ...]
    violations: tuple[Violation, ...]


def refused(call: Callable[..., object], request: Message, metadata: Metadata) -> Refusal:
    """Makes a call that has to be refused, and returns how it was."""
    with pytest.raises(grpc.RpcError) as raised:
        _exhaust(call(request, metadata=metadata, timeout=10))
    status = rpc_status.from_call(raised.value)
    assert status is not None, "every error carries its details"
    info = _detail(status, error_details_pb2.ErrorInfo)
    return Refusal(
        code=raised.value.code(),
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        message=status.message,
        fields=tuple(each.field for each in _detail(status, error_details_pb2.BadRequest).field_violations),
        violations=tuple(_detail(status, Violations).violations),
    )


def _exhaust(answer: object) -> None:
    """Reads a stream to its end, where an answer is one."""
    if isinstance(answer, Iterable):
        list(answer)


def _detail(status: status_pb2.Status, kind: type[M]) -> M:
    """Returns a detail of a status; an empty one where it has none of that kind."""
    detail = kind()
    for packed in status.details:
        packed.Unpack(detail)
    return detail
