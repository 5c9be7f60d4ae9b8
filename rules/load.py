"""Makes a catalog of plain data, or says everything that is wrong with the data.

The data is what an engineer reviews: named files, each with sections, each a list of entries. All scalars are text,
also the numbers ("-8.00"), so that nothing is rounded on the way here. In which file a section stands is the engineer's
choice; a section may be spread over several files.

::

    materials:                            designs:
      - id: cr39                            - id: comfort-pal
        name: CR-39                           name: Comfort progressive
        index: 1.498                          type: progressive
        wavelength: 587.56                    materials: [cr39]

Every fault names the file, the entry and the field, and all of them are reported at once.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from string import Formatter
from typing import TypeVar

from rules.catalog import Catalog, Coating, Colour, Design, Material, Option, PartnerCode
from rules.decide import OUT_OF_RANGE
from rules.quantities import EYE_FIELDS, EYE_QUANTITIES, UNITS
from rules.reading import Item, read_items
from rules.spec import EdgeType
from rules.tables import (
    ASKABLE,
    ASKABLE_OF_EYE,
    Chosen,
    DesignType,
    Interval,
    Limit,
    Presence,
    Requirement,
    Route,
    Severity,
    Station,
    Step,
    When,
)

SECTIONS = (
    "stations",
    "materials",
    "designs",
    "colours",
    "coatings",
    "options",
    "routes",
    "requirements",
    "limits",
    "steps",
)
"""The sections a file may hold."""

_NEEDED = ("stations", "materials", "designs", "routes")
_ENTRY_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_STATION_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_ENDING = re.compile(r"\.[0-9]{2}")
_LABELS = ("LNAM", "LMATID", "COLR", "ACOAT")
_SEVERITIES = {severity.name.lower(): severity for severity in Severity}
_ALWAYS_SAYABLE = frozenset({"design", "material"})

N = TypeVar("N", Design, Material, Colour, Coating, Option, Station)


class CatalogError(ValueError):
    """The data is no catalog.

    Attributes:
        faults: Everything that is wrong with it, each with file, entry and field.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        """Takes the faults; at least one."""
        super().__init__("this is no catalog:\n  " + "\n  ".join(faults))
        self.faults = tuple(faults)


