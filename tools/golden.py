"""Prints what the starter catalog decides of the golden cases, for who reviews it: `python tools/golden.py [ID ...]`.

A golden case is an order in the contract's words with what a lab has to answer (tests/unit/lims/golden/*.yaml).
Nothing here writes them: whoever changes the catalog reads what it says now, and enters it where it is what the lab
wants.

::

    cases:
      - id: short-sighted-in-trivex
        about: why somebody should look at it
        like: everyday-single-vision        # begin with that case's order
        spec:                               # and change this; `both` is both eyes, `absent` takes a field out
          both: {sphere: -5.00}
          left: {cylinder: absent, axis: absent}
          frame: {trace: {a: 52.00, b: 38.00, squareness: 2.6}}
          lens: {material: trivex, coatings: [hc]}
          account: "100200"
        expect:
          verdict: accepted                 # or refused
          says: [warning OUT_OF_RANGE@prescription.right.sphere by thick-aspheric-cast]
          right: {blank: sf-trivex-200-75, centre: 1.00, edge: 3.10 .. 5.46, programs: G20-TRIVEX P30-SOFT-R75}
          route: surfacing coating edging inspection shipping
          days: 5
          price: standard EUR 76.00
          lines: [standard-sv-aspheric 32.00, right above-6 9.00]
          rows: [base-curve/aspheric-minus]

`verdict` and `says` are the whole answer (no `says`: nothing is said); of the others a case names what it is about. Of
`rows` those are named that have to be among the used ones.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from optics.numbers import format_decimal, parse_decimal, round_half_away
from rules.catalog import Catalog
from rules.decide import Decision, LensPlan, PriceLine, Violation, decide
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Radii, Spec, Traces
from rules.view import SIDE_NAMES
from services.lims import starter

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "unit" / "lims" / "golden"

_POINTS = 400
_EYES = ("right", "left")
_NAMES = tuple(field.name for field in fields(Eye))
_MEASURES = ("a", "b", "dbl", "ed", "wrap", "panto", "vertex")
_PARTS = {"eyes", *_EYES, "frame", "lens", "account"}
_OF_LENS = ("blank", "base", "back", "minimum", "centre", "edge", "weight", "programs")


@dataclass(frozen=True, slots=True)
class Case:
    """An order and what the lab has to answer.

    Attributes:
        id: Its name, one of a kind in the folder.
        about: Why somebody should look at it.
        spec: The order.
        expect: The answer, as the file has it.
        file: Where it stands.
    """

    id: str
    about: str
    spec: Spec
    expect: Mapping[str, Any]
    file: str


# ── what stands in the files ──────────────────────────────────────────────────────────────────────────────────────────


def read(folder: Path = FOLDER) -> list[Case]:
    """Returns the cases of a folder, file by file in order of their names.

    Raises:
        ValueError: A case is like one that does not stand before it, has a name twice, or a word nobody knows.
    """
    orders: dict[str, dict[str, Any]] = {}
    files: Mapping[str, Any] = starter.files(folder)
    return [_case(raw, orders, file) for file, content in files.items() for raw in content["cases"]]


def _case(raw: dict[str, Any], orders: dict[str, dict[str, Any]], file: str) -> Case:
    name = raw["id"]
    unknown = raw.keys() - {"id", "about", "like", "spec", "expect"}
    if unknown or name in orders:
        raise ValueError(f"{file}: {name}: {'is taken' if name in orders else f'has no {sorted(unknown)}'}")
    like = raw.get("like", "")
    if like and like not in orders:
        raise ValueError(f"{file}: {name}: there is no {like} before it")
    try:
        orders[name] = _merged(orders.get(like, {}), raw.get("spec", {}))
        spec = _spec(orders[name])
    except ValueError as error:
        raise ValueError(f"{file}: {name}: {error}") from error
    return Case(name, raw.get("about", ""), spec, raw["expect"], file)


def _merged(order: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an order with some of it changed."""
    merged = {name: dict(part) if isinstance(part, Mapping) else part for name, part in order.items()}
    for name, part in changes.items():
        for place in _EYES if name == "both" else (name,):
            if place not in _PARTS:
                raise ValueError(f"an order has no {place}")
            if not isinstance(part, Mapping):
                merged[place] = part
                continue
            of = merged.setdefault(place, {})
            of.update(part)
            merged[place] = {field: value for field, value in of.items() if value != "absent"}
    return merged


