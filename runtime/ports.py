"""Free ports, and who sits on a taken one."""

import random
import socket

import psutil

LOOPBACK = "127.0.0.1"

# Below the range from which Linux (32768+) and macOS (49152+) number outgoing connections: a port found free here is
# not lost to somebody's client socket before our server binds it.
_CANDIDATES = range(20_000, 32_000)
_ATTEMPTS = 100


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """Choose a port that nobody listens on and that is not in `taken`.

    Raises:
        OSError: none was found, which on a healthy machine does not happen.
    """
    for port in random.sample(_CANDIDATES, _ATTEMPTS):
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port among {_ATTEMPTS} tried between {_CANDIDATES.start} and {_CANDIDATES.stop}")


def holder(port: int) -> str | None:
    """Name the process that listens on `port`, as far as this user may know it: `postgres (pid 812)`."""
    try:
        listening = (c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
        pid = next((c.pid for c in listening if c.laddr[1:] == (port,)), None)
        return f"{psutil.Process(pid).name()} (pid {pid})" if pid else None
    except (psutil.AccessDenied, psutil.NoSuchProcess):  # other people's sockets on macOS; gone meanwhile
        return None