def load(files: Mapping[str, object]) -> Catalog:
    """Returns the catalog that some files hold; the keys are their names.

    Raises:
        CatalogError: Something is missing, unknown, misspelt, out of order or said twice.
    """
    faults: list[str] = []
    sections = _sections(files, faults)
    materials = _by_id(sections["materials"], _material)
    stations = _by_id(sections["stations"], _station)
    designs = _by_id(sections["designs"], lambda item: _design(item, materials))
    known = _Known(designs.keys(), materials.keys(), stations.keys())
    catalog = Catalog(
        designs=designs,
        materials=materials,
        colours=_by_id(sections["colours"], lambda item: _colour(item, materials)),
        coatings=_by_id(sections["coatings"], _coating),
        options=_by_id(sections["options"], _option),
        stations=stations,
        routes=tuple(_route(item, known) for item in sections["routes"]),
        requirements=tuple(_requirement(item, known) for item in sections["requirements"]),
        limits=tuple(_limit(item, known) for item in sections["limits"]),
        steps=tuple(_step(item, known) for item in sections["steps"]),
    )
    for item in (item for items in sections.values() for item in items):
        item.refuse_the_rest()
    faults += _ambiguous_codes(catalog)
    faults += _missing_routes(catalog)
    if faults:
        raise CatalogError(faults)
    return catalog


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rows of the tables may refer to."""

    designs: Collection[str]
    materials: Collection[str]
    stations: Collection[str]


def _sections(files: Mapping[str, object], faults: list[str]) -> dict[str, list[Item]]:
    sections: dict[str, list[Item]] = {name: [] for name in SECTIONS}
    for file, content in files.items():
        if not isinstance(content, Mapping):
            faults.append(f"{file}: holds no sections")
            continue
        for name, value in content.items():
            if name in sections:
                sections[name] += read_items(f"{file}: {name}", value, faults)
            else:
                faults.append(f"{file}: {name}: is no section; one of: {', '.join(SECTIONS)}")
    faults.extend(f"no file has {name}" for name in _NEEDED if not sections[name])
    return sections


def _by_id(items: Sequence[Item], read: Callable[[Item], N]) -> dict[str, N]:
    entries: dict[str, N] = {}
    for item in items:
        entry = read(item)
        if entry.id in entries:
            item.fault("id", "is taken by an entry before")
        if entry.id:
            entries[entry.id] = entry
    return entries


# ── what can be ordered ───────────────────────────────────────────────────────────────────────────────────────────────


def _head(item: Item) -> tuple[str, str, tuple[PartnerCode, ...]]:
    """Reads what every entry begins with: id, name and partner codes."""
    codes = tuple(PartnerCode(each.known("label", _LABELS), each.text("code")) for each in item.inners("partner_codes"))
    return item.matching("id", _ENTRY_ID), item.text("name"), codes


def _material(item: Item) -> Material:
    return Material(
        *_head(item),
        index=item.number("index", 3, above=1000),  # a refractive index is more than air's
        wavelength=item.number("wavelength", 2, above=0),
    )


def _design(item: Item, materials: Mapping[str, Material]) -> Design:
    design = Design(*_head(item), type=item.one_of("type", DesignType), materials=item.texts("materials", materials))
    if not design.materials:
        item.fault("materials", "a design is made in one at least")
    return design


def _colour(item: Item, materials: Mapping[str, Material]) -> Colour:
    return Colour(*_head(item), materials=item.texts("materials", materials))


def _coating(item: Item) -> Coating:
    return Coating(*_head(item), group=item.text("group", default=""))


def _option(item: Item) -> Option:
    return Option(*_head(item), design_types=item.several_of("design_types", DesignType))


def _station(item: Item) -> Station:
    return Station(item.matching("id", _STATION_ID), item.text("name"), item.text("description"))


# ── the rows of the tables ────────────────────────────────────────────────────────────────────────────────────────────


def _when(row: Item, known: _Known, *, of_eye: bool) -> When:
    item = row.inner("when")
    return When(
        design_types=frozenset(item.several_of("design_types", DesignType)),
        designs=frozenset(item.texts("designs", known.designs)),
        materials=frozenset(item.texts("materials", known.materials)),
        edge_types=frozenset(item.several_of("edge_types", EdgeType)),
        # an eye's fields can only be asked of a row that is about an eye
        nonzero=frozenset(item.texts("nonzero", ASKABLE_OF_EYE)) if of_eye else frozenset(),
        absent=frozenset(item.texts("absent", ASKABLE_OF_EYE)) if of_eye else frozenset(),
    )


def _route(item: Item, known: _Known) -> Route:
    route = Route(_when(item, known, of_eye=False), item.texts("stations", known.stations))
    if not route.stations:
        item.fault("stations", "a route has one at least, and the last one ships")
    return route


def _requirement(item: Item, known: _Known) -> Requirement:
    field = item.known("field", ASKABLE)
    return Requirement(
        field=field,
        when=_when(item, known, of_eye=field in ASKABLE_OF_EYE),
        presence=item.one_of("presence", Presence),
        severity=_severity(item),
        says=_says(item, _ALWAYS_SAYABLE),
        reason=item.text("reason"),
    )


def _limit(item: Item, known: _Known) -> Limit:
    quantity = item.known("quantity", UNITS)
    limit = Limit(
        quantity=quantity,
        when=_when(item, known, of_eye=quantity in EYE_QUANTITIES),
        code=item.matching("code", _CODE, default=OUT_OF_RANGE),
        error=_interval(item, "error"),
        warning=_interval(item, "warning"),
        reason=item.text("reason"),
    )
    if not (limit.error or limit.warning):
        item.fault("error", "is missing, and so is warning: the row limits nothing")
    if limit.error and limit.warning and not _within(limit.warning, limit.error):
        item.fault("warning", "reaches beyond what can be made; such values would be refused, not warned about")
    return limit


def _interval(row: Item, field: str) -> Interval | None:
    if not row.has(field):
        return None
    item = row.inner(field)
    low, high = item.optional_number("low", 2), item.optional_number("high", 2)
    ends = {name for name, end in (("low", low), ("high", high)) if end is not None}
    if not ends:
        item.fault("", "has neither low nor high")
    if low is not None and high is not None and low > high:
        item.fault("low", "is above high")
    return Interval(low, high, _says(item, _ALWAYS_SAYABLE | ends))


def _within(inner: Interval, outer: Interval) -> bool:
    return all(end is None or outer.holds(end) for end in (inner.low, inner.high))


def _step(item: Item, known: _Known) -> Step:
    quantity = item.known("quantity", EYE_FIELDS)
    endings = item.matching_texts("endings", _ENDING)
    if not endings:
        item.fault("endings", "is missing")
    return Step(
        quantity=quantity,
        when=_when(item, known, of_eye=True),
        endings=frozenset(int(ending.removeprefix(".")) for ending in endings),
        severity=_severity(item),
        says=_says(item, _ALWAYS_SAYABLE | {"ending"}),
        reason=item.text("reason"),
    )


def _severity(item: Item) -> Severity:
    return _SEVERITIES.get(item.known("severity", _SEVERITIES), Severity.ERROR)


def _says(item: Item, sayable: Collection[str]) -> str:
    """Reads a sentence, and checks that every word in braces can be filled in."""
    sentence = item.text("says")
    try:
        words = [
            (word, spec, conversion) for _, word, spec, conversion in Formatter().parse(sentence) if word is not None
        ]
    except ValueError as error:
        item.fault("says", f"its braces do not match: {error}")
        return ""
    for word, spec, conversion in words:
        if word not in sayable or spec or conversion:
            item.fault("says", f"{{{word}}} cannot be filled in; it can hold: {', '.join(sorted(sayable))}")
    return sentence


# ── the whole ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ambiguous_codes(catalog: Catalog) -> Iterator[str]:
    """Yields a fault for each partner code that stands for two entries: nobody could say which one was ordered."""
    owners: dict[PartnerCode, str] = {}
    for entries in (catalog.designs, catalog.materials, catalog.colours, catalog.coatings, catalog.options):
        for entry in entries.values():
            for code in entry.partner_codes:
                owner = owners.setdefault(code, entry.id)
                if owner != entry.id:
                    yield f"partner code {code.label}={code.code}: stands for {owner} and for {entry.id}"


def _missing_routes(catalog: Catalog) -> Iterator[str]:
    """Yields a fault for each lens that can be ordered and has no way through the lab."""
    for design, edge_type in product(catalog.designs.values(), EdgeType):
        for material in design.materials:
            chosen = Chosen(design.id, design.type, material, edge_type)
            if not any(route.when.chosen(chosen) for route in catalog.routes):
                yield f"routes: there is none for {design.id} in {material} with edge type {edge_type}"
