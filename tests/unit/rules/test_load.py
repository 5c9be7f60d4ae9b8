"""Plain data becomes a catalog, or a list of everything that is wrong with it."""

from collections.abc import Callable
from typing import Any

import pytest

from rules.load import CatalogError, load
from rules.tables import DesignType

Spoil = Callable[[dict[str, Any]], None]


def faults_of(files: dict[str, Any]) -> tuple[str, ...]:
    """Returns what is wrong with the files."""
    with pytest.raises(CatalogError) as raised:
        load(files)
    return raised.value.faults


def test_a_catalog_holds_what_the_files_say(files: dict[str, Any]) -> None:
    """Numbers are exact: 1.498 is 1498 thousandths, -8.00 is -800 hundredths."""
    catalog = load(files)

    assert catalog.designs["pal"].type is DesignType.PROGRESSIVE
    assert (catalog.materials["cr39"].index, catalog.materials["cr39"].wavelength) == (1498, 58756)
    limit = catalog.limits[0].error
    assert limit is not None
    assert (limit.low, limit.high) == (-800, 600)


def test_a_section_may_be_spread_over_files(files: dict[str, Any]) -> None:
    """The engineer decides in which file an entry stands."""
    files["more.yaml"] = {"colours": [{"id": "brown", "name": "Brown"}]}

    assert list(load(files).colours) == ["clear", "grey", "brown"]


def set_at(*path: object) -> Spoil:
    """Returns a change that sets the last element at a path."""
    *where, last, value = path

    def change(files: dict[str, Any]) -> None:
        node: Any = files
        for key in where:
            node = node[key]
        node[last] = value

    return change


def drop(*path: object) -> Spoil:
    """Returns a change that takes away what stands at a path."""
    *where, last = path

    def change(files: dict[str, Any]) -> None:
        node: Any = files
        for key in where:
            node = node[key]
        del node[last]

    return change


LENS, TABLES, FLOOR = "lens.yaml", "tables.yaml", "floor.yaml"

