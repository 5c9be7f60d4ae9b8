"""The lab's side of the mesh: gRPC with TLS, by the generated stubs, as any integrator uses it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import typer

from cli import access, refusals, show
from cli.access import Token
from cli.errors import FileUnusableError, NameInvalidError, RefusedError, UnreachableError
from cli.terminal import LENSMESH, err

_WAYS_OUT = {"INTERNAL": f"What happened: `{LENSMESH} logs lims`."}
_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)


def credentials(ca: Path) -> grpc.ChannelCredentials:
    """What verifies the edge: the certificate authority in a file.

    Raises:
        FileUnusableError: the file cannot be read.
    """
    try:
        return grpc.ssl_channel_credentials(ca.read_bytes())
    except OSError as error:
        raise FileUnusableError(f"The certificate authority {ca} cannot be read ({error.strerror}).") from error


def metadata(token: Token) -> tuple[tuple[str, str], ...]:
    """The metadata that says who calls; made anew for every call, since tokens are renewed."""
    return (("authorization", f"Bearer {token()}"),)


@contextmanager
def connected() -> Iterator[grpc.Channel]:
    """A channel to the mesh that runs on this machine.

    Raises:
        NotRunningError: none does.
        RefusedError: a call in the block was refused.
        UnreachableError: the edge did not answer a call in the block.
    """
    mesh = access.running_mesh()
    with grpc.secure_channel(mesh.grpc_target, credentials(mesh.ca)) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            refusal = refusals.of_call(error)
            if not refusal.reason and error.code() in _SILENT:  # gRPC's own words, not the mesh's
                raise UnreachableError(
                    f"Nothing answers at {mesh.grpc_target} ({refusal.message}). "
                    f"What is the matter: `{LENSMESH} status`."
                ) from error
            raise RefusedError(refusal, _WAYS_OUT.get(refusal.reason, "")) from error


@contextmanager
def answering(*, as_json: bool) -> Iterator[grpc.Channel]:
    """The same for a command: what the lab refuses is reported, and ends the command with 1."""
    try:
        with connected() as channel:
            yield channel
    except RefusedError as error:
        if as_json:
            typer.echo(json.dumps(error.refusal.document, ensure_ascii=False), err=True)
        else:
            show.refusal(err(), error)
        raise typer.Exit(1) from error


def job_name(typed: str) -> str:
    """The resource name of a job that was typed as its number, or as its tray's bar code says it.

    Raises:
        NameInvalidError: no job can be called so.
    """
    number = typed.removeprefix("jobs/")
    if not number.isdecimal() or not number.isascii() or number.startswith("0"):
        raise NameInvalidError(f"`{typed}` is no job's number. All there are: `{LENSMESH} lims jobs`.")
    return f"jobs/{number}"
