"""Decides whether a spec can be made: every objection at its field, or the route it takes.

What the tables say is done here and what they say is theirs. Only what a table cannot be asked is written in code:
that the eyes are said, and that the ids of a spec are in the catalog and go together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from optics.eyes import Side
from rules.catalog import Catalog, Entry
from rules.quantities import UNITS, Reading, Readings, measure, spoken
from rules.spec import Eyes, Spec
from rules.tables import Chosen, Interval, Limit, Presence, Severity, Step

NOT_GIVEN = "NOT_GIVEN"
NOT_APPLICABLE = "NOT_APPLICABLE"
UNKNOWN_ENTRY = "UNKNOWN_ENTRY"
NOT_AVAILABLE = "NOT_AVAILABLE"
CLASH = "CLASH"
OFF_STEP = "OFF_STEP"
OUT_OF_RANGE = "OUT_OF_RANGE"

_ALTERNATIVES = 5
_ALIKE = 0.55  # below it, what an entry has in common with what was wanted is chance
_ANY = Interval(None, None, "")


@dataclass(frozen=True, slots=True)
class Violation:
    """An objection.

    Attributes:
        code: Stable, for programs.
        severity: How much it weighs.
        field: The contract path it is about.
        message: What is wrong and the way out, in the words of the trade.
        alternatives: Catalog ids that would do instead, nearest first.
    """

    code: str
    severity: Severity
    field: str
    message: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of a spec.

    Attributes:
        violations: Every objection, the gravest first.
        route: The stations it passes, by id, in order; empty when it cannot be made.
    """

    violations: tuple[Violation, ...]
    route: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether it can be made: no violation is an error."""
        return all(violation.severity < Severity.ERROR for violation in self.violations)


@dataclass(frozen=True, slots=True)
class _Case:
    """One spec under one catalog, with everything the checks ask of both."""

    catalog: Catalog
    spec: Spec
    chosen: Chosen
    readings: Readings

    def readings_for(self, row: Limit | Step) -> Iterator[Reading]:
        """Yields the readings that a row is for."""
        if row.when.chosen(self.chosen):
            for reading in self.readings.get(row.quantity, ()):
                if reading.side is None or row.when.seen(self.spec.eye(reading.side)):
                    yield reading

    def measured(self, row: Limit | Step, reading: Reading, says: str, interval: Interval = _ANY) -> str:
        """Returns the message of a measured value: what it is, and what the row says of it."""
        unit = UNITS[row.quantity]
        filled = self.sentence(
            says,
            low="" if interval.low is None else spoken(interval.low, unit),
            high="" if interval.high is None else spoken(interval.high, unit),
            ending=f".{abs(reading.value) % 100:02}",
        )
        return f"{_capital(reading.told)}: {filled}"

    def sentence(self, says: str, **words: str) -> str:
        """Returns a row's sentence with its words in braces filled in."""
        design = self.catalog.designs.get(self.chosen.design)
        material = self.catalog.materials.get(self.chosen.material)
        return says.format(
            design=design.name if design else "this lens",
            material=material.name if material else "this material",
            **words,
        )


def decide(catalog: Catalog, spec: Spec) -> Decision:
    """Returns what the catalog's rules say of a spec. Total: any spec gets an answer, and always the same one."""
    design = catalog.designs.get(spec.lens.design)
    chosen = Chosen(
        design=design.id if design else "",
        design_type=design.type if design else None,
        material=spec.lens.material if spec.lens.material in catalog.materials else "",
        edge_type=spec.frame.edge_type,
    )
    case = _Case(catalog, spec, chosen, measure(spec))
    objections = (violation for check in _CHECKS for violation in check(case))
    violations = tuple(sorted(objections, key=lambda violation: -violation.severity))
    refused = bool(violations) and violations[0].severity is Severity.ERROR
    return Decision(violations, () if refused else catalog.route(chosen))


# ── what the tables say ───────────────────────────────────────────────────────────────────────────────────────────────


def _requirements(case: _Case) -> Iterator[Violation]:
    codes = {Presence.REQUIRED: NOT_GIVEN, Presence.FORBIDDEN: NOT_APPLICABLE}
    for row in case.catalog.requirements:
        if row.when.chosen(case.chosen):
            for asked in row.asked(case.spec):
                if not row.is_met_by(asked.value):
                    message = f"{_capital(asked.words)}: {case.sentence(row.says)}"
                    yield Violation(codes[row.presence], row.severity, asked.field, message)


def _limits(case: _Case) -> Iterator[Violation]:
    """Objects to what lies outside a limit: to one quantity of one eye once at each end.

    Where several rows limit it the gravest is told; where it has several values (the power of both meridians), the one
    that is furthest outside.
    """
    gravest: dict[tuple[str, str, Side | None, bool], Violation] = {}
    for row in case.catalog.limits:
        outside = (
            (reading, *objection) for reading in case.readings_for(row) for objection in row.objections(reading.value)
        )
        for reading, severity, interval in sorted(outside, key=lambda each: -each[2].distance(each[0].value)):
            key = (row.quantity, row.code, reading.side, interval.is_above(reading.value))
            if key not in gravest or severity > gravest[key].severity:
                message = case.measured(row, reading, interval.says, interval)
                gravest[key] = Violation(row.code, severity, reading.field, message)
    yield from gravest.values()


