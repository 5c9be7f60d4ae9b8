"""A spec in words, as an optician would read it out; and a box of a table that is asked of no spec."""

from collections.abc import Iterator, Mapping

from rules.catalog import Catalog, Entry
from rules.expression.view import Field
from rules.proof.tables import OTHER, Values
from rules.spec import Eye, Eyes, Frame, Spec
from rules.tables import Table
from rules.units import spoken
from rules.view import SIDE_NAMES, SUBJECTS, capital


def described(spec: Spec, catalog: Catalog) -> str:
    """Returns what a spec orders, in a line."""
    lens = spec.lens
    chosen = [
        _name(lens.design, catalog.designs) or "no design",
        f"in {_name(lens.material, catalog.materials) or 'no material'}",
        _name(lens.colour, catalog.colours),
        *(_name(each, catalog.coatings) for each in lens.coatings),
        *(_name(each, catalog.options) for each in lens.options),
    ]
    eyes = {Eyes.BOTH: "the pair", Eyes.RIGHT: "right lens", Eyes.LEFT: "left lens"}.get(spec.eyes, "eyes not said")
    parts = [f"{' '.join(chosen[:2])}, {', '.join(each for each in (*chosen[2:], eyes) if each)}"]
    parts += [f"{SIDE_NAMES[side]} eye: {', '.join(_measures('eye', eye))}" for side, eye in spec.eyes_made()]
    said = [f"edge {spec.frame.edge_type}", f"material {spec.frame.material}"]
    said += ["traced"] if spec.frame.traces.right or spec.frame.traces.left else []
    parts.append(", ".join((*_measures("frame", spec.frame), *said)))
    parts += [f"account {spec.account}"] if spec.account else []
    return capital("; ".join(parts)) + "."


def boxed(table: Table, values: Values) -> str:
    """Returns a point of a table's box, in the words of its columns; what no row asks for is left out."""
    return ", ".join(
        f"{column.name} {_said(values[column.path], column.field)}" for column in table.columns if column.path in values
    )


def _said(value: object, field: Field) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None | "" | ():
            return "absent"
        case int():
            return spoken(value, field.unit) if field.unit else str(value)
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return "any other" if value == OTHER else str(value)


def _name(entry: str, entries: Mapping[str, Entry]) -> str:
    return entries[entry].name if entry in entries else entry


def _measures(noun: str, given: Eye | Frame) -> Iterator[str]:
    for term in SUBJECTS[noun].terms.values():
        if term.path and term.field.optional:
            value = getattr(given, term.field.name)
            if value is not None:
                yield f"{term.words} {spoken(value, term.field.unit) if term.field.unit else value}"
