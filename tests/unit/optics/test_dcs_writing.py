import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optics.dcs.drilling import AngleMode, Drill, DrillEye, Reference
from optics.dcs.errors import UnsayableError
from optics.dcs.interpretation import interpret
from optics.dcs.job import (
    BoxedShape,
    Centration,
    DcsJob,
    EdgeType,
    Eye,
    EyesToMake,
    Frame,
    FrameType,
    LensCodes,
    PositionOfWear,
    Prescription,
)
from optics.dcs.labels import LABELS
from optics.dcs.profiles import Heights, Thicknesses
from optics.dcs.records import parse
from optics.dcs.trace_formats import TraceFormat
from optics.dcs.writing import BinaryEntry, Entry, TraceKind, compose, record_bytes, trace_entries, write
from optics.eyes import Side
from optics.prism import Prism
from optics.trace import Trace

# -- jobs of every kind ----------------------------------------------------------------------------------------------

texts = st.sampled_from(
    ["A", "0", "047", "PR FF", "A;B", ";", " spaced ", "  ", "x=y", "a,b", "#*@", '5" x 3', "Aa/b-c.d", "?A", "A?"]
)


def within(label: str) -> st.SearchStrategy[int]:
    """Return the numbers a label takes."""
    lattice = LABELS[label].lattice
    assert lattice is not None
    return st.integers(lattice.low, lattice.high)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what `strategy` gives, or None."""
    return st.one_of(st.none(), strategy)


def sized(label: str) -> st.SearchStrategy[int | None]:
    """Return the numbers a label takes, or None."""
    return maybe(within(label))


radii = st.lists(st.integers(18_00, 35_00), min_size=24, max_size=60).map(tuple)
angles = st.integers(24, 48).map(lambda count: tuple(range(0, 360_00, 360_00 // count))[:count])


def traces(side: Side) -> st.SearchStrategy[Trace]:
    """Return traces, evenly and unevenly spaced, with missed points."""
    uneven = angles.map(lambda given: Trace(side, tuple(2000 + angle % 700 for angle in given), given))
    missed = radii.map(lambda given: Trace(side, (*given, *given, 0, -1)))
    return st.one_of(radii.map(lambda given: Trace(side, given)), missed, uneven)


def heights(side: Side) -> st.SearchStrategy[Heights]:
    """Return heights, evenly and unevenly spaced."""
    even = st.lists(st.integers(-900, 900), min_size=1, max_size=40).map(lambda given: Heights(side, tuple(given)))
    return st.one_of(even, angles.map(lambda given: Heights(side, tuple(angle % 97 for angle in given), given)))


def thicknesses(side: Side) -> st.SearchStrategy[Thicknesses]:
    """Return thicknesses, evenly and unevenly spaced."""
    points = st.lists(st.tuples(st.integers(0, 60_00), st.integers(0, 12_00)), min_size=1, max_size=40)
    even = points.map(lambda given: Thicknesses(side, tuple(r for r, _ in given), tuple(t for _, t in given)))
    return st.one_of(
        even, angles.map(lambda given: Thicknesses(side, (2500,) * len(given), (200,) * len(given), given))
    )


def eyes(side: Side) -> st.SearchStrategy[Eye]:
    """Return eyes with anything known or not. One that is traced knows its sizes, as after reading."""
    prisms = st.builds(Prism, st.integers(-14_00, 14_00), st.integers(-14_00, 14_00))
    untraced = st.builds(
        Eye,
        st.builds(
            Prescription,
            sized("SPH"),
            sized("CYL"),
            maybe(st.integers(1, 180)),
            sized("ADD"),
            maybe(prisms),
        ),
        st.one_of(
            st.builds(Centration, sized("IPD"), sized("NPD"), st.none(), st.none()),
            st.builds(Centration, sized("IPD"), sized("NPD"), within("SEGHT"), st.sampled_from(["SEGHT", "OCHT"])),
        ),
        st.builds(BoxedShape, sized("HBOX"), sized("VBOX"), sized("FED"), sized("CIRC")),
        st.builds(PositionOfWear, sized("ZTILT"), sized("PANTO"), sized("BVD")),
        st.builds(LensCodes, *[maybe(texts)] * 9),
        maybe(texts),
        st.none(),
        maybe(heights(side)),
        maybe(thicknesses(side)),
    )
    shapes = st.builds(BoxedShape, within("HBOX"), within("VBOX"), within("FED"), within("CIRC"))
    traced = st.builds(lambda eye, shape, trace: replace(eye, shape=shape, trace=trace), untraced, shapes, traces(side))
    return st.one_of(untraced, traced)


hundredths = st.integers(-100_00, 100_00)
drills = st.builds(
    Drill,
    st.sampled_from(DrillEye),
    st.sampled_from(Reference),
    hundredths,
    hundredths,
    st.integers(0, 30_00),
    maybe(hundredths),
    maybe(hundredths),
    maybe(st.integers(-100, 30_00)),
    maybe(st.integers(0, 127)),
    maybe(st.sampled_from(AngleMode)),
    maybe(st.integers(-360_00, 360_00)),
    maybe(st.integers(-360_00, 360_00)),
)

jobs = st.builds(
    DcsJob,
    maybe(texts),
    maybe(texts),
    maybe(texts),
    maybe(st.from_regex(r"\A[A-Z]{0,3}-?[0-9]{1,6}\Z")),
    st.just(value=False),
    maybe(texts),
    maybe(st.sampled_from(EyesToMake)),
    eyes(Side.RIGHT),
    eyes(Side.LEFT),
    st.builds(Frame, sized("DBL"), maybe(st.sampled_from(FrameType)), maybe(st.sampled_from(EdgeType))),
    st.just(()),
    st.lists(drills, max_size=3).map(tuple),
)

NOTHING = Eye(
    Prescription(None, None, None, None, None),
    Centration(None, None, None, None),
    BoxedShape(None, None, None, None),
    PositionOfWear(None, None, None),
    LensCodes(None, None, None, None, None, None, None, None),
    None,
    None,
)


def job(**known: Any) -> DcsJob:  # noqa: ANN401 - the fields of a job, of many kinds
    """Return a job that knows its number and what is given."""
    nobody: dict[str, Any] = dict.fromkeys(("account", "customer_reference", "patient_number", "request"))
    return DcsJob(
        **{
            "job_id": "900001",
            **nobody,
            "patient_named": False,
            "eyes_to_make": None,
            "right": NOTHING,
            "left": NOTHING,
            "frame": Frame(None, None, None),
            "diagnostics": (),
            **known,
        }
    )


def lens(**codes: str) -> Eye:
    """Return an eye whose lens has some codes."""
    return replace(NOTHING, lens=replace(NOTHING.lens, **codes))


@settings(max_examples=80)
@given(jobs, st.sampled_from(TraceFormat), st.sampled_from([b"\r\n", b"\n", b"\r"]))
@example(job(), TraceFormat.TEXT, b"\r\n")
def test_what_is_written_is_read_back_as_the_same_job(written: DcsJob, form: TraceFormat, ending: bytes) -> None:
    """Every value, on both sides, whatever is known and whatever is not; lines and labels within their limits."""
    try:
        data = write(written, trace_format=form, ending=ending)
    except UnsayableError as refused:
        assert "characters; a record has 80" in str(refused)  # noqa: PT017 - texts of both sides may not fit a record
        return
    if not data:
        return
    read = interpret(parse(data))
    assert replace(read, diagnostics=()) == written
    for record in parse(data).records:
        assert re.fullmatch(r"[A-Z]{1,12}", record.label)
        assert record.binary or len(record.label) + 1 + len(record.value) <= 80
    assert write(read, trace_format=form, ending=ending) == data


def test_a_job_is_written_in_one_order() -> None:
    """The request, the job, the prescription, the frame, the lens, the trace: ten radii a record, CR LF at its end."""
    right = replace(
        NOTHING,
        prescription=Prescription(-225, -75, 175, 200, Prism(50, 0)),
        centration=Centration(3200, None, 1900, "SEGHT"),
        shape=BoxedShape(5000, 5000, 5000, 157_078),
        lens=replace(NOTHING.lens, design="COMFORT-PAL", material="MR8"),
        trace=Trace(Side.RIGHT, (25_00,) * 25),
    )
    left = replace(NOTHING, prescription=Prescription(-175, None, None, None, None))
    whole = job(request="FIL", eyes_to_make=EyesToMake.BOTH, right=right, left=left, frame=Frame(1800, None, None))
    assert write(whole, also=[Entry("_OWN", ("1", "2"))]).decode() == "".join(
        f"{record}\r\n"
        for record in (
            *("REQ=FIL", "JOB=900001", "DO=B", "SPH=-2.25;-1.75", "CYL=-0.75;", "AX=175;", "ADD=2.00;"),
            *("PRVM=0.50;", "PRVA=0.00;", "IPD=32.00;", "SEGHT=19.00;"),
            *("HBOX=50.00;", "VBOX=50.00;", "FED=50.00;", "CIRC=157.078;", "DBL=18.00"),
            *("LNAM=COMFORT-PAL;", "LMATID=MR8;", "_OWN=1;2"),
            "TRCFMT=1;25;E;R;F",
            *["R=" + ";".join(["2500"] * 10)] * 2,
            "R=" + ";".join(["2500"] * 5),
        )
    )


def test_the_kind_of_a_trace_and_its_angles_are_written() -> None:
    """Mode U has its angles under A, ten a record."""
    degrees = tuple(range(0, 360_00, 15_00))
    entries = trace_entries(Trace(Side.LEFT, (25_00,) * 24, degrees), kind=TraceKind.PATTERN)
    assert entries[0] == Entry("TRCFMT", ("1", "24", "U", "L", "P"))
    assert [entry.label for entry in entries[1:]] == ["R"] * 3 + ["A"] * 3
    assert entries[-1] == Entry("A", ("30000", "31500", "33000", "34500"))


@given(st.sampled_from(Side), st.integers(-16_00, 16_00), st.integers(-16_00, 16_00))
def test_every_common_prism_is_said_exactly(side: Side, horizontal: int, vertical: int) -> None:
    """A magnitude and a setting of two decimals give the parts back, up to 22 prism dioptres."""
    given_prism = Prism(horizontal, vertical)
    eye = replace(NOTHING, prescription=replace(NOTHING.prescription, prism=given_prism))
    known = {"right": eye} if side is Side.RIGHT else {"left": eye}
    read = interpret(parse(write(job(**known))))
    assert read.eye(side).prescription.prism == given_prism
    assert read.diagnostics == ()


@pytest.mark.parametrize("setting", range(0, 360, 7))
def test_the_largest_prism_a_file_may_have_is_said_again(setting: int) -> None:
    """30.00 at any angle: the parts are rounded, and the magnitude still is no more than the reader takes."""
    job_read = interpret(parse(f"PRVM=30.00\nPRVA={setting}.01".encode()))
    assert replace(interpret(parse(write(job_read))), diagnostics=()) == job_read


def test_a_prism_that_no_setting_gives_is_refused() -> None:
    """Beyond 24 prism dioptres a hundredth of a degree is too coarse for a few; their neighbours are said."""
    eye = replace(NOTHING, prescription=replace(NOTHING.prescription, prism=Prism(17_32, 17_42)))
    with pytest.raises(UnsayableError, match=r"PRVM and PRVA of the right eye cannot say 17\.32 in"):
        write(job(right=eye))
    neighbour = replace(NOTHING, prescription=replace(NOTHING.prescription, prism=Prism(17_32, 17_43)))
    assert interpret(parse(write(job(right=neighbour)))).right.prescription.prism == Prism(17_32, 17_43)


# -- what cannot be said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A", "A"),
        ("A B", "A B"),
        ("A;B", '"A;B"'),
        (" A", '" A"'),
        ("A ", '"A "'),
        ('5" x 3', '5" x 3'),
        ("a=b", "a=b"),
    ],
)
def test_a_text_is_quoted_where_it_would_be_read_as_something_else(text: str, written: str) -> None:
    """A semicolon would cut it, and spaces around it would be taken off."""
    assert record_bytes(Entry("LNAM", (text,))) == f"LNAM={written}".encode()
    assert interpret(parse(write(job(right=lens(design=text))))).right.lens.design == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A\nSPH=0.00", "U.000A at place 2"),
        ("A\r", "U.000D"),
        ("\x1cA", "U.001C"),
        ("A\x00", "U.0000"),
        ("A\x7f", "U.007F"),
        ("grün", "U.00FC"),
        ("A\u2028B", "U.2028"),
        ('"A"', "quotation mark"),
        ('A";B', "quotation mark"),
        ('A" ', "quotation mark"),
        ("?", "read as absent"),
        ("", "read as absent"),
        ("A" * 80, "86 characters; a record has 80"),
    ],
)
def test_a_text_that_cannot_be_said_is_refused_with_its_label(text: str, reason: str) -> None:
    """Control characters, what is not ASCII, quotes that quote, an unknown, and what is too long."""
    with pytest.raises(UnsayableError, match=rf"LNAM.*{reason}"):
        write(job(right=lens(design=text)))


def test_quotation_marks_that_would_join_two_values_are_refused() -> None:
    """Each for itself is a text; one after the other they quote."""
    with pytest.raises(UnsayableError, match="LNAM has values that would be read as others"):
        record_bytes(Entry("LNAM", ('"a', 'b"')))


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("SPH", {"right": replace(NOTHING, prescription=replace(NOTHING.prescription, sphere=40_01))}),
        ("IPD", {"left": replace(NOTHING, centration=replace(NOTHING.centration, distance_pd=62_00))}),
        ("DBL", {"frame": Frame(0, None, None)}),
        ("PRVM", {"right": replace(NOTHING, prescription=replace(NOTHING.prescription, prism=Prism(30_01, 0)))}),
        ("CLIENT", {"patient_number": "Ann Example"}),
        ("TRCFMT", {"right": replace(NOTHING, trace=Trace(Side.LEFT, (2500,) * 40))}),
        ("ZFMT", {"left": replace(NOTHING, heights=Heights(Side.RIGHT, (1,)))}),
        ("STHKFMT", {"left": replace(NOTHING, thicknesses=Thicknesses(Side.RIGHT, (1,), (1,)))}),
        ("DRILLE", {"drills": (Drill(DrillEye.BOTH, Reference.CROSS, 101_00, 0, 140),)}),
        ("DRILLE", {"drills": (Drill(DrillEye.BOTH, Reference.CROSS, 0, 0, 140, rest=("x", "")),)}),
    ],
)
def test_a_value_a_reader_would_ignore_is_refused_with_its_label(label: str, known: dict[str, Any]) -> None:
    """Out of range, a name for a number, or the other side's trace. No sentence repeats a name."""
    with pytest.raises(UnsayableError, match=label) as refused:
        write(job(**known))
    assert "Ann" not in str(refused.value)


