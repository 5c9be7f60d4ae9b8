"""The starter catalog, as it stands in the files. What it answers to orders is in the golden cases."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import Parse
from hypothesis import given, settings
from hypothesis import strategies as st
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.order.v1.order_pb2 import Order

from optics.dcs.interpretation import interpret
from optics.dcs.records import parse
from rules import lab_file
from rules.catalog import Severity
from rules.decide import decide
from rules.files import FileError
from rules.floor import RemakeFacts, Responsible, remake_terms
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Spec
from rules.tables import Charge
from rules.view import DesignType
from services.lims import messages, starter
from services.lims.revisions import compiled, content_of

CATALOG = load(starter.files())
SAMPLES = Path(__file__).resolve().parents[3] / "samples"
FLOOR = ("picking", "surfacing", "coating", "edging", "inspection", "shipping")

# A real free-form progressive order, as a lab system wrote it: index 1.498, minus cylinders, no colour named.
REAL_ORDER = Spec(
    eyes=Eyes.BOTH,
    right=Eye(sphere=-50, cylinder=-125, axis=140, add=125, distance_pd=3100, fitting_height=1600),
    left=Eye(sphere=50, cylinder=-300, axis=15, add=125, distance_pd=3100, fitting_height=1600),
    frame=Frame(
        a=5100,
        b=4401,
        dbl=2000,
        ed=5200,
        wrap=300,
        panto=600,
        vertex=1400,
        material=FrameMaterial.METAL,
        edge_type=EdgeType.BEVEL,
    ),
    lens=Lens(design="comfort-pal", material="cr39", coatings=("hc",)),
)

# An addition that every design of a kind is made with.
ADDS = {
    DesignType.SINGLE_VISION: None,
    DesignType.ANTI_FATIGUE: 75,
    DesignType.MULTIFOCAL: 200,
    DesignType.PROGRESSIVE: 200,
    DesignType.OCCUPATIONAL: 200,
}
# Materials that no coating goes on, and designs that go into wrapped frames.
GLASS, SPORT = {"crown"}, {"sv-sport", "sport-pal"}


def _measure(low: int, high: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(low, high)


def _ids(entries: Collection[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "no-such-thing", *entries])


eyes = st.builds(
    Eye,
    sphere=_measure(-3000, 3000),
    cylinder=_measure(-1500, 1500),
    axis=_measure(1, 180),
    add=_measure(0, 600),
    prism_horizontal=_measure(-2000, 2000),
    prism_vertical=_measure(-2000, 2000),
    distance_pd=_measure(1500, 5000),
    near_pd=_measure(1500, 5000),
    fitting_height=_measure(0, 7000),
)
frames = st.builds(
    Frame,
    a=_measure(2000, 9000),
    b=_measure(1000, 9000),
    dbl=_measure(500, 4000),
    ed=_measure(2000, 11000),
    wrap=_measure(-500, 4500),
    panto=_measure(-1500, 3000),
    vertex=_measure(300, 3000),
    material=st.sampled_from(FrameMaterial),
    edge_type=st.sampled_from(EdgeType),
)
lenses = st.builds(
    Lens,
    design=_ids(CATALOG.designs),
    material=_ids(CATALOG.materials),
    colour=_ids(CATALOG.colours),
    coatings=st.lists(_ids(CATALOG.coatings).filter(bool), max_size=8, unique=True).map(tuple),
    options=st.lists(_ids(CATALOG.options).filter(bool), max_size=16, unique=True).map(tuple),
)
specs = st.builds(Spec, eyes=st.sampled_from(Eyes), right=eyes, left=eyes, frame=frames, lens=lenses)


def is_path_of_the_contract(path: str) -> bool:
    """Tells whether a dotted path leads to a field of JobSpec."""
    message: Descriptor | None = JobSpec.DESCRIPTOR
    for name in path.split("."):
        field = message.fields_by_name.get(name) if message else None
        if field is None:
            return False
        message = field.message_type
    return True


def mild(design: str, material: str, colour: str, account: str = "") -> Spec:
    """Returns a mild order of a lens with everything said."""
    eye = Eye(sphere=-100, cylinder=0, add=ADDS[CATALOG.designs[design].type], distance_pd=3100, fitting_height=1800)
    frame = Frame(
        a=5000,
        b=3600,
        dbl=1800,
        wrap=1500 if design in SPORT else 400,
        panto=800,
        vertex=1300,
        edge_type=EdgeType.BEVEL,
    )
    lens = Lens(design, material, colour, coatings=() if material in GLASS else ("hc",))
    return Spec(Eyes.BOTH, eye, eye, frame, lens, account)


def made() -> Iterator[tuple[str, str, str]]:
    """Yields every design, material and colour that go together."""
    for (design, material), colours in CATALOG.made.items():
        for colour in colours:
            yield design, material, colour


# ── what is in it ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_has_designs_of_every_kind() -> None:
    """Single vision, multifocal, progressive, occupational, anti-fatigue."""
    assert {design.type for design in CATALOG.designs.values()} == set(DesignType)


def test_it_is_of_the_size_of_a_small_labs() -> None:
    """Less would not show how a catalog is kept."""
    assert len(CATALOG.designs) >= 12
    assert len(CATALOG.materials) >= 8
    assert len(CATALOG.coatings) + len(CATALOG.options) >= 10
    assert len(CATALOG.constraints) >= 60
    assert sum(len(table.rows) for table in CATALOG.tables.values()) >= 150


def test_everything_says_where_it_comes_from() -> None:
    """A number without its reason cannot be reviewed, and nobody dares to change it."""
    unreasoned = [constraint.id for constraint in CATALOG.constraints if not constraint.reason]
    unreasoned += [material.id for material in CATALOG.materials.values() if not material.reason]
    unreasoned += [breakage.id for breakage in CATALOG.breakages.values() if not breakage.reason]
    unreasoned += [f"{table.id}/{row.id}" for table in CATALOG.tables.values() for row in table.rows if not row.reason]

    assert unreasoned == []


def test_every_table_the_engine_asks_for_is_there() -> None:
    """Also those it could do without: a lab that plans has programs, lead times and prices."""
    assert {"generate", "polish", "engrave", "coat", "edge", "lead-time", "price-list"} <= CATALOG.tables.keys()
    assert {table.charge for table in CATALOG.charges} == set(Charge)


def test_the_ids_that_orders_of_before_name_are_all_still_there() -> None:
    """An id is never renamed: drafts, remembered names and partners' files hold them."""
    assert CATALOG.designs.keys() >= {
        "comfort-pal",
        "comfort-pal-short",
        "desk-office",
        "ft28",
        "sv-spherical",
        "sv-aspheric",
    }
    assert CATALOG.materials.keys() >= {"cr39", "trivex", "poly", "mr8", "mr10"}
    assert CATALOG.colours.keys() >= {"clear", "photo-grey", "photo-brown", "tint-grey", "polar-grey"}
    assert CATALOG.coatings.keys() >= {"hc", "hc-ar", "hc-blue", "easy-clean"}
    assert CATALOG.options.keys() >= {"prism-thinning", "polished-edge", "slab-off"}
    assert tuple(CATALOG.stations) == FLOOR