def _spec(order: Mapping[str, Any]) -> Spec:
    return Spec(
        eyes=Eyes(order.get("eyes", "unsaid")),
        right=_eye(order.get("right", {})),
        left=_eye(order.get("left", {})),
        frame=_frame(order.get("frame", {})),
        lens=_lens(order.get("lens", {})),
        account=order.get("account", ""),
    )


def _eye(order: Mapping[str, str]) -> Eye:
    _refuse(order.keys() - set(_NAMES))
    return Eye(**{name: int(value) if name == "axis" else parse_decimal(value, 2) for name, value in order.items()})


def _frame(order: Mapping[str, Any]) -> Frame:
    _refuse(order.keys() - {*_MEASURES, "material", "edge_type", "trace"})
    return Frame(
        **{name: parse_decimal(order[name], 2) for name in _MEASURES if name in order},
        material=FrameMaterial(order.get("material", "unsaid")),
        edge_type=EdgeType(order.get("edge_type", "unsaid")),
        traces=Traces(right=_superellipse(order["trace"])) if "trace" in order else Traces(),
    )


def _lens(order: Mapping[str, Any]) -> Lens:
    _refuse(order.keys() - {field.name for field in fields(Lens)})
    chosen: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in order.items()}
    return Lens(**chosen)


def _superellipse(shape: Mapping[str, str]) -> Radii:
    """Returns the trace of |2x / a|^n + |2y / b|^n = 1 with squareness n, in even steps from 3 o'clock."""
    half_width, half_height, squareness = (float(shape[name]) for name in ("a", "b", "squareness"))
    radii = []
    for index in range(_POINTS):
        angle = 2 * math.pi * index / _POINTS
        across, upright = abs(math.cos(angle) * 2 / half_width), abs(math.sin(angle) * 2 / half_height)
        radii.append(round_half_away(100 * (across**squareness + upright**squareness) ** (-1 / squareness)))
    return Radii(tuple(radii))


def _refuse(unknown: Iterable[str]) -> None:
    if found := sorted(unknown):
        raise ValueError(f"has no {', '.join(found)}")


# ── what the catalog answers, in the words of the files ───────────────────────────────────────────────────────────────


def told(decision: Decision) -> dict[str, Any]:
    """Returns a decision as a case expects it, whole."""
    answer: dict[str, Any] = {"verdict": "accepted" if decision.accepted else "refused"}
    answer["says"] = [_objection(each) for each in decision.violations]
    for lens in decision.lenses:
        answer[SIDE_NAMES[lens.side]] = _plan(lens)
    answer["route"] = " ".join(decision.route)
    answer["days"] = "none" if decision.lead_time_days is None else str(decision.lead_time_days)
    price = decision.price
    answer["price"] = f"{price.list} {price.currency} {_money(price.total)}" if price else "none"
    answer["lines"] = [_line(each) for each in price.lines] if price else []
    answer["rows"] = list(dict.fromkeys(f"{each.rule}/{each.row}" for each in decision.fired if each.row))
    return answer


def _objection(violation: Violation) -> str:
    by = f" by {violation.rule}" if violation.rule else ""
    return f"{violation.severity.name.lower()} {violation.code}@{violation.field}{by}"


def _plan(lens: LensPlan) -> dict[str, str]:
    values = (
        lens.blank.id,
        _measure(lens.base),
        f"{_measure(lens.back_flat)} / {_measure(lens.back_steep)}",
        _measure(lens.minimum_blank),
        _measure(lens.centre),
        f"{_measure(lens.edge_thinnest)} .. {_measure(lens.edge_thickest)}",
        _measure(lens.weight),
        " ".join(program for _, program in lens.programs),
    )
    return dict(zip(_OF_LENS, values, strict=True))


def _line(line: PriceLine) -> str:
    side = f"{SIDE_NAMES[line.side]} " if line.side else ""
    return f"{side}{line.row} {_money(line.amount)}"


def _measure(value: int) -> str:
    return format_decimal(value, 2)


_money = _measure


def differences(case: Case, decision: Decision) -> list[str]:
    """Returns where a decision is not what the case expects, each as one line; none where it is."""
    actual = told(decision)
    expected = {"says": [], **case.expect}
    return [line for name, wanted in expected.items() for line in _difference(name, wanted, actual.get(name))]


