"""The lab's side of the mesh: gRPC with TLS, by the generated stubs, as any integrator uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from cli import access, refusals
from cli.access import Token
from cli.errors import FileUnusableError, RefusedError, UnreachableError
from cli.terminal import LENSMESH

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
            raise RefusedError(refusal) from error