def _steps(case: _Case) -> Iterator[Violation]:
    for row in case.catalog.steps:
        for reading in case.readings_for(row):
            if not row.holds(reading.value):
                yield Violation(OFF_STEP, row.severity, reading.field, case.measured(row, reading, row.says))


# ── what a table cannot be asked ──────────────────────────────────────────────────────────────────────────────────────


def _eyes(case: _Case) -> Iterator[Violation]:
    if case.spec.eyes is Eyes.UNSAID:
        yield Violation(NOT_GIVEN, Severity.ERROR, "eyes", "Eyes: say which lenses to make, the pair or one of them.")


def _design(case: _Case) -> Iterator[Violation]:
    yield from _resolved(case.catalog.designs, "lens.design", "design", case.spec.lens.design)


def _material(case: _Case) -> Iterator[Violation]:
    catalog, wanted = case.catalog, case.spec.lens.material
    yield from _resolved(catalog.materials, "lens.material", "material", wanted)
    design = catalog.designs.get(case.chosen.design)
    if design and case.chosen.material and wanted not in design.materials:
        index = catalog.materials[wanted].index
        nearest = sorted(design.materials, key=lambda material: abs(catalog.materials[material].index - index))
        yield _unavailable(
            "lens.material",
            f"{design.name} is not made in {catalog.materials[wanted].name}",
            nearest,
            catalog.materials,
        )


def _colour(case: _Case) -> Iterator[Violation]:
    catalog, wanted = case.catalog, case.spec.lens.colour
    if not wanted:
        return  # whether a colour has to be chosen is a requirement's business
    yield from _resolved(catalog.colours, "lens.colour", "colour", wanted)
    colour, material = catalog.colours.get(wanted), case.chosen.material
    if colour and material and colour.materials and material not in colour.materials:
        others = [each.id for each in catalog.colours.values() if not each.materials or material in each.materials]
        yield _unavailable(
            "lens.colour",
            f"{colour.name} does not come in {catalog.materials[material].name}",
            _by_likeness(wanted, {each: catalog.colours[each] for each in others}),
            catalog.colours,
        )


def _coatings(case: _Case) -> Iterator[Violation]:
    known: dict[str, str] = {}  # group → the first coating of it
    for wanted in case.spec.lens.coatings:
        yield from _resolved(case.catalog.coatings, "lens.coatings", "coating", wanted)
        coating = case.catalog.coatings.get(wanted)
        if coating and coating.group:
            first = known.setdefault(coating.group, coating.name)
            if first != coating.name:
                message = f"Coatings: {first} and {coating.name} do not go on one lens; choose one of them."
                yield Violation(CLASH, Severity.ERROR, "lens.coatings", message)


def _options(case: _Case) -> Iterator[Violation]:
    for wanted in case.spec.lens.options:
        yield from _resolved(case.catalog.options, "lens.options", "option", wanted)
        option, kind = case.catalog.options.get(wanted), case.chosen.design_type
        if option and kind and option.design_types and kind not in option.design_types:
            design = case.catalog.designs[case.chosen.design].name
            yield _unavailable("lens.options", f"{option.name} is not done on {design}", (), case.catalog.options)


def _resolved(entries: Mapping[str, Entry], field: str, noun: str, wanted: str) -> Iterator[Violation]:
    """Objects to an id that is not chosen or not in the catalog."""
    if not wanted:
        message = f"{_capital(noun)}: none is chosen; choose one from the catalog."
        yield Violation(NOT_GIVEN, Severity.ERROR, field, message)
    elif wanted not in entries:
        nearest = _by_likeness(wanted, entries, _ALIKE)[:_ALTERNATIVES]
        way_out = _way_out(nearest, entries) if nearest else "choose one from the catalog."
        message = f"{_capital(noun)}: the catalog has no {noun} {wanted!r}; {way_out}"
        yield Violation(UNKNOWN_ENTRY, Severity.ERROR, field, message, nearest)


def _unavailable(field: str, fact: str, instead: Iterable[str], entries: Mapping[str, Entry]) -> Violation:
    nearest = tuple(instead)[:_ALTERNATIVES]
    way_out = _way_out(nearest, entries) if nearest else "leave it out."
    return Violation(NOT_AVAILABLE, Severity.ERROR, field, f"{fact}; {way_out}", nearest)


def _way_out(nearest: tuple[str, ...], entries: Mapping[str, Entry]) -> str:
    """Returns the end of a sentence: every alternative by name and id; there is one at least."""
    *others, last = (f"{entries[each].name} ({each})" for each in nearest)
    return f"choose {', '.join(others)}{' or ' if others else ''}{last}."


def _by_likeness(wanted: str, entries: Mapping[str, Entry], at_least: float = 0.0) -> tuple[str, ...]:
    """Returns the ids whose id or name is like what was wanted (0 not at all, 1 the same), most alike first."""
    alike = {
        entry.id: max(SequenceMatcher(None, wanted, said.lower()).ratio() for said in (entry.id, entry.name))
        for entry in entries.values()
    }
    return tuple(sorted((each for each in alike if alike[each] >= at_least), key=lambda each: -alike[each]))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


_CHECKS: tuple[Callable[[_Case], Iterator[Violation]], ...] = (
    _eyes,
    _requirements,
    _limits,
    _steps,
    _design,
    _material,
    _colour,
    _coatings,
    _options,
)
