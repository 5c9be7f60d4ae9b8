"""What to type next: one line that can be copied, and goes on with what the user chose so far."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR, Violation

from cli import order_file
from cli.terminal import LENSMESH

_OPTIONS: Mapping[str, str] = {
    "lens.design": "--design",
    "lens.material": "--material",
    "lens.colour": "--colour",
    "lens.coatings": "--coating",
}
"""The options of `orders update`, by the field each one sets."""

_ANY = "ID"
_VALUE = "VALUE"  # no JSON: whoever forgets to write the value is told so
_FIELDS = 4  # in one example
_REMEMBERABLE = ("lens.design", "lens.material")


def command(practice: str, *words: str) -> str:
    """A command of `orders` for the same practice, `practices/demo`."""
    identifier = practice.rpartition("/")[2]
    elsewhere = ("--practice", identifier) if identifier != "demo" else ()
    return " ".join((LENSMESH, "orders", *words, *elsewhere))


@dataclass(frozen=True, slots=True)
class NextStep:
    """How it goes on with an order.

    Attributes:
        name: Its resource name.
        submit: Whether the user wants it submitted.
        watch: Whether the user wants to follow it.
    """

    name: str
    submit: bool = False
    watch: bool = False

    def after(self, violations: Sequence[Violation]) -> str:
        """What to type when the lab has said this of the order: correct it, or submit it."""
        errors = [each for each in violations if each.severity == SEVERITY_ERROR]
        return self._correct(errors) if errors else f"Submit it: {self.command('submit')}"

    def command(self, verb: str, *words: str) -> str:
        """A command about the order, with what the user wants."""
        practice, _, identifier = self.name.rpartition("/orders/")
        wanted = (("--submit", self.submit), ("--watch", self.watch))
        return command(practice, verb, identifier, *words, *(option for option, asked in wanted if asked))

    def _correct(self, errors: Iterable[Violation]) -> str:
        told: dict[str, Violation] = {}
        for error in errors:
            told.setdefault(error.field, error)  # one correction to a field
        chosen = [(option, told[field]) for field, option in _OPTIONS.items() if field in told]
        written = order_file.nested(dict(_written(each for field, each in told.items() if field not in _OPTIONS)))
        words = [f"{option} {_first(each)}" for option, each in chosen]
        if written:
            line = f"echo '{_json(written)}' | {self.command('update', '-', *words)}"
        elif chosen:
            line = self.command("update", *words)
        else:
            line = f"{self.command('update', 'order.json')}, with what `get --json` prints, corrected, in the file"
        lines = [f"Correct it, for example:\n  {line}"]
        if not chosen:
            lines.append(f"Or with another lens:\n  {self.command('update', '--design ID --material ID')}")
        if not chosen or any(_first(each) == _ANY for _, each in chosen):
            lines.append(f"All there is to choose from: {LENSMESH} lims catalog")
        if any(each.code == "UNKNOWN_LENS_NAME" for field, each in told.items() if field in _REMEMBERABLE):
            lines.append("An import with the choice and --remember remembers it: the next such file needs none.")
        return "\n".join(lines)


def _first(objection: Violation) -> str:
    """What would do instead; coatings are chosen all at once, and only the user knows which."""
    fits = objection.alternatives and objection.field != "lens.coatings"
    return objection.alternatives[0] if fits else _ANY


def _written(errors: Iterable[Violation]) -> Iterable[tuple[str, object]]:
    """The fields to write, with null for what has to go."""
    for error in list(errors)[:_FIELDS]:
        value = next(iter(order_file.choices(error.field)), _VALUE)
        yield error.field, None if error.code == "NOT_APPLICABLE" else value


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document).replace(f'"{_VALUE}"', _VALUE)