def _difference(name: str, wanted: Any, got: Any) -> Iterator[str]:  # noqa: ANN401 -- a text, texts, or texts by name
    match name:
        case "right" | "left":
            for field, value in wanted.items():
                if (made := (got or {}).get(field)) != value:
                    yield f"{name} {field}: {made}, expected {value}"
        case "rows":
            yield from (f"{row} is not used" for row in wanted if row not in got)
        case "says" | "lines":
            if sorted(got) != sorted(wanted):
                more, less = [each for each in got if each not in wanted], [each for each in wanted if each not in got]
                yield f"{name}: unexpected {more}, missing {less}"
        case _:
            if got != wanted:
                yield f"{name}: {got}, expected {wanted}"


# ── what protects what ────────────────────────────────────────────────────────────────────────────────────────────────

Part = tuple[str, str]
"""A piece of the catalog: a constraint, a row ("table", "row"), or a blank ("blanks", "id")."""


def parts(catalog: Catalog) -> Iterator[Part]:
    """Yields everything of a catalog that can be taken out of it on its own: constraints, rows and blanks."""
    for constraint in catalog.constraints:
        yield constraint.id, ""
    for table in catalog.tables.values():
        for row in table.rows:
            yield table.id, row.id
    for blank in catalog.blanks:
        yield "blanks", blank


def without(catalog: Catalog, part: Part) -> Catalog:
    """Returns the catalog without one part."""
    rule, row = part
    if rule == "blanks":
        return replace(catalog, blanks={name: blank for name, blank in catalog.blanks.items() if name != row})
    return catalog.without(rule, row)


def unprotected(catalog: Catalog, cases: Sequence[Case], of: Iterable[Part] | None = None) -> list[Part]:
    """Returns the parts of a catalog (or those `of` it) without which every case is still answered as it should be.

    A part is taken out, and those cases are decided again in which it had a say.
    """
    concerned: dict[Part, list[Case]] = {}
    for case in cases:
        decision = decide(catalog, case.spec)
        used = {(each.rule, each.row) for each in decision.fired} | {
            ("blanks", lens.blank.id) for lens in decision.lenses
        }
        for part in used:
            concerned.setdefault(part, []).append(case)
    asked = parts(catalog) if of is None else of
    return [part for part in asked if not _noticed(without(catalog, part), concerned.get(part, []))]


def _noticed(catalog: Catalog, cases: Iterable[Case]) -> bool:
    return any(differences(case, decide(catalog, case.spec)) for case in cases)


# ── for who reviews ───────────────────────────────────────────────────────────────────────────────────────────────────


def shown(case: Case, decision: Decision) -> str:
    """Returns a case with all that is decided of it, the sentences and the invoice in words."""
    lines = [f"{case.file}  {case.id}", f"    {case.about}"]
    for name, value in told(decision).items():
        match value:
            case dict():
                lines.append(f"    {name}: {{{', '.join(f'{field}: {each}' for field, each in value.items())}}}")
            case list():
                lines += [f"    {name}:", *(f"      - {each}" for each in value)] if value else []
            case _:
                lines.append(f"    {name}: {value}")
    lines += [f"    > {each.message}" for each in decision.violations]
    if decision.price:
        lines += [f"    $ {_money(each.amount):>8}  {each.label}" for each in decision.price.lines]
    lines += [f"    ! {each}" for each in differences(case, decision)]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Prints the named cases, or those that are not answered as expected; 1 if there are such."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID", help="cases to print; without one, those that differ")
    parser.add_argument("--unprotected", action="store_true", help="list what of the catalog no case protects")
    options = parser.parse_args(arguments)
    catalog, cases = load(starter.files()), read()
    answers = {case.id: decide(catalog, case.spec) for case in cases}
    wrong = {case.id for case in cases if differences(case, answers[case.id])}
    for case in cases:
        if case.id in options.ids or (not options.ids and case.id in wrong):
            print(shown(case, answers[case.id]), end="\n\n")
    if options.unprotected:
        print(*(f"nobody protects {'/'.join(filter(None, part))}" for part in unprotected(catalog, cases)), sep="\n")
    print(f"{len(cases)} cases, {len(wrong)} not as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
