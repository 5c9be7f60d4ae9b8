"""A lab file as the rules see it."""

from pathlib import Path
from typing import Any

import pytest

from optics.dcs.diagnostics import Severity as NoteSeverity
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob
from optics.dcs.records import parse
from optics.eyes import Side
from rules.catalog import Catalog, Severity
from rules.decide import decide
from rules.lab_file import Reading, read, told
from rules.load import load
from rules.spec import EdgeType, Eye, Eyes, FrameMaterial, Lens, Spec

Files = dict[str, Any]
SAMPLES = Path(__file__).parents[3] / "samples"

JOB = """\
JOB=7
ACCN=A-1
DO=B
SPH=-0.50;-0.75
CYL=-1.25;0.00
AX=140;0
ADD=1.25;1.25
PRVM=1.00;0.00
PRVA=0;0
IPD=31.00;31.50
NPD=28.50;29.00
SEGHT=19.00;18.50
HBOX=51.00;50.80
VBOX=38.00;38.20
FED=53.00;52.90
DBL=20.00
FTYP=2
ETYP=1
ZTILT=5.00;5.00
PANTO=8.00;8.00
BVD=13.00;13.00
LNAM=2950
LMATID=CR
COLR=CLR
ACOAT=HARD
"""


def job(*changes: str, without: str = "") -> DcsJob:
    """Returns the job with some records said otherwise, or one of them not at all."""
    lines = {line.partition("=")[0]: line for line in JOB.splitlines()}
    lines |= {line.partition("=")[0]: line for line in changes}
    lines.pop(without, None)
    return interpret(parse("\n".join(lines.values()).encode()))


@pytest.fixture
def partners(files: Files) -> Catalog:
    """The lab's catalog, with partners' names for its entries."""
    for kind, entry, label, code in (
        ("materials", "cr39", "LMATID", "CR"),
        ("materials", "cr39", "LMATID", "CR-39 PLUS"),
        ("materials", "mr10", "LMATID", "MR10"),
        ("colours", "clear", "COLR", "CLR"),
        ("coatings", "hc", "ACOAT", "HARD"),
    ):
        (found,) = (each for each in files["lens.yaml"][kind] if each["id"] == entry)
        found.setdefault("partner_codes", []).append({"label": label, "code": code})
    return load(files)


def faults(reading: Reading) -> list[tuple[str, str]]:
    """Returns (field, code) of every fault."""
    return [(fault.field, fault.code) for fault in reading.faults]


def test_a_file_becomes_a_spec_in_catalog_ids(partners: Catalog) -> None:
    """Every measure on its lattice, both eyes; the larger of two frame sizes, for both lenses must fit."""
    reading = read(job(), partners)

    assert reading.faults == ()
    assert reading.spec.eyes is Eyes.BOTH
    assert reading.spec.right == Eye(-50, -125, 140, 125, 100, 0, 3100, 2850, 1900)
    assert reading.spec.left == Eye(-75, 0, None, 125, 0, 0, 3150, 2900, 1850), "an axis without a cylinder is none"
    assert reading.spec.lens == Lens("pal", "cr39", "clear", ("hc",))
    assert reading.spec.account == "A-1"
    frame = reading.spec.frame
    assert (frame.a, frame.b, frame.ed, frame.dbl) == (5100, 3820, 5300, 2000)
    assert (frame.wrap, frame.panto, frame.vertex) == (500, 800, 1300)
    assert (frame.material, frame.edge_type) == (FrameMaterial.METAL, EdgeType.BEVEL)
    assert decide(partners, reading.spec).accepted


def test_what_the_caller_says_comes_before_what_the_file_says(partners: Catalog) -> None:
    """Account, design and material; of an unknown name nothing is said then."""
    spoken = read(job("LNAM=NOBODY"), partners, account="A-2", design="plain", material="mr10")

    assert (spoken.spec.account, spoken.spec.lens.design, spoken.spec.lens.material) == ("A-2", "plain", "mr10")
    assert spoken.faults == ()


def test_a_single_lens_has_no_prescription_for_the_other_eye(partners: Catalog) -> None:
    """Nor do its codes count. A file that does not say which lenses means the pair; one that says none does not."""
    single = read(job("DO=R", "LNAM=2950;OTHER"), partners)

    assert (single.spec.eyes, single.spec.left, single.faults) == (Eyes.RIGHT, Eye(), ())
    assert read(job(without="DO"), partners).spec.eyes is Eyes.BOTH
    assert read(job("DO=N"), partners).spec.eyes is Eyes.UNSAID


@pytest.mark.parametrize(
    ("record", "field", "alternatives", "words"),
    [
        ("LNAM=PALL", "lens.design", ("pal",), "LNAM='PALL' is no design that the catalog knows; choose Pal (pal)."),
        ("LMATID=cr-39 plus x", "lens.material", ("cr39",), "choose CR-39 (cr39)."),
        ("COLR=#99", "lens.colour", (), "choose a colour from the catalog."),
        ("ACOAT=HARD COAT 2", "lens.coatings", ("hc",), "choose Hard coat (hc)."),
    ],
)
def test_a_name_that_nobody_knows_is_a_fault_at_its_field(
    partners: Catalog, record: str, field: str, alternatives: tuple[str, ...], words: str
) -> None:
    """With what reads like it, by id, name or another partner's code; nothing is taken in its place."""
    reading = read(job(record), partners)
    (fault,) = reading.faults

    assert (fault.field, fault.code, fault.severity) == (field, "UNKNOWN_LENS_NAME", Severity.ERROR)
    assert fault.alternatives == alternatives
    assert words in fault.message
    chosen = getattr(reading.spec.lens, field.removeprefix("lens."))
    assert not chosen