@pytest.mark.parametrize("label", ["", "sph", "1ST", "A B", "A" * 13, "A=", "_Ü", "A\n"])
def test_a_label_that_is_none_is_refused(label: str) -> None:
    """Twelve capitals and digits at most."""
    with pytest.raises(UnsayableError, match="no label"):
        record_bytes(Entry(label, ("1",)))


@pytest.mark.parametrize("label", ["TRCFMT", "R", "A", "ZFMT", "Z", "ZA", "STHKFMT", "T", "DRILLE"])
def test_numbers_of_a_set_are_no_further_records(label: str) -> None:
    """They would be taken for a trace's."""
    with pytest.raises(UnsayableError, match=label):
        write(job(), also=[Entry(label, ("1",))])


def test_a_label_is_said_once() -> None:
    """A reader would use the first; what may stand several times is left alone."""
    with pytest.raises(UnsayableError, match="JOB is said twice"):
        write(job(), also=[Entry("JOB", ("2",))])
    with pytest.raises(UnsayableError, match="_OWN is said twice"):
        write(job(), also=[Entry("_OWN", ("2",)), Entry("_OWN", ("3",))])
    assert write(job(), also=[Entry("XSTATUS", ("R", "1", "x", "W"))] * 2).count(b"XSTATUS") == 2


def test_numbers_a_binary_format_does_not_hold_are_refused_with_the_way_out() -> None:
    """-327.68 mm is the mark of the packed format."""
    trace = Trace(Side.RIGHT, (*[2500] * 40, -32768))
    with pytest.raises(UnsayableError, match=r"R has the value -32768.*format 1"):
        write(job(right=replace(NOTHING, trace=trace)), trace_format=TraceFormat.PACKED)


def test_lines_end_in_a_line_end() -> None:
    """CR LF, LF or CR; records of any kind are put together."""
    entries: list[Entry | BinaryEntry] = [Entry("JOB", ("1",)), Entry("_X", ()), BinaryEntry("R", b"\xc4\x09")]
    assert compose(entries, ending=b"\n") == b"JOB=1\n_X=\nR=\xc4\x09\n"
    with pytest.raises(UnsayableError, match="no line end"):
        compose(entries, ending=b";")
