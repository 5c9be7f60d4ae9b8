"""What can keep the mesh from running, each as a sentence a person can act on.

    MeshError
    ├── SettingsError           a LENSMESH_ variable makes no sense
    ├── ToolMissingError        a server's program is not installed
    ├── HomeUnusableError       the state folder cannot be written, or belongs to another user
    ├── DiskFullError           too little room for the databases
    ├── PortTakenError          another process listens where ours has to
    ├── NotRunningError         the command needs a mesh that is up
    ├── AlreadyRunningError     another supervisor holds this home
    ├── StartFailedError        a process did not become ready; carries its last log lines
    ├── RestartFailedError      a process did not come back, or must not be asked to leave now
    ├── UnknownProcessError     a process was named that the mesh does not have
    └── TokenRefusedError       a token was asked for that nobody may hold

The command line prints `str(error)` and nothing else, so every raise carries the way out in its sentence.
"""


class MeshError(Exception):
    """The root of everything this package raises on purpose."""


class SettingsError(MeshError):
    """A setting in the environment makes no sense."""


class ToolMissingError(MeshError):
    """A server's program is not installed in this environment."""


class HomeUnusableError(MeshError):
    """The state folder cannot be used by this user."""


class DiskFullError(MeshError):
    """The file system of the state folder is (almost) full."""


class PortTakenError(MeshError):
    """Another process listens on a port of the mesh."""


class NotRunningError(MeshError):
    """There is no running mesh to talk to."""


class AlreadyRunningError(MeshError):
    """A supervisor for this home is running already."""


class StartFailedError(MeshError):
    """A process of the mesh did not become ready."""


class RestartFailedError(MeshError):
    """A process could not be restarted."""


class TokenRefusedError(MeshError):
    """The token asked for is not one this mesh issues."""


class UnknownProcessError(MeshError):
    """The mesh has no process of that name."""
