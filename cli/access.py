"""Where the mesh is, and as whom the command line speaks to it.

By default: the mesh that runs on this machine, with tokens signed by its local keys. Elsewhere: `LENSMESH_URL` names
the REST base URL of a mesh and `LENSMESH_TOKEN` is the token sent to it.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cli.terminal import LENSMESH
from runtime import settings, state
from runtime.errors import NotRunningError, SettingsError, TokenRefusedError
from runtime.layout import Layout
from runtime.state import MeshState

Token = Callable[[], str]
"""Gives a valid token; asked for every request, so that a long watch outlives one token."""

_LIFE = timedelta(minutes=15)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True, slots=True)
class Person:
    """As whom a command speaks."""

    role: str
    """`optician`, `practice_manager`, `lab_operator` or `principal_engineer`."""
    practice: str | None = None
    """Resource name of the practice, `practices/demo`; `None` for the lab's people."""

    @property
    def subject(self) -> str:
        """Resource name of the person, `users/demo-optician`."""
        practice = self.practice.removeprefix("practices/") if self.practice else None
        return "users/" + "-".join(filter(None, (practice, self.role.replace("_", "-"))))


def url() -> str:
    """The base URL of the REST interface, without a slash at its end.

    Raises:
        NotRunningError: no mesh runs here, and no other is named.
        SettingsError: LENSMESH_URL is no URL.
    """
    chosen = os.environ.get("LENSMESH_URL", "").strip().rstrip("/")
    if not chosen:
        return running_mesh().http_url
    try:
        parts = urlsplit(chosen)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise SettingsError(f"LENSMESH_URL={chosen} is no address. Write it as http://localhost:8080, or unset it.")
    return chosen


def running_mesh() -> MeshState:
    """The mesh that runs on this machine.

    Raises:
        NotRunningError: none does.
    """
    current = state.read(settings.load().home)
    if current is None or not current.running:
        raise NotRunningError(f"The mesh is not running: type `{LENSMESH} up`.")
    return current


def token(person: Person) -> Token:
    """What gives the tokens of `person`: LENSMESH_TOKEN when it is set, else the local keys.

    Raises:
        TokenRefusedError: LENSMESH_TOKEN holds no token, or nobody may hold the one asked for.
        NotRunningError: there are no local keys.
    """
    if given := os.environ.get("LENSMESH_TOKEN", "").strip():
        if not _TOKEN.fullmatch(given):
            raise TokenRefusedError(f"LENSMESH_TOKEN holds no token. `{LENSMESH} token` prints one; or unset it.")
        return lambda: given
    return _issuer(person)


def _issuer(person: Person) -> Token:
    from runtime import keys  # noqa: PLC0415 - brings cryptography; commands with a token of their own stay quick

    own = keys.load(Layout(settings.load().home).keys)
    roles, practice = [person.role], person.practice

    def issue() -> str:
        return keys.issue_token(own, subject=person.subject, roles=roles, practice=practice, ttl=_LIFE)

    issue()  # a person who cannot be is refused now, not in the middle of the work
    return issue


def token_file(path: Path) -> Token:
    """What gives the token in a file that somebody else keeps fresh.

    Raises:
        TokenRefusedError: the file cannot be read or holds no token; now, and whenever a token is asked for.
    """

    def read() -> str:
        try:
            held = path.read_text(errors="replace").strip()
        except OSError as error:
            raise TokenRefusedError(f"The token file {path} cannot be read ({error.strerror}).") from error
        if not _TOKEN.fullmatch(held):
            raise TokenRefusedError(f"The token file {path} holds no token.")
        return held

    read()  # before any work begins
    return read