def test_two_lens_names_are_a_fault_unless_they_mean_the_same(partners: Catalog) -> None:
    """A job has one material; how a partner spells it on each side is his affair."""
    assert faults(read(job("LMATID=CR;MR10"), partners)) == [("lens.material", "DIFFERENT_LENSES")]
    assert read(job("LMATID=CR;CR-39 PLUS"), partners).spec.lens.material == "cr39"


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ("SPH=abc;-0.75", ["prescription.right.sphere"]),
        ("SPH=abc;abc", ["prescription.right.sphere", "prescription.left.sphere"]),
        ("CYL=-1.25;1,25", ["prescription.left.cylinder"]),
        ("AX=200;0", ["prescription.right.axis"]),
        ("PRVA=?;0", ["prescription.right.prism_horizontal"]),
        ("DO=X", ["eyes"]),
    ],
)
def test_a_measure_that_cannot_be_read_does_not_count_as_not_given(
    partners: Catalog, record: str, fields: list[str]
) -> None:
    """A lens made without it would be a wrong one."""
    reading = read(job(record), partners)

    assert faults(reading) == [(field, "UNREADABLE") for field in fields]
    assert not told(reading, decide(partners, reading.spec)).accepted


@pytest.mark.parametrize("form", ["2", "4", "1x", "9"])
def test_a_trace_that_cannot_be_read_is_not_replaced_by_a_box(partners: Catalog, form: str) -> None:
    """A lens for the box would not fit the rim."""
    traced = [f"TRCFMT={form};36;E;{side};F\nR=" + ";".join(["2500"] * 36) for side in "RL"]
    reading = read(job(*traced), partners)

    assert faults(reading) == [(f"frame.trace.{side}", "UNREADABLE") for side in ("right", "left")]
    assert not told(reading, decide(partners, reading.spec)).accepted


def test_a_fault_refuses_the_job_and_keeps_its_price(partners: Catalog) -> None:
    """As any refusal does; what was used to decide it stays told, and the gravest comes first."""
    reading = read(job("ACOAT=NOBODY", "SPH=-0.50;+0.75"), partners)
    decision = decide(partners, reading.spec)
    refused = told(reading, decision)

    assert (decision.accepted, refused.accepted) == (True, False)
    assert (refused.lenses, refused.route) == ((), ())
    assert (refused.price, refused.lead_time_days, refused.fired) == (
        decision.price,
        decision.lead_time_days,
        decision.fired,
    )
    assert [each.code for each in refused.violations] == ["UNKNOWN_LENS_NAME", "OPPOSITE_SIGNS"]


def test_what_a_fault_explains_is_not_objected_to_again(partners: Catalog) -> None:
    """That there is no design follows from the name that nobody knows."""
    reading = read(job("LNAM=NOBODY"), partners)
    decision = decide(partners, reading.spec)

    assert "NOT_GIVEN" in {each.code for each in decision.violations}
    assert [each.code for each in told(reading, decision).violations] == ["UNKNOWN_LENS_NAME"]


def test_without_faults_a_decision_is_as_it_is(partners: Catalog) -> None:
    """The very same."""
    reading = read(job(), partners)
    decision = decide(partners, reading.spec)

    assert told(reading, decision) is decision


def test_what_was_noticed_is_told_once(partners: Catalog) -> None:
    """A fault is not a note as well; what a spec has no place for is one."""
    notes = read(job("CYL=-1.25;abc", "TINT=BROWN;BROWN", "XYZ"), partners).notes

    assert [(note.label, note.severity) for note in notes] == [
        ("", NoteSeverity.WARNING),
        ("TINT", NoteSeverity.WARNING),
        ("TINT", NoteSeverity.WARNING),
    ]


def test_a_traced_frame_keeps_its_traces(catalog: Catalog) -> None:
    """Radius by radius, also the points that the tracer missed, each side its own."""
    sample = interpret(parse((SAMPLES / "progressive-job.oma").read_bytes()))
    traces = read(sample, catalog).spec.frame.traces

    assert traces.right is not None
    assert traces.left is not None
    assert (traces.right.radii[:2], traces.left.radii[:2]) == ((2575, 2578), (2600, 2600))
    assert len(traces.right.radii) == len(traces.left.radii) == 400


def test_a_file_that_orders_nothing_is_a_spec_that_lacks_everything(catalog: Catalog) -> None:
    """The rules say what; reading it does not fail."""
    reading = read(interpret(parse((SAMPLES / "frame-only.oma").read_bytes())), catalog)

    assert reading.faults == ()
    assert (reading.spec.right, reading.spec.lens) == (Eye(), Lens())
    assert reading.spec.sides == (Side.RIGHT, Side.LEFT)
    assert not decide(catalog, reading.spec).accepted
    assert reading.spec != Spec()
