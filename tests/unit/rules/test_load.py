"""Plain data becomes a catalog, or a list of everything that is wrong with it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from rules.catalog import Severity
from rules.load import MOST_ROWS, CatalogError, load, load_stations
from rules.tables import Hit, Within
from rules.units import Measure, Unit
from rules.view import DesignType

Files = dict[str, Any]
Spoil = Callable[[Files], None]


def faults_of(files: Files) -> tuple[str, ...]:
    """Returns what is wrong with the files."""
    with pytest.raises(CatalogError) as raised:
        load(files)
    return raised.value.faults


def test_a_catalog_holds_what_the_files_say(files: Files) -> None:
    """Numbers are exact: 1.498 is 1498 thousandths, -8.00 is -800 hundredths."""
    catalog = load(files)

    assert catalog.designs["pal"].type is DesignType.PROGRESSIVE
    material = catalog.materials["cr39"]
    assert (material.index, material.wavelength, material.density, material.impact) == (1498, 58756, 132, "basic")
    blank = catalog.blanks["f-cr39-70"]
    assert (blank.diameter, blank.finished, blank.power, blank.cylinder) == (7000, True, (-400, -25), (-200, 0))
    constraint = next(each for each in catalog.constraints if each.id == "power-low")
    assert constraint.given == {"low": Measure(-800, Unit.DIOPTRE)}
    assert (constraint.severity, constraint.code) == (Severity.ERROR, "OUT_OF_RANGE")
    table = catalog.tables["base-curve"]
    assert table.hit is Hit.UNIQUE
    assert table.rows[1].when == {"power": Within(((-600, -1),))}
    assert table.rows[1].then == {"base": 400, "slip": 200}


def test_a_section_may_be_spread_over_files(files: Files) -> None:
    """The engineer decides in which file an entry stands."""
    files["more.yaml"] = {"coatings": [{"id": "mirror", "name": "Mirror"}]}

    assert list(load(files).coatings) == ["hc", "ar", "top", "mirror"]


def test_what_is_made_in_what_is_known_beforehand(files: Files) -> None:
    """The table of it is asked for everything there is."""
    catalog = load(files)

    assert catalog.made["pal", "cr39"] == ("clear", "grey", "photo")
    assert catalog.made["pal", "mr10"] == ("clear",)
    assert ("ft", "mr10") not in catalog.made
    assert catalog.materials_of("plain") == ("cr39", "mr10", "glass")


def test_a_catalog_can_be_had_without_one_of_its_rules(files: Files) -> None:
    """What it would decide without it, nobody has to load it again for."""
    catalog = load(files)

    assert "axis" not in {each.id for each in catalog.without("axis").constraints}
    assert ("pal", "mr10") not in catalog.without("availability", "pal").made
    with pytest.raises(KeyError):
        catalog.without("no-such-rule")


def test_the_stations_can_be_read_without_the_rest(files: Files) -> None:
    """Of files in a format that nothing else is read of."""
    stations = load_stations({"old.yaml": {"limits": [{"quantity": "power"}], **files["floor.yaml"]}})

    assert [station.description for station in stations.values()] == ["Being made", "Coating", "Edging", "Shipped"]
    with pytest.raises(CatalogError, match="no file has stations"):
        load_stations({"old.yaml": {"limits": []}})


def test_tolerances_are_read_into_profiles(files: Files) -> None:
    """By id; the kinds of lenses they are for are kinds of designs."""
    profile = {
        "id": "house",
        "name": "House",
        "edition": "1",
        "types": ["progressive"],
        "limits": [{"quantity": "base", "amount": "0.75", "source": "the test"}],
    }
    files["lens.yaml"]["tolerances"] = [profile]
    assert load(files).tolerances["house"].types == ("progressive",)

    profile["types"] = ["varifocal"]
    profile["limits"] = [{"quantity": "bass", "amount": "0.75", "source": "the test"}]
    assert faults_of(files)[0].startswith("lens.yaml: tolerances[0] (house): limits[0].quantity: ")


def test_a_catalog_is_loaded_in_a_moment(files: Files) -> None:
    """A hundred constraints and 250 rows: a publication is checked while somebody waits for it."""
    constraints = files["rules.yaml"]["constraints"]
    files["rules.yaml"]["constraints"] += [
        {**constraints[number % 10], "id": f"more-{number}"} for number in range(100)
    ]
    rows = [
        {"id": f"r-{number}", "power": f"{number}.00", "base": "4.00", "slip": "1.00", "reason": "the test"}
        for number in range(37)
    ]
    files["rules.yaml"]["tables"][1]["rows"] = rows
    begun = time.process_time()
    load(files)

    assert time.process_time() - begun < 1.5


def test_a_table_has_an_end(files: Files) -> None:
    """A million rows would keep a lab from starting; it is told instead."""
    table = files["rules.yaml"]["tables"][1]
    table["rows"] = [
        {"id": f"r-{number}", "power": f"{number / 100:.2f}", "base": "4.00", "reason": "the test"}
        for number in range(MOST_ROWS + 1)
    ]
    assert any("rows: are 1001; a table has 1000 at most" in fault for fault in faults_of(files))


def set_at(*path: object) -> Spoil:
    """Returns a change that sets the last element at a path."""
    *where, last, value = path

    def change(files: Files) -> None:
        node: Any = files
        for key in where:
            node = node[key]
        node[last] = value

    return change


def drop(*path: object) -> Spoil:
    """Returns a change that takes away what stands at a path."""
    *where, last = path

    def change(files: Files) -> None:
        node: Any = files
        for key in where:
            node = node[key]
        del node[last]

    return change


LENS, RULES, FLOOR, PRICES = "lens.yaml", "rules.yaml", "floor.yaml", "prices.yaml"
ROUTES, GENERATE, EDGE = (FLOOR, "tables", 0), (FLOOR, "tables", 1), (FLOOR, "tables", 2)
MADE, BASE, THICK = (RULES, "tables", 0), (RULES, "tables", 1), (RULES, "tables", 2)

FAULTS: list[tuple[Spoil, str]] = [
    # entries
    (
        set_at(LENS, "designs", 0, "type", "varifocal"),
        "lens.yaml: designs[0] (pal): type: there is no 'varifocal'; did you mean multifocal?",
    ),
    (set_at(LENS, "designs", 1, "id", "pal"), "lens.yaml: designs[1] (pal): id: is taken by an entry before"),
    (
        set_at(LENS, "designs", 0, "id", "Pal!"),
        "lens.yaml: designs[0] (Pal!): id: 'Pal!' does not match [a-z0-9][a-z0-9.-]{0,62}",
    ),
    (
        set_at(LENS, "coatings", 0, "id", "absent"),
        "lens.yaml: coatings[0] (absent): id: means something else in a table; choose another one",
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
    (set_at(LENS, "materials", 0, "density", "132"), "lens.yaml: materials[0] (cr39): density: is too large"),
    (drop(LENS, "materials", 0, "wavelength"), "lens.yaml: materials[0] (cr39): wavelength: is missing"),
    (
        set_at(LENS, "designs", 1, "partner_codes", [{"label": "LNAM", "code": "2950"}]),
        "partner code LNAM=2950: stands for pal and for plain",
    ),
    (
        set_at(LENS, "designs", 0, "partner_codes", [{"label": "LNAME", "code": "x"}]),
        "lens.yaml: designs[0] (pal): partner_codes[0]: label: there is no 'LNAME'; did you mean LNAM?",
    ),
    (set_at(LENS, "coating", []), "lens.yaml: coating: is no section; one of: "),
    (set_at(LENS, "coatings", {}), "lens.yaml: coatings: is not a list"),
    (set_at(LENS, "materials"), "lens.yaml: holds no sections"),
    (drop(FLOOR, "stations"), "no file has stations"),
    # blanks
    (
        set_at(LENS, "blanks", 0, "material", "cr38"),
        "lens.yaml: blanks[0] (sf-cr39-200-65): material: there is no 'cr38'; did you mean cr39?",
    ),
    (
        set_at(LENS, "blanks", 0, "types", []),
        "lens.yaml: blanks[0] (sf-cr39-200-65): types: is missing, and so is designs: nothing can be made of it",
    ),
    (set_at(LENS, "blanks", 0, "colours", []), "lens.yaml: blanks[0] (sf-cr39-200-65): colours: a blank comes in one"),
    (set_at(LENS, "blanks", 0, "diameter", "7.00"), "lens.yaml: blanks[0] (sf-cr39-200-65): diameter: is too small"),
    (
        set_at(LENS, "blanks", 0, "opc", "1234567890"),
        "lens.yaml: blanks[0] (sf-cr39-200-65): opc: '1234567890' is no optical product code: ten digits, the last",
    ),
    (set_at(LENS, "blanks", 0, "power", "0.00"), "lens.yaml: blanks[0] (sf-cr39-200-65): power: belongs to a finished"),
    (drop(LENS, "blanks", 22, "power"), "lens.yaml: blanks[22] (f-cr39-70): power: is missing, or cylinder is"),
    (
        set_at(LENS, "blanks", 22, "power", "1.00 .. -1.00"),
        "lens.yaml: blanks[22] (f-cr39-70): power: '1.00 .. -1.00': begins above its end",
    ),
    (
        set_at(LENS, "blanks", 22, "finished", "true"),
        "lens.yaml: blanks[22] (f-cr39-70): finished: there is no 'true'; it can be: no, yes",
    ),
    (drop(LENS, "blanks", 17), "availability: plain in glass, clear is made, but there is no blank for it"),
    # constraints
    (
        set_at(RULES, "constraints", 0, "refuse", "has(eye.cylinder) &&\n eye.cilinder != 0"),
        "rules.yaml: constraints[0] (axis): refuse: line 2, column ",
    ),
    (
        set_at(RULES, "constraints", 1, "refuse", 'lens.type == "progresive"'),
        "rules.yaml: constraints[1] (add): refuse: line 1, column ",
    ),
    (
        set_at(RULES, "constraints", 0, "refuse", "eye.cylinder > 0"),
        "rules.yaml: constraints[0] (axis): refuse: line 1, column ",
    ),
    (
        set_at(RULES, "constraints", 0, "at", "axes"),
        "rules.yaml: constraints[0] (axis): at: eye has no field axes; did you mean axis?",
    ),
    (
        set_at(RULES, "constraints", 0, "at", "power_low"),
        "rules.yaml: constraints[0] (axis): at: is no field of an order; ",
    ),
    (
        set_at(RULES, "constraints", 3, "at", "axis"),
        "rules.yaml: constraints[3] (edge-type): at: there is no eye in the scope pair; ",
    ),
    (set_at(RULES, "constraints", 1, "id", "axis"), "rules.yaml: constraints[1] (axis): id: is taken by an entry"),
    (
        set_at(RULES, "constraints", 0, "severity", "fatal"),
        "rules.yaml: constraints[0] (axis): severity: there is no 'fatal'; it can be: error, info, warning",
    ),
    (drop(RULES, "constraints", 0, "reason"), "rules.yaml: constraints[0] (axis): reason: is missing"),
    (
        set_at(RULES, "constraints", 0, "code", "too much"),
        "rules.yaml: constraints[0] (axis): code: 'too much' does not match [A-Z][A-Z0-9_]{0,62}",
    ),
    (
        set_at(RULES, "constraints", 0, "says", "from {low} on."),
        "rules.yaml: constraints[0] (axis): says: {low} cannot be filled in; it can hold: colour, design, material",
    ),
    (
        set_at(RULES, "constraints", 0, "says", "{design.__class__}."),
        "rules.yaml: constraints[0] (axis): says: {design.__class__} cannot be filled in",
    ),
    (
        set_at(RULES, "constraints", 0, "says", "up to {high."),
        "rules.yaml: constraints[0] (axis): says: its braces do not match: expected '}' before end of string",
    ),
    (
        set_at(RULES, "constraints", 0, "says", "give it"),
        "rules.yaml: constraints[0] (axis): says: ends without a full",
    ),
    (
        set_at(RULES, "constraints", 4, "given", "low", "-8.00 dpt"),
        "rules.yaml: constraints[4] (power-low): given: low: '-8.00 dpt': there is no unit 'dpt'; it can be: ",
    ),
    (
        set_at(RULES, "constraints", 4, "given", "high", "8.00 D"),
        "rules.yaml: constraints[4] (power-low): given: high: is not used by the expression",
    ),
    # tables
    (
        set_at(*BASE, "id", "base-curv"),
        "rules.yaml: tables[1] (base-curv): id: nobody asks a table of this name; asked are: availability, ",
    ),
    (
        set_at(*MADE, "scope", "eye"),
        "rules.yaml: tables[0] (availability): scope: what is made in what is asked of: pair",
    ),
    (drop(*BASE[:2], 1), "tables: there is none called base-curve; it tells the base curve of a lens"),
    (
        set_at(*BASE, "scope", "pair"),
        "rules.yaml: tables[1] (base-curve): scope: the base curve of a lens is asked of: eye",
    ),
    (set_at(*BASE, "outputs", "base", "mm"), "rules.yaml: tables[1] (base-curve): outputs: base: D is missing"),
    (set_at(*BASE, "outputs", "bend", "D"), "rules.yaml: tables[1] (base-curve): outputs: bend: D is not asked for"),
    (set_at(*BASE, "outputs", "base", "dpt"), "rules.yaml: tables[1] (base-curve): outputs: base: there is no 'dpt'"),
    (
        set_at(*BASE, "inputs", "power", "eye.powr"),
        "rules.yaml: tables[1] (base-curve): inputs: power: eye has no field powr; did you mean ",
    ),
    (
        set_at(*BASE, "inputs", "list", "price.list"),
        "rules.yaml: tables[1] (base-curve): inputs: list: there is no price in the scope eye; ",
    ),
    (set_at(*BASE, "inputs", "reason", "lens.type"), "rules.yaml: tables[1] (base-curve): inputs: reason: a row has a"),
    (
        set_at(*BASE, "inputs", "base", "eye.add"),
        "rules.yaml: tables[1] (base-curve): outputs: base is an input as well",
    ),
    (
        set_at(*MADE, "inputs", "list", "order.account"),
        "rules.yaml: tables[0] (availability): inputs: what is made in what depends on nothing but lens.colour, ",
    ),
    (set_at(*BASE, "rows", []), "rules.yaml: tables[1] (base-curve): rows: a table has one at least"),
    (
        set_at(*BASE, "rows", 1, "id", "plus"),
        "rules.yaml: tables[1] (base-curve): rows[3] (plus): id: is taken by a row",
    ),
    (drop(*BASE, "rows", 1, "reason"), "rules.yaml: tables[1] (base-curve): rows[1] (minus): reason: is missing"),
    (drop(*BASE, "rows", 1, "base"), "rules.yaml: tables[1] (base-curve): rows[1] (minus): base: is missing"),
    (
        set_at(*BASE, "rows", 1, "base", "4.125"),
        "rules.yaml: tables[1] (base-curve): rows[1] (minus): base: '4.125': finer than 2 decimals",
    ),
    (
        set_at(*BASE, "rows", 1, "power", "-6.01 .. -0.01"),
        "rules.yaml: tables[1] (base-curve): rows[1] (minus): holds at the same time as strong-minus; of a uni",
    ),
    (
        set_at(*BASE, "rows", 1, "power", "-6 to -1"),
        "rules.yaml: tables[1] (base-curve): rows[1] (minus): power: '-6 to -1': not a plain decimal number",
    ),
    (
        set_at(*BASE, "rows", 1, "power", ".."),
        "rules.yaml: tables[1] (base-curve): rows[1] (minus): power: '..': has neither a low nor a high end",
    ),
    (
        set_at(*BASE, "rows", 1, "power", "-90.00 .. -80.00"),
        "rules.yaml: tables[1] (base-curve): rows[1] (minus): power: '-90.00 .. -80.00': never holds",
    ),
    (
        set_at(*BASE, "rows", 1, "powr", "1"),
        "rules.yaml: tables[1] (base-curve): rows[1] (minus): powr: is not a field",
    ),
    (
        set_at(*THICK, "rows", 0, "edge_type", ["rimles"]),
        "rules.yaml: tables[2] (minimum-thickness): rows[0] (rimless): edge_type: there is no 'rimles'; did you",
    ),
    (
        set_at(*THICK, "rows", 0, "edge_type", "rimless"),
        "rules.yaml: tables[2] (minimum-thickness): rows[0] (rimless): edge_type: is not a list of texts",
    ),
    (
        drop(*THICK, "rows", 0, "edge_type"),
        "rules.yaml: tables[2] (minimum-thickness): rows[1] (minus): is never used: rimless stands before it",
    ),
    (
        set_at(*MADE, "rows", 2, "design", ["pul"]),
        "rules.yaml: tables[0] (availability): rows[2] (pal): design: there is no 'pul'; did you mean ",
    ),
    (
        set_at(*ROUTES, "rows", 0, "finished", "absent"),
        "floor.yaml: tables[0] (routes): rows[0] (finished-round): finished: is never absent",
    ),
    (
        set_at(*ROUTES, "rows", 3, "stations", ["make", "edge", "coat", "ship"]),
        "floor.yaml: tables[0] (routes): rows[3] (all): stations: are not in the order of the floor: make, coat, edge",
    ),
    (
        set_at(*ROUTES, "rows", 3, "stations", ["make", "edge"]),
        "floor.yaml: tables[0] (routes): rows[3] (all): stations: a route ends where a job ships, at ship",
    ),
    (
        set_at(*ROUTES, "rows", 3, "stations", ["mak", "ship"]),
        "floor.yaml: tables[0] (routes): rows[3] (all): stations: there is no 'mak'; did you mean make?",
    ),
    (drop(*GENERATE, "rows", 0, "program"), "floor.yaml: tables[1] (generate): rows[0] (deep): program: is missing"),
    (
        set_at(PRICES, "tables", 0, "rows", 0, "currency", "Euro"),
        "prices.yaml: tables[0] (price-list): rows[0] (friends): currency: does not match [A-Z]{3}",
    ),
    (
        set_at(PRICES, "tables", 1, "outputs", {"amount": "percent"}),
        "prices.yaml: tables[1] (lenses): outputs: a table that charges has one: amount: money, or share: percent",
    ),
    (
        set_at(PRICES, "tables", 1, "scope", "eye"),
        "prices.yaml: tables[1] (lenses): scope: what is charged for each pair is asked of: pair",
    ),
    (
        set_at(PRICES, "tables", 1, "label", "{item}"),
        "prices.yaml: tables[1] (lenses): label: {item} cannot be filled in",
    ),
    (
        set_at(*THICK, "rows", 0, "centre", "-1.20"),
        "rules.yaml: tables[2] (minimum-thickness): rows[0] (rimless): centre: -1.20: it can be 0.00 to 100.00",
    ),
    (
        set_at(PRICES, "tables", 1, "rows", 0, "amount", "-80.00"),
        "prices.yaml: tables[1] (lenses): rows[0] (friends): amount: -80.00: it can be 0.00 to 100000.00",
    ),
    (
        set_at(PRICES, "tables", 1, "rows", 0, "list", ["freinds"]),
        "tables (lenses): list: no account has the price list 'freinds'; did you mean 'friends'?",
    ),
    (set_at(PRICES, "tables", 1, "id", "edge"), "prices.yaml: tables[1] (edge): id: is that of the table that tells"),
    (set_at(PRICES, "tables", 1, "id", "axis"), "prices.yaml: tables[1] (axis): id: is taken by an entry before"),
]


@pytest.mark.parametrize(("spoil", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_a_fault_names_file_entry_and_field(files: Files, spoil: Spoil, fault: str) -> None:
    """Each fault, planted in a catalog that is otherwise in order, is told where it stands."""
    spoil(files)

    assert any(each.startswith(fault) for each in faults_of(files)), faults_of(files)


def test_all_faults_are_told_at_once(files: Files) -> None:
    """An engineer mends them in one go."""
    drop(LENS, "designs", 0, "name")(files)
    set_at(RULES, "constraints", 0, "refuse", "eye.axis >")(files)
    set_at(LENS, "materials", 0, "index", "x")(files)
    set_at(*BASE, "rows", 1, "base", "x")(files)

    assert len(faults_of(files)) == 4
