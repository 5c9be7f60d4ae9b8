"""Decides a spec: every objection at its field, or how it is made; either way what it costs and how long it takes.

What the constraints and tables say is done here and what they say is theirs. Only what neither can be asked is written
in code: that the eyes are said, that the ids of a spec are in the catalog and go together, that a trace is a shape, and
that there are blanks (`plan`).

`decide` is total: any spec gets an answer, and the same one each time. It looks at nothing but its arguments.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress

from optics.eyes import Side
from rules.catalog import AVAILABILITY, Catalog, Choice, Constraint, Entry, Severity
from rules.decision import ENGINE, Decision, Facts, Geometry, LensPlan, Price, PriceLine, Violation
from rules.facts import OUT_OF_RANGE, TRACE_OFF_BOX, TRACE_UNUSABLE, Case, take
from rules.plan import IMPOSSIBLE_LENS, NO_BLANK, NOT_GIVEN, NOT_SET, plan, route
from rules.price import PRICE_LIST, price
from rules.spec import Eyes, Spec
from rules.tables import Fired
from rules.view import OF_EYE, OF_PAIR, OF_PLAN, capital
from rules.words import ALIKE, ALTERNATIVES, most_alike, nearest_index, objection, sentence, way_out

__all__ = [
    "CLASH",
    "ENGINE",
    "IMPOSSIBLE_LENS",
    "NOT_AVAILABLE",
    "NOT_GIVEN",
    "NOT_SET",
    "NO_BLANK",
    "OUT_OF_RANGE",
    "TRACE_OFF_BOX",
    "TRACE_UNUSABLE",
    "UNKNOWN_ENTRY",
    "Decision",
    "Fired",
    "Geometry",
    "LensPlan",
    "Price",
    "PriceLine",
    "Violation",
    "decide",
]

UNKNOWN_ENTRY = "UNKNOWN_ENTRY"
NOT_AVAILABLE = "NOT_AVAILABLE"
CLASH = "CLASH"

LEAD_TIME = "lead-time"


def decide(
    catalog: Catalog, spec: Spec, *, revision: str = "", kept: Mapping[Side, Geometry] | None = None
) -> Decision:
    """Returns what the catalog's rules say of a spec. Total: any spec gets an answer, and always the same one.

    Args:
        catalog: What the lab can make.
        spec: What is ordered.
        revision: What the decision calls the catalog (its digest).
        kept: The geometry of an earlier decision of the same spec: what was computed over its shapes then is not
            computed again, as far as blanks, curves and minima are the same.
    """
    case = take(catalog, spec, kept or {})
    fired: list[Fired] = []
    violations = case.faults
    faulty = _refused(violations)
    violations += _built_in(case, fired)
    objections = _Objections(case, fired)
    for side in case.sides:
        objections.ask(OF_EYE.name, case.of_eye(side), side)
    objections.ask(OF_PAIR.name, case.of_pair, None)
    planned = plan(case, fired)
    for side, facts in planned.facts.items():
        objections.ask(OF_PLAN.name, case.of_plan(side, facts), side)
    violations += objections.told()
    if not _refused(violations):
        # what is wrong already explains why there is no lens
        violations += planned.problems
    days, cost = _lead_time(case, fired), price(case, planned.facts, fired)
    if not _refused(violations):
        violations += _unsaid(case, days, cost)
    violations.sort(key=lambda violation: -violation.severity)
    lenses = () if _refused(violations) else tuple(planned.lenses)
    return Decision(
        violations=tuple(violations),
        lenses=lenses,
        route=route(case, lenses),
        lead_time_days=days,
        price=cost,
        fired=tuple(fired),
        revision=revision,
        geometry=planned.geometry,
        facts=Facts(
            eyes=case.eyes,
            pair=case.pair,
            frame=case.frame,
            order=case.order,
            ordered=spec.lens,
            lens=case.lens,
            faulty=faulty,
            asked=planned.asked,
            chosen=planned.chosen,
            plans=planned.facts,
        ),
    )


def _refused(violations: Sequence[Violation]) -> bool:
    return any(violation.severity is Severity.ERROR for violation in violations)


def _lead_time(case: Case, fired: list[Fired]) -> int | None:
    table = case.catalog.tables.get(LEAD_TIME)
    row = table.find(case.of_pair) if table and case.lens.design and case.lens.material else None
    if row is None:
        return None
    fired.append(row.fired[None])
    days: int = row.then["days"]
    return days


def _unsaid(case: Case, days: int | None, cost: Price | None) -> Iterator[Violation]:
    """Objects to a lens that could be made, and for which the lab has no price or no time: nobody could be told."""
    lens = "{design} in {material}"
    if cost is None and PRICE_LIST in case.catalog.tables:
        message = sentence(case, f"Price: the lab has set none for {lens} with what goes with it; ask the lab.")
        yield Violation(NOT_SET, Severity.ERROR, "lens.design", message)
    if days is None and LEAD_TIME in case.catalog.tables:
        message = sentence(case, f"Lead time: the lab has set none for {lens}; ask the lab.")
        yield Violation(NOT_SET, Severity.ERROR, "lens.design", message)


# ── what the constraints say ──────────────────────────────────────────────────────────────────────────────────────────


class _Objections:
    """Collects what the constraints object to.

    Where several object under one code to one value at one field, the gravest is told, and of equals the first: an
    error and a warning about one thing would be noise.
    """

    def __init__(self, case: Case, fired: list[Fired]) -> None:
        self._case = case
        self._fired = fired
        self._gravest: dict[object, tuple[Constraint, tuple[object, ...], Side | None]] = {}

    def ask(self, scope: str, nouns: tuple[object, ...], side: Side | None) -> None:
        """Asks every constraint of a scope."""
        told, constraints = self._case.catalog.objections[scope]
        objecting = told(*nouns)
        if True not in objecting:
            return
        for constraint in compress(constraints, objecting):
            self._fired.append(constraint.fired[side])
            key = constraint.code, constraint.at, constraint.shows, side
            known = self._gravest.get(key)
            if known is None or constraint.severity > known[0].severity:
                self._gravest[key] = constraint, nouns, side

    def told(self) -> Iterator[Violation]:
        """Yields what is told of it."""
        for constraint, nouns, side in self._gravest.values():
            yield objection(self._case, constraint, nouns, side)


# ── what no constraint can be asked ───────────────────────────────────────────────────────────────────────────────────


def _built_in(case: Case, fired: list[Fired]) -> list[Violation]:
    violations: list[Violation] = []
    if case.spec.eyes is Eyes.UNSAID:
        message = "Eyes: say which lenses to make, the pair or one of them."
        violations.append(Violation(NOT_GIVEN, Severity.ERROR, "eyes", message))
    lens, ordered = case.lens, case.spec.lens
    # each of these says nothing of a lens that is in order
    if not lens.design:
        violations += _resolved(case.catalog.designs, "lens.design", "design", ordered.design)
    if not lens.material:
        violations += _resolved(case.catalog.materials, "lens.material", "material", ordered.material)
    if ordered.colour and not lens.colour:
        violations += _resolved(case.catalog.colours, "lens.colour", "colour", ordered.colour)
    if len(lens.coatings) < len(ordered.coatings):
        for wanted in dict.fromkeys(ordered.coatings):
            violations += _resolved(case.catalog.coatings, "lens.coatings", "coating", wanted)
    if len(lens.options) < len(ordered.options):
        for wanted in dict.fromkeys(ordered.options):
            violations += _resolved(case.catalog.options, "lens.options", "option", wanted)
    if lens.design and lens.material:
        violations += _availability(case, fired)
    violations += _clashes(case)
    return violations


def _availability(case: Case, fired: list[Fired]) -> Iterator[Violation]:
    """Objects to a design that is not made in the material, or not in it and the colour; notes the row that says so."""
    catalog, lens = case.catalog, case.lens
    colours = catalog.made.get((lens.design, lens.material), ())
    colour = lens.colour or catalog.plain_colour
    row = catalog.tables[AVAILABILITY].find(
        case.of_pair if lens.colour else (*case.of_pair[:-2], replace(lens, colour=colour), case.order)
    )
    if row is not None:
        fired.append(row.fired[None])
    if colour in colours:
        return
    design, material = catalog.designs[lens.design].name, catalog.materials[lens.material].name
    if not colours:
        others = nearest_index(catalog, lens.material, catalog.materials_of(lens.design))
        yield _unavailable("lens.material", f"{design} is not made in {material}", others, catalog.materials)
        return
    name = catalog.colours[colour].name if colour in catalog.colours else "no colour"
    alike = _by_likeness(colour, {each: catalog.colours[each] for each in colours})
    yield _unavailable("lens.colour", f"{design} in {material} does not come in {name}", alike, catalog.colours)


def _unavailable(field: str, fact: str, instead: Iterable[str], entries: Mapping[str, Entry]) -> Violation:
    nearest = tuple(instead)[:ALTERNATIVES]
    message = f"{fact}; {way_out(nearest, entries, 'choose another one.')}"
    return Violation(NOT_AVAILABLE, Severity.ERROR, field, message, nearest)


def _clashes(case: Case) -> Iterator[Violation]:
    """Objects to two entries of one group, at the later one."""
    catalog, lens = case.catalog, case.lens
    chosen: tuple[tuple[str, Mapping[str, Choice], Sequence[str]], ...] = (
        ("colour", catalog.colours, (lens.colour,) if lens.colour else ()),
        ("coatings", catalog.coatings, lens.coatings),
        ("options", catalog.options, lens.options),
    )
    known: dict[str, str] = {}  # group → the first entry of it
    for field, entries, ids in chosen:
        for each in ids:
            entry = entries[each]
            if entry.group:
                first = known.setdefault(entry.group, entry.name)
                if first != entry.name:
                    message = f"{capital(field)}: {first} and {entry.name} do not go together; choose one of them."
                    yield Violation(CLASH, Severity.ERROR, f"lens.{field}", message)


def _resolved(entries: Mapping[str, Entry], field: str, noun: str, wanted: str) -> Iterator[Violation]:
    """Objects to an id that is not chosen or not in the catalog."""
    if not wanted:
        message = f"{capital(noun)}: none is chosen; choose one from the catalog."
        yield Violation(NOT_GIVEN, Severity.ERROR, field, message)
    elif wanted not in entries:
        nearest = _by_likeness(wanted, entries, ALIKE)[:ALTERNATIVES]
        instead = way_out(nearest, entries, "choose one from the catalog.")
        message = f"{capital(noun)}: the catalog has no {noun} {wanted!r}; {instead}"
        yield Violation(UNKNOWN_ENTRY, Severity.ERROR, field, message, nearest)


def _by_likeness(wanted: str, entries: Mapping[str, Entry], at_least: float = 0.0) -> tuple[str, ...]:
    """Returns the ids whose id or name is like what was wanted (0 not at all, 1 the same), most alike first."""
    return most_alike(wanted, {entry.id: (entry.id, entry.name) for entry in entries.values()}, at_least)