def test_a_lens_is_clear_unless_a_colour_is_chosen() -> None:
    """The catalog's first colour is what nobody chose."""
    assert CATALOG.plain_colour == "clear"


# ── the floor ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_floor_begins_in_the_stock_room_and_is_inspected_before_it_ships() -> None:
    """Every route, whatever is skipped between."""
    assert CATALOG.picking == FLOOR[0]
    assert [each.id for each in CATALOG.stations.values() if each.inspects] == [FLOOR[-2]]
    for row in CATALOG.tables["routes"].rows:
        assert (row.then["stations"][0], row.then["stations"][-2:]) == (FLOOR[0], FLOOR[-2:])


def test_what_is_promised_can_be_kept() -> None:
    """The whole floor, in working minutes, takes no longer than the shortest lead time, whenever it begins."""
    calendar = CATALOG.calendar
    assert calendar is not None
    minutes = sum(station.minutes for station in CATALOG.stations.values())
    days = min(row.then["days"] for row in CATALOG.tables["lead-time"].rows)
    for hour in range(7 * 24):
        start = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour)

        assert calendar.after(start, minutes) <= calendar.working_days_after(start, days)


def test_every_defect_that_labs_know_can_be_reported_where_it_is_found() -> None:
    """At inspection all of them, but for a machine that stopped."""
    everywhere = [each.id for each in CATALOG.breakages.values() if not each.stations or "inspection" in each.stations]

    assert CATALOG.breakages.keys() - everywhere == {"machine"}
    assert {each.responsible for each in CATALOG.breakages.values()} == {Responsible.LAB, Responsible.MANUFACTURER}


