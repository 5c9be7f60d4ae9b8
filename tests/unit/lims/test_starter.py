"""The starter catalog, as it stands in the files."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from google.protobuf.json_format import Parse
from hypothesis import given
from hypothesis import strategies as st
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.order.v1.order_pb2 import Order

from rules.decide import decide
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Spec
from rules.tables import DesignType, Severity
from services.lims import messages, starter
from services.lims.revisions import compiled, content_of

CATALOG = load(starter.files())

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


def _measure(low: int, high: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(low, high)


def _ids(entries: dict[str, object]) -> st.SearchStrategy[str]:
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
    message = JobSpec.DESCRIPTOR
    for name in path.split("."):
        field = message.fields_by_name.get(name) if message else None
        if field is None:
            return False
        message = field.message_type
    return True


def test_it_has_designs_of_every_kind() -> None:
    """Single vision, multifocal, progressive, occupational."""
    assert {design.type for design in CATALOG.designs.values()} == set(DesignType)


def test_a_real_order_is_accepted() -> None:
    """What is worth a look is told, and nothing stands in the way."""
    decision = decide(CATALOG, REAL_ORDER)

    assert decision.accepted
    assert {each.code for each in decision.violations} == {"OPPOSITE_SIGNS", "NOT_GIVEN"}
    assert decision.route == ("surfacing", "coating", "edging", "inspection", "shipping")


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
    order = Parse((Path(__file__).parents[3] / "samples" / "order.json").read_text(), Order())
    spec = JobSpec(eyes=order.eyes, prescription=order.prescription, frame=order.frame, lens=order.lens)

    assert decide(CATALOG, messages.ordered(spec).spec).violations == ()


@pytest.mark.parametrize("design", CATALOG.designs)
def test_every_design_can_be_ordered_in_every_material_it_is_made_in(design: str) -> None:
    """A mild power with everything said is accepted: no row of the tables makes a design unorderable."""
    entry = CATALOG.designs[design]
    add = None if entry.type is DesignType.SINGLE_VISION else 200
    eye = Eye(sphere=-100, cylinder=0, add=add, distance_pd=3100, near_pd=2900, fitting_height=1800)
    frame = Frame(a=5000, b=3600, dbl=1800, edge_type=EdgeType.BEVEL)
    for material in entry.materials:
        lens = Lens(design=design, material=material, colour="clear", coatings=("hc",))
        assert decide(CATALOG, Spec(Eyes.BOTH, eye, eye, frame, lens)).violations == ()


@given(specs)
def test_any_spec_is_decided_with_violations_at_fields_of_the_contract(spec: Spec) -> None:
    """Decide never fails, and what it says can be shown where it belongs."""
    decision = decide(CATALOG, spec)

    for violation in decision.violations:
        assert is_path_of_the_contract(violation.field), violation
        assert "{" not in violation.message
        assert violation.message.endswith(".")
        assert violation.code.isupper()
    assert decision == decide(CATALOG, spec)


@given(specs)
def test_accepted_means_no_error_and_a_way_through_the_lab(spec: Spec) -> None:
    """And refused means neither."""
    decision = decide(CATALOG, spec)
    errors = [each for each in decision.violations if each.severity is Severity.ERROR]

    assert decision.accepted == (not errors) == bool(decision.route)


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


def test_equal_files_make_equal_bytes_and_the_bytes_make_the_catalog_again() -> None:
    """A revision is addressed by the hash of what is stored."""
    content = content_of(starter.files())

    assert content == content_of(dict(reversed(starter.files().items())))
    assert compiled(content) == CATALOG
    assert len(hashlib.sha256(content).hexdigest()) == 64


def test_a_field_said_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    """YAML would silently keep the last one."""
    (tmp_path / "designs.yaml").write_text("designs:\n  - id: one\n    id: two\n")

    with pytest.raises(yaml.YAMLError, match="'id' stands there twice"):
        starter.files(tmp_path)
