"""The ticket that goes with a job's tray: what is made and of what, how, and the way through the lab, with barcodes.

The first page is worked by; the second is the drawing of the lenses, to scale. What is scanned: the job at every
station (its name, as bars and as a QR code), a station, and the box of a blank. A lab knows nobody who wears the
lenses, so neither does the ticket.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from chassis.codes import code128, modules_of, qr
from chassis.pdf import pdf
from optics.eyes import Side
from optics.numbers import Hundredths, format_decimal
from rules.catalog import Catalog, Entry, Station
from rules.decision import Decision, LensPlan
from rules.drawing import draw
from rules.plan import STEPS
from rules.spec import EdgeType, Eye, Frame, FrameMaterial, Spec

TEMPLATE = Path(__file__).with_name("ticket.typ")

_SIDES: Mapping[Side, tuple[str, str]] = {Side.RIGHT: ("R", "Right (OD)"), Side.LEFT: ("L", "Left (OS)")}
_ABSENT = "\N{EN DASH}"
_DEGREE = "\N{DEGREE SIGN}"
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class MadeAgain:
    """What a job is a remake of.

    Attributes:
        job: The job that is made again, by name.
        responsible: Who answers for it, in a word.
        reason: Why.
    """

    job: str
    responsible: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tray:
    """A job as its ticket shows it.

    Attributes:
        job: Its name ("jobs/17"), which its codes say.
        revision: Number of the catalog revision it was decided under.
        create_time: When it was created.
        time: What the ticket is as of: the job's latest change.
        due_time: When it is due as of then; None where nothing is.
        promise_time: When it was promised; None where it was not.
        attempts: For each lens how often it was begun; a lens that is not named was begun once.
        ahead: For each lens the stations it still has to reach, by id; a lens that is not named has its way before it.
        remake: What it is a remake of; None for a first job.
    """

    job: str
    revision: int
    create_time: datetime
    time: datetime
    due_time: datetime | None = None
    promise_time: datetime | None = None
    attempts: Mapping[Side, int] = field(default_factory=dict)
    ahead: Mapping[Side, Sequence[str]] = field(default_factory=dict)
    remake: MadeAgain | None = None


def ticket(tray: Tray, catalog: Catalog, spec: Spec, decision: Decision) -> bytes:
    """Returns the ticket as a PDF; of equal jobs the bytes are equal.

    Args:
        tray: The job.
        catalog: The catalog of its revision.
        spec: What is made.
        decision: How, as it was kept with the job.

    Raises:
        TypstError: The template cannot be set; a fault of ours.
    """
    return pdf(TEMPLATE, told(tray, catalog, spec, decision), time=tray.time)


def told(tray: Tray, catalog: Catalog, spec: Spec, decision: Decision) -> dict[str, Any]:
    """Returns everything that the template places, in the words in which it stands there."""
    zone = catalog.calendar.zone if catalog.calendar else UTC
    number = tray.job.rpartition("/")[2]
    return {
        "title": f"Job {number}",
        "job": tray.job,
        "bars": _bars(tray.job),
        "qr": qr(tray.job),
        "times": [
            {"name": name, "time": _time(moment, zone)}
            for name, moment in (("Due", tray.due_time), ("Promised", tray.promise_time), ("Created", tray.create_time))
            if moment is not None
        ],
        "zone": str(zone),
        "as_of": _time(tray.time, zone),
        "notes": list(_notes(tray, catalog)),
        "lens": list(_lens(catalog, spec)),
        "eyes": _eyes(spec),
        "frame": _frame(spec.frame),
        "plans": [_plan(lens) for lens in decision.lenses],
        "stations": [_station(catalog.stations[each], decision.lenses, tray.ahead) for each in decision.route],
        "drawing": draw(catalog, spec, decision, title=f"Job {number}"),
        "by": f"Catalog revision {tray.revision} ({decision.revision[:12]}), engine {decision.engine}",
    }


# ── what it is ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _bars(text: str) -> dict[str, Any]:
    return {"says": text, "svg": code128(text), "modules": modules_of(text)}


def _time(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M}"


def _notes(tray: Tray, catalog: Catalog) -> Iterator[str]:
    """Yields what must not be overlooked."""
    if tray.remake:
        yield f"Remake of {tray.remake.job} ({tray.remake.responsible}): {tray.remake.reason}"
    for side, attempt in sorted(tray.attempts.items(), reverse=True):
        if attempt > 1:
            yield f"{_SIDES[side][1]}: attempt {attempt}, from another blank than the one before"
    places = list(catalog.stations)
    following = sorted((places.index(ahead[0]), side) for side, ahead in tray.ahead.items() if ahead)
    match following:
        case [(place, side), (later, other)] if place < later:
            yield f"Only {_SIDES[side][1]} goes to {places[place]}; {_SIDES[other][1]} waits for it"


def _lens(catalog: Catalog, spec: Spec) -> Iterator[dict[str, str]]:
    chosen: tuple[tuple[str, Mapping[str, Entry], Sequence[str]], ...] = (
        ("Design", catalog.designs, (spec.lens.design,)),
        ("Material", catalog.materials, (spec.lens.material,)),
        ("Colour", catalog.colours, (spec.lens.colour or catalog.plain_colour,)),
        ("Coatings", catalog.coatings, spec.lens.coatings),
        ("Options", catalog.options, spec.lens.options),
    )
    for name, entries, ids in chosen:
        yield {"name": name, "value": ", ".join(entries[each].name for each in ids if each in entries) or _ABSENT}


# ── what is ordered ───────────────────────────────────────────────────────────────────────────────────────────────────


def _eyes(spec: Spec) -> dict[str, Any]:
    """Returns the prescription as a table: heads with units, and a row for each eye that is made."""
    columns: dict[str, Callable[[Eye], str]] = {
        "Sphere": lambda eye: _signed(eye.sphere),
        "Cylinder": lambda eye: _signed(eye.cylinder),
        "Axis": lambda eye: f"{eye.axis}{_DEGREE}" if eye.axis and eye.cylinder else _ABSENT,
        "Add": lambda eye: _signed(eye.add),
        "Prism h.": lambda eye: _prism(eye.prism_horizontal, "in", "out"),
        "Prism v.": lambda eye: _prism(eye.prism_vertical, "up", "down"),
        "PD": lambda eye: _mm(eye.distance_pd),
        "Near PD": lambda eye: _mm(eye.near_pd),
        "Height": lambda eye: _mm(eye.fitting_height),
    }
    rows = [[_SIDES[side][1], *(said(eye) for said in columns.values())] for side, eye in spec.eyes_made()]
    return {"head": ["Ordered", *columns], "rows": rows}


def _signed(value: Hundredths | None) -> str:
    if value is None:
        return _ABSENT
    return f"{'+' if value > 0 else ''}{format_decimal(value, 2)}".replace("-", _MINUS)


def _prism(value: Hundredths | None, plus: str, minus: str) -> str:
    if not value:
        return _ABSENT
    return f"{format_decimal(abs(value), 2)} {plus if value > 0 else minus}"


def _mm(value: Hundredths | None) -> str:
    return _ABSENT if value is None else format_decimal(value, 2)


def _frame(frame: Frame) -> dict[str, list[dict[str, str]]]:
    traced = frame.traces.right or frame.traces.left
    measures = {
        "A": _mm(frame.a),
        "B": _mm(frame.b),
        "DBL": _mm(frame.dbl),
        "ED": _mm(frame.ed),
        "Shape": "traced" if traced else "not traced",
    }
    worn = {
        "Wrap": _degrees(frame.wrap),
        "Panto": _degrees(frame.panto),
        "Vertex": _mm(frame.vertex),
        "Frame of": _ABSENT if frame.material is FrameMaterial.UNSAID else frame.material.value,
        "Edge": _ABSENT if frame.edge_type is EdgeType.UNSAID else frame.edge_type.value,
    }
    return {"measures": _listed(measures), "worn": _listed(worn)}


def _degrees(value: Hundredths | None) -> str:
    return _ABSENT if value is None else f"{format_decimal(value, 2)}{_DEGREE}".replace("-", _MINUS)


def _listed(said: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in said.items()]


# ── how it is made ────────────────────────────────────────────────────────────────────────────────────────────────────


def _plan(lens: LensPlan) -> dict[str, Any]:
    blank, estimated = lens.blank, ", estimated" if lens.estimated else ""
    back = _signed(lens.back_flat)
    if lens.back_steep != lens.back_flat:
        back += f" / {_signed(lens.back_steep)}"
    facts = {
        "Blank": f"{blank.id}{', finished' if blank.finished else ''}",
        "Diameter": f"{_mm(blank.diameter)}" + (f", at least {_mm(lens.minimum_blank)}" if lens.minimum_blank else ""),
        "Base, front, back": f"{_mm(lens.base)}, {_signed(lens.front)}, {back} (n = 1.530)",
        "Centre": _mm(lens.centre),
        "Edge thinnest": f"{_mm(lens.edge_thinnest)} at {lens.edge_thinnest_angle}{_DEGREE}{estimated}",
        "Edge thickest": f"{_mm(lens.edge_thickest)} at {lens.edge_thickest_angle}{_DEGREE}{estimated}",
        "Weight": f"{format_decimal(lens.weight, 2)} g{estimated}",
    }
    programs = dict(lens.programs)
    steps = {f"Program, {step}": programs.get(step) or _ABSENT for step in STEPS}
    return {"side": _SIDES[lens.side][1], "facts": facts, "steps": steps, "box": _bars(blank.opc or blank.id)}


def _station(station: Station, lenses: Sequence[LensPlan], ahead: Mapping[Side, Sequence[str]]) -> dict[str, Any]:
    """Returns a station, with the lenses that pass it; done are those that have been there and need not go again."""
    passing = [
        {"letter": _SIDES[lens.side][0], "done": station.id not in ahead.get(lens.side, lens.route)}
        for lens in lenses
        if station.id in lens.route
    ]
    return {
        "name": station.name,
        "bars": _bars(station.id),
        "lenses": passing,
        "done": all(each["done"] for each in passing),
    }
