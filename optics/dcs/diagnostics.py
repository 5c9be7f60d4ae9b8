"""What the reader has to say about a file it could read."""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnostic matters to whoever makes lenses from the file."""

    INFO = "info"
    """Nothing to do. The reader says where a value comes from, or what it left alone."""
    WARNING = "warning"
    """A value was chosen, normalised or left raw, or two values disagree. Worth a look."""
    ERROR = "error"
    """A value is there and cannot be used. The job reads as if it were absent."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One remark about one label.

    A message never quotes a label that may hold a person's name.
    """

    severity: Severity
    label: str
    """The label as written; empty for a line that is no record."""
    line: int
    """The line it stands on, counted from 1."""
    message: str
    """A whole sentence."""


@dataclass(slots=True)
class Notes:
    """The diagnostics of one reading, as they come up."""

    _found: list[Diagnostic] = field(default_factory=list)

    def info(self, label: str, line: int, message: str) -> None:
        """Note where a value comes from, or what was left alone."""
        self._found.append(Diagnostic(Severity.INFO, label, line, message))

    def warn(self, label: str, line: int, message: str) -> None:
        """Note a choice or a contradiction worth a look."""
        self._found.append(Diagnostic(Severity.WARNING, label, line, message))

    def error(self, label: str, line: int, message: str) -> None:
        """Note a value that is there and cannot be used."""
        self._found.append(Diagnostic(Severity.ERROR, label, line, message))

    def in_order(self) -> tuple[Diagnostic, ...]:
        """Return what was noted, by line, and within a line as it came up."""
        return tuple(sorted(self._found, key=lambda note: note.line))


_LONGEST_QUOTE = 40


def quoted(text: str) -> str:
    """Return a file's text for use in a message: in quotes, without control characters, and short."""
    return repr(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "...")
