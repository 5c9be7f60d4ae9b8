"""How the tests read what the edge answers."""

import json
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Refused:
    """A refusal in the one error shape."""

    status: int
    code: int
    reason: str
    message: str
    field: str = ""
    """The field it is about, where the reason names one."""


def refused(response: httpx.Response) -> Refused:
    """Read a refusal, and hold it to the one shape: nothing missing, nothing besides, no null."""
    assert response.headers["content-type"] == "application/json", response.text
    body = response.json()
    assert set(body) == {"code", "message", "details"}
    info, *others = body["details"]
    assert set(info) - {"metadata"} == {"@type", "reason", "domain"}
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "lensmesh"
    assert all(isinstance(value, str) for value in info.get("metadata", {}).values())
    assert all(other["@type"].startswith("type.googleapis.com/") for other in others)
    assert body["message"]
    field = info.get("metadata", {}).get("field", "")
    return Refused(response.status_code, body["code"], info["reason"], body["message"], field)


def refused_natively(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Read a native refusal: its code, and the reason in details that agree with code and message."""
    status = rpc_status.from_call(error)
    assert status is not None, f"{error.code()} without details: {error.details()}"
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "lensmesh"
    return error.code(), info.reason


def events(text: str) -> list[Any]:
    """Read a whole server-sent event stream."""
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]
