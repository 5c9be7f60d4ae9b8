"""A spec in words, as an optician would read it out."""

from collections.abc import Iterator, Mapping

from rules.catalog import Catalog, Entry
from rules.spec import Eye, Eyes, Frame, Spec
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


def _name(entry: str, entries: Mapping[str, Entry]) -> str:
    return entries[entry].name if entry in entries else entry


def _measures(noun: str, given: Eye | Frame) -> Iterator[str]:
    for term in SUBJECTS[noun].terms.values():
        if term.path and term.field.optional:
            value = getattr(given, term.field.name)
            if value is not None:
                yield f"{term.words} {spoken(value, term.field.unit) if term.field.unit else value}"