@pytest.mark.parametrize(
    ("remake", "row", "percent"),
    [
        (RemakeFacts("lab", 500, 3), "lab", 0),
        (RemakeFacts("manufacturer", 500), "manufacturer", 0),
        (RemakeFacts("warranty", 365, 2), "warranty", 0),
        (RemakeFacts("warranty", 366), "warranty-over", 100),
        (RemakeFacts("warranty", 10, 0, changed=True), "warranty-over", 100),
        (RemakeFacts("ecp", 60, 0, changed=True), "ecp-first", 50),
        (RemakeFacts("ecp", 61), "ecp", 100),
        (RemakeFacts("ecp", 60, 1), "ecp", 100),
        (RemakeFacts("non-adapt", 90, 0, changed=True), "non-adapt-first", 0),
        (RemakeFacts("non-adapt", 91), "non-adapt", 100),
        (RemakeFacts("non-adapt", 90, 1), "non-adapt", 100),
    ],
)
def test_a_remake_is_charged_by_who_answers_for_it(remake: RemakeFacts, row: str, percent: int) -> None:
    """On both sides of every limit; each row of the policy is wanted by one of these."""
    assert CATALOG.remakes is not None
    terms = remake_terms(CATALOG.remakes, remake)

    assert (terms.id, terms.then["percent"]) == (row, 100 * percent)


# ── what comes in every day ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_real_order_is_accepted() -> None:
    """What is worth a look is told, and nothing stands in the way."""
    decision = decide(CATALOG, REAL_ORDER)

    assert decision.accepted
    assert {each.code for each in decision.violations} == {"OPPOSITE_SIGNS", "NOT_GIVEN"}
    assert decision.route == FLOOR


def test_cylinders_written_in_both_conventions_are_worth_a_look() -> None:
    """Like spheres of opposite sign; one convention, and a cylinder of nothing, are in order."""
    mixed = replace(REAL_ORDER, right=replace(REAL_ORDER.right, sphere=-175, cylinder=125))
    without = replace(mixed, right=replace(mixed.right, cylinder=0))

    (told,) = (each for each in decide(CATALOG, mixed).violations if each.code == "MIXED_CYLINDER_SIGNS")
    assert (told.severity, told.field) == (Severity.WARNING, "prescription")
    assert told.message.startswith("Cylinders +1.25 D right and -3.00 D left: one is plus cylinder and the other minus")
    for spec in (REAL_ORDER, without):
        assert "MIXED_CYLINDER_SIGNS" not in {each.code for each in decide(CATALOG, spec).violations}


def test_the_sample_order_is_made_without_a_word() -> None:
    """What a newcomer is given to begin with leaves nothing to ask back."""
    order = Parse((SAMPLES / "order.json").read_text(), Order())
    spec = JobSpec(eyes=order.eyes, prescription=order.prescription, frame=order.frame, lens=order.lens)
    decision = decide(CATALOG, messages.spec(messages.ordered(spec)))

    assert decision.violations == ()
    assert decision.route == FLOOR


@pytest.mark.parametrize("file", ["progressive-job.oma", "single-vision-job.oma"])
def test_the_sample_lab_files_are_made_without_a_word(file: str) -> None:
    """Trace included: planned, priced by the account's own list, and sent over the whole floor."""
    reading = lab_file.read(interpret(parse((SAMPLES / file).read_bytes())), CATALOG)
    decision = lab_file.told(reading, decide(CATALOG, reading.spec))

    assert decision.violations == ()
    assert decision.route == FLOOR
    assert len(decision.lenses) == 2
    assert decision.price is not None
    assert decision.price.list == "partner"


