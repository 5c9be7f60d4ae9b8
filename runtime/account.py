"""Which user runs a server that refuses to be root.

PostgreSQL does not start under uid 0. When the mesh is started by root (a container, a CI machine), it therefore runs
under a system user of its own, `lensmesh`, made on first use; where users cannot be made, under `nobody`.
"""

import grp
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM_USER = "lensmesh"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group of this machine."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The login name, or the number of a user that has none (as in many containers)."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def spawn_arguments(self) -> dict[str, Any]:
        """Arguments for `subprocess` that start a child as this user: none when we are that user already."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, path: Path) -> bool:
        """Tell whether this user may reach `path`: the x bit of it and of every folder above."""
        resolved = path.resolve()
        return all(self._may_search(folder) for folder in (resolved, *resolved.parents) if folder.exists())

    def _may_search(self, path: Path) -> bool:
        status = path.stat()
        if self.uid in (0, status.st_uid):
            return self.uid == 0 or bool(status.st_mode & 0o100)
        if self.gid == status.st_gid:
            return bool(status.st_mode & 0o010)
        return bool(status.st_mode & 0o001)

    def own(self, path: Path, mode: int) -> None:
        """Give `path` to this user with exactly these permissions."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)


def current() -> Account:
    """The user we are."""
    return Account(os.geteuid(), os.getegid())


def unprivileged() -> Account:
    """The user we are, or, for root, the system user that stands in for it."""
    if os.geteuid() != 0:
        return current()
    return _existing(SYSTEM_USER) or _created(SYSTEM_USER) or _nobody()


def owner_of(path: Path) -> Account:
    """The user to whom `path` belongs."""
    status = path.stat()
    return Account(status.st_uid, status.st_gid)


def _existing(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _created(name: str) -> Account | None:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        return None
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - fixed arguments, root's own useradd
    return _existing(name)  # asked, not assumed: somebody else may have made it meanwhile, or /etc may be read-only


def _nobody() -> Account:
    try:
        return _existing("nobody") or Account(65534, grp.getgrnam("nogroup").gr_gid)
    except KeyError:
        return Account(65534, 65534)