FAULTS: list[tuple[Spoil, str]] = [
    (
        set_at(LENS, "designs", 0, "materials", ["cr38"]),
        "lens.yaml: designs[0] (pal): materials: there is no 'cr38'; did you mean 'cr39'?",
    ),
    (
        set_at(LENS, "designs", 0, "materials", ["cr39", "cr39"]),
        "lens.yaml: designs[0] (pal): materials: 'cr39' stands there twice",
    ),
    (
        set_at(LENS, "designs", 0, "materials", []),
        "lens.yaml: designs[0] (pal): materials: a design is made in one at least",
    ),
    (set_at(LENS, "designs", 0, "materials", "cr39"), "lens.yaml: designs[0] (pal): materials: is not a list of texts"),
    (
        set_at(LENS, "designs", 0, "type", "varifocal"),
        "lens.yaml: designs[0] (pal): type: there is no 'varifocal'; did you mean 'multifocal'?",
    ),
    (set_at(LENS, "designs", 1, "id", "pal"), "lens.yaml: designs[1] (pal): id: is taken by an entry before"),
    (
        set_at(LENS, "designs", 0, "id", "Pal!"),
        "lens.yaml: designs[0] (Pal!): id: 'Pal!' does not match [a-z0-9][a-z0-9-]{0,62}",
    ),
    (drop(LENS, "designs", 0, "name"), "lens.yaml: designs[0] (pal): name: is missing"),
    (set_at(LENS, "designs", 0, "nmae", "Pal"), "lens.yaml: designs[0] (pal): nmae: is not a field of this entry"),
    (set_at(LENS, "designs", 0, "Pal"), "lens.yaml: designs[0]: is no entry: an entry is a list of `field: value`"),
    (
        set_at(LENS, "materials", 0, "index", 1.498),
        "lens.yaml: materials[0] (cr39): index: is not text; put quotes around it",
    ),
    (
        set_at(LENS, "materials", 0, "index", "1,498"),
        "lens.yaml: materials[0] (cr39): index: '1,498': not a plain decimal number",
    ),
    (
        set_at(LENS, "materials", 0, "index", "1.4985"),
        "lens.yaml: materials[0] (cr39): index: '1.4985': finer than 3 decimals",
    ),
    (set_at(LENS, "materials", 0, "index", "0.9"), "lens.yaml: materials[0] (cr39): index: is too small"),
    (drop(LENS, "materials", 0, "wavelength"), "lens.yaml: materials[0] (cr39): wavelength: is missing"),
    (
        set_at(LENS, "designs", 1, "partner_codes", [{"label": "LNAM", "code": "2950"}]),
        "partner code LNAM=2950: stands for pal and for plain",
    ),
    (
        set_at(LENS, "designs", 0, "partner_codes", [{"label": "LNAME", "code": "x"}]),
        "lens.yaml: designs[0] (pal): partner_codes[0]: label: there is no 'LNAME'; did you mean 'LNAM'?",
    ),
    (set_at(LENS, "coating", []), "lens.yaml: coating: is no section; one of: "),
    (set_at(LENS, "coatings", {}), "lens.yaml: coatings: is not a list"),
    (set_at(LENS, "materials"), "lens.yaml: holds no sections"),
    (drop(FLOOR, "routes"), "no file has routes"),
    (
        set_at(FLOOR, "routes", 1, "when", {"edge_types": ["bevel"]}),
        "routes: there is none for pal in cr39 with edge type unsaid",
    ),
    (
        set_at(FLOOR, "routes", 1, "stations", []),
        "floor.yaml: routes[1]: stations: a route has one at least, and the last one ships",
    ),
    (
        set_at(FLOOR, "routes", 1, "when", {"nonzero": ["add"]}),
        "floor.yaml: routes[1]: when: nonzero: is not a field of this entry",
    ),
    (
        set_at(TABLES, "limits", 0, "quantity", "powr"),
        "tables.yaml: limits[0] (powr): quantity: there is no 'powr'; did you mean 'power'?",
    ),
    (set_at(TABLES, "limits", 0, "error", "low", "7.00"), "tables.yaml: limits[0] (power): error: low: is above high"),
    (drop(TABLES, "limits", 1, "error", "high"), "tables.yaml: limits[1] (prism): error: has neither low nor high"),
    (
        set_at(TABLES, "limits", 0, "warning", "high", "7.00"),
        "tables.yaml: limits[0] (power): warning: reaches beyond what can be made",
    ),
    (
        drop(TABLES, "limits", 4, "warning"),
        "tables.yaml: limits[4] (anisometropia): error: is missing, and so is warning: the row limits nothing",
    ),
    (
        set_at(TABLES, "limits", 1, "error", "says", "from {low} on"),
        "tables.yaml: limits[1] (prism): error: says: {low} cannot be filled in; it can hold: design, high, material",
    ),
    (
        set_at(TABLES, "limits", 1, "error", "says", "{design.__class__}"),
        "tables.yaml: limits[1] (prism): error: says: {design.__class__} cannot be filled in",
    ),
    (
        set_at(TABLES, "limits", 1, "error", "says", "up to {high"),
        "tables.yaml: limits[1] (prism): error: says: its braces do not match: expected '}' before end of string",
    ),
    (
        set_at(TABLES, "limits", 0, "code", "too much"),
        "tables.yaml: limits[0] (power): code: 'too much' does not match [A-Z][A-Z0-9_]{0,62}",
    ),
    (
        set_at(TABLES, "limits", 3, "when", {"nonzero": ["add"]}),
        "tables.yaml: limits[3] (ed_excess): when: nonzero: is not a field of this entry",
    ),
    (
        set_at(TABLES, "requirements", 0, "field", "axes"),
        "tables.yaml: requirements[0] (axes): field: there is no 'axes'; did you mean 'axis'?",
    ),
    (
        set_at(TABLES, "requirements", 0, "severity", "fatal"),
        "tables.yaml: requirements[0] (axis): severity: there is no 'fatal'; it can be: error, info, warning",
    ),
    (drop(TABLES, "requirements", 0, "reason"), "tables.yaml: requirements[0] (axis): reason: is missing"),
    (
        set_at(TABLES, "steps", 0, "endings", ["25"]),
        r"tables.yaml: steps[0] (sphere): endings: '25' does not match \.[0-9]{2}",
    ),
]


@pytest.mark.parametrize(("spoil", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_fault_names_file_entry_and_field(files: dict[str, Any], spoil: Spoil, fault: str) -> None:
    """Each fault, planted in a catalog that is otherwise in order, is told where it stands."""
    spoil(files)

    assert any(each.startswith(fault) for each in faults_of(files)), faults_of(files)


def test_all_faults_are_told_at_once(files: dict[str, Any]) -> None:
    """An engineer mends them in one go."""
    drop(LENS, "designs", 0, "name")(files)
    set_at(TABLES, "limits", 0, "quantity", "powr")(files)
    set_at(LENS, "materials", 0, "index", "x")(files)

    assert len(faults_of(files)) == 3