@pytest.mark.parametrize("design", CATALOG.designs)
def test_every_design_can_be_ordered_in_every_material_it_is_made_in(design: str) -> None:
    """A mild power with everything said is accepted without a word: no row makes a design unorderable."""
    for material in CATALOG.materials_of(design):
        assert decide(CATALOG, mild(design, material, "clear")).violations == ()


@pytest.mark.parametrize("account", ["", "100200"])
def test_whatever_is_made_has_a_blank_a_route_and_a_price_in_every_list(account: str) -> None:
    """Every design in every material and colour it comes in; what is told of it is no more than information."""
    lists = set()
    for design, material, colour in made():
        decision = decide(CATALOG, mild(design, material, colour, account))

        assert all(each.severity is Severity.INFO for each in decision.violations), (design, material, colour)
        assert [lens.blank.material for lens in decision.lenses] == [material, material]
        assert decision.route[-1] == "shipping"
        assert decision.lead_time_days is not None
        assert decision.price is not None
        charged = {line.table for line in decision.price.lines}
        assert {"lens-price", "material-price"} <= charged
        assert ("colour-price" in charged) == (colour != "clear"), colour
        lists.add(decision.price.list)
    assert lists == {"partner" if account else "standard"}


@pytest.mark.parametrize("account", ["", "100200"])
def test_every_coating_and_option_has_a_price_in_every_list(account: str) -> None:
    """What has none would leave the whole order without one."""
    spec = mild("comfort-pal", "mr8", "clear", account)
    coated = {each: replace(spec.lens, coatings=(each,)) for each in CATALOG.coatings}
    optioned = {each: replace(spec.lens, options=(each,)) for each in CATALOG.options}
    for table, chosen in (("coating-price", coated), ("option-price", optioned)):
        for each, lens in chosen.items():
            priced = decide(CATALOG, replace(spec, lens=lens)).price

            assert priced is not None, each
            assert table in {line.table for line in priced.lines}


# ── whatever comes in ─────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60)
@given(specs)
def test_any_spec_is_decided_with_violations_at_fields_of_the_contract(spec: Spec) -> None:
    """Decide never fails, and what it says can be shown where it belongs: every sentence is filled in and ends."""
    decision = decide(CATALOG, spec)

    for violation in decision.violations:
        assert is_path_of_the_contract(violation.field), violation
        assert "{" not in violation.message
        assert violation.message.endswith(".")
        assert violation.code.isupper()
    assert decision.to_bytes() == decide(CATALOG, spec).to_bytes()


@settings(max_examples=60)
@given(specs)
def test_accepted_means_no_error_and_a_way_through_the_lab(spec: Spec) -> None:
    """And refused means neither."""
    decision = decide(CATALOG, spec)
    errors = [each for each in decision.violations if each.severity is Severity.ERROR]

    assert decision.accepted == (not errors) == bool(decision.route)
    assert len(decision.lenses) == (len(spec.sides) if decision.accepted else 0)


@settings(max_examples=60)
@given(specs)
def test_alternatives_are_entries_of_the_catalog(spec: Spec) -> None:
    """Each one can be chosen as it stands."""
    known = {
        *CATALOG.designs,
        *CATALOG.materials,
        *CATALOG.colours,
        *CATALOG.coatings,
        *CATALOG.options,
    }
    for violation in decide(CATALOG, spec).violations:
        assert set(violation.alternatives) <= known


# ── the files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_equal_files_make_equal_bytes_and_the_bytes_make_the_catalog_again() -> None:
    """A revision is addressed by the hash of what is stored."""
    content = content_of(starter.texts())

    assert content == content_of(dict(reversed(starter.texts().items())))
    assert compiled(content).constraints == CATALOG.constraints
    assert decide(compiled(content), REAL_ORDER) == decide(CATALOG, REAL_ORDER)
    assert len(hashlib.sha256(content).hexdigest()) == 64


def test_a_field_said_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    """YAML would silently keep the last one."""
    (tmp_path / "designs.yaml").write_text("designs:\n  - id: one\n    id: two\n")

    with pytest.raises(FileError, match=r"designs\.yaml: line 3: 'id' stands there twice"):
        starter.files(tmp_path)
