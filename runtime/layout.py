"""Where things lie below the home of a mesh.

home/
  data/postgres, data/nats    the databases; removing `home` removes them
  data/history.jsonl          the heads of the catalog's history, outside its database
  log/NAME.log, NAME.log.1    what each process wrote
  run/state.json, run/lock    what runs now, and the lock of the one supervisor
  config/                     files written for the servers at every start
  keys/                       secrets and tokens, readable by their owner only
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import HomeUnusableError

# Folders that others may pass through (PostgreSQL's user must reach its data), and the one they may not.
_OPEN = ("data", "log", "run", "config")
_PRIVATE = ("keys", "keys/tokens")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one mesh."""

    home: Path

    @property
    def data(self) -> Path:
        """The databases."""
        return self.home / "data"

    @property
    def history(self) -> Path:
        """The heads of the catalog's history, which the lab keeps outside its database."""
        return self.data / "history.jsonl"

    @property
    def keys(self) -> Path:
        """Secrets, certificates and tokens."""
        return self.home / "keys"

    @property
    def config(self) -> Path:
        """Configuration files of the servers, written anew at every start."""
        return self.home / "config"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.home / "log"

    @property
    def state(self) -> Path:
        """What runs now; see `runtime.state`."""
        return self.home / "run" / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor while it lives."""
        return self.home / "run" / "lock"

    def log(self, name: str) -> Path:
        """The log of the process called `name`."""
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the folders that are missing, with the right permissions.

        Raises:
            HomeUnusableError: this user may not write there.
        """
        try:
            if not self.home.exists():
                self.home.mkdir(parents=True)
                self.home.chmod(0o755)  # whatever the umask; an existing folder keeps what its owner chose
            for mode, names in ((0o755, _OPEN), (0o700, _PRIVATE)):
                for name in names:
                    folder = self.home / name
                    folder.mkdir(exist_ok=True)
                    folder.chmod(mode)
        except OSError as error:
            raise HomeUnusableError(
                f"The state folder {self.home} cannot be written ({error.strerror}). "
                "Choose another one with LENSMESH_HOME, or give it to your user."
            ) from error

    def free_bytes(self) -> int:
        """Room left on the file system of the home."""
        return shutil.disk_usage(self.home).free
