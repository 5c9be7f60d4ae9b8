"""What can go wrong between the command line and the mesh, each as a sentence a person can act on.

MeshError (runtime.errors)
├── RefusedError        the mesh answered, and the answer is no; carries all the mesh said
├── UnreachableError    nothing answers at the mesh's address
├── StrangeAnswerError  something answers there that is not a mesh
├── FileUnusableError   a file given to the command cannot be sent
├── NameInvalidError    an order or a job was named that cannot exist
└── CommandInvalidError options were given that do not go together
"""

from cli.refusals import Refusal
from runtime.errors import MeshError


class RefusedError(MeshError):
    """The mesh refused what was asked.

    Attributes:
        refusal: all that it said.
        way_out: what to type next, when the command knows better than the mesh's reason tells.
    """

    def __init__(self, refusal: Refusal, way_out: str = "") -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal
        self.way_out = way_out or refusal.way_out


class UnreachableError(MeshError):
    """Nothing answers at the address of the mesh."""


class StrangeAnswerError(MeshError):
    """What answered does not speak as a mesh does."""


class FileUnusableError(MeshError):
    """A file cannot be read, or not be sent."""


class NameInvalidError(MeshError):
    """What was named cannot exist."""


class CommandInvalidError(MeshError):
    """What a command was asked for contradicts itself, or is nothing."""
