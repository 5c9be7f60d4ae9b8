from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optics.dcs.drilling import Drill, DrillEye, Reference
from optics.dcs.editing import Change, changed, revised
from optics.dcs.errors import DcsError, NotDcsError, UnsayableError
from optics.dcs.interpretation import interpret
from optics.dcs.job import Centration, EdgeType, LensCodes, Prescription
from optics.dcs.packets import packet
from optics.dcs.profiles import Heights, Thicknesses
from optics.dcs.records import parse, reassemble
from optics.dcs.trace_formats import TraceFormat
from optics.eyes import Side
from optics.prism import Prism
from optics.trace import Trace, mirrored

SAMPLES = Path(__file__).parents[3] / "samples"
PROGRESSIVE = (SAMPLES / "progressive-job.oma").read_bytes()

ODD = (
    b'\xef\xbb\xbf  JOB = "1471" \r\n_own=\xfc;x\nSPH= -1.00 ; -1.25 \rCYL=-0.50;?;3\r\n\r\nnot a record\n'
    b'LNAM="A;B";C\nLMATID=7\n_own=2\nXSTATUS=R;1;a;W\nXSTATUS=L;1;b;W\nREM=gr\xc3\xbcn'
)


def after(data: bytes, *changes: Change) -> bytes:
    """Return the file with the changes made."""
    return reassemble(changed(parse(data), changes))


# -- single records --------------------------------------------------------------------------------------------------


def test_nothing_changed_is_the_same_file() -> None:
    """Also where the file is as odd as files are."""
    assert after(ODD) == ODD


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (Change("SPH", ("-2.00", None)), b"SPH= -1.00 ; -1.25 \r", b"SPH= -2.00 ; -1.25 \r"),
        (Change("SPH", (None, "-2.00")), b"SPH= -1.00 ; -1.25 \r", b"SPH= -1.00 ; -2.00 \r"),
        (Change("CYL", (None, "-0.75")), b"CYL=-0.50;?;3\r\n", b"CYL=-0.50;-0.75;3\r\n"),
        (Change("JOB", ("2",)), b'  JOB = "1471" \r\n', b"  JOB = 2 \r\n"),
        (Change("LNAM", (None, "D;E")), b'LNAM="A;B";C\n', b'LNAM="A;B";"D;E"\n'),
        (Change("LNAM", ("D", None)), b'LNAM="A;B";C\n', b"LNAM=D;C\n"),
        (Change("LMATID", (None, "8")), b"LMATID=7\n", b"LMATID=7;8\n"),
        (Change("_own", (None, "y")), b"_own=\xfc;x\n", b"_own=\xfc;y\n"),
        (Change("_own", ("3",), occurrence=1), b"_own=2\n", b"_own=3\n"),
        (Change("XSTATUS", None, occurrence=1), b"XSTATUS=L;1;b;W\n", b""),
        (Change("CYL", None), b"CYL=-0.50;?;3\r\n", b""),
        (Change("REM", ("x",)), b"REM=gr\xc3\xbcn", b"REM=x"),
    ],
)
def test_a_change_touches_nothing_else(change: Change, old: bytes, new: bytes) -> None:
    """Spaces, quotes, line ends, other slots, bytes of any encoding: everything around stays."""
    assert ODD.count(old) == 1
    assert after(ODD, change) == ODD.replace(old, new)


@pytest.mark.parametrize(
    ("data", "change", "expected"),
    [
        (b"REQ=FIL\nIPD=31\nFOO=1\n", Change("SPH", ("1.00", "2.00")), b"REQ=FIL\nSPH=1.00;2.00\nIPD=31\nFOO=1\n"),
        (b"FOO=1\rBAR=2\r", Change("SPH", ("1.00",)), b"FOO=1\rBAR=2\rSPH=1.00\r"),
        (b"JOB=1\r\n", Change("_OWN", ("x", "")), b"JOB=1\r\n_OWN=x;\r\n"),
        (b"JOB=1", Change("_OWN", ("x",)), b"JOB=1\r\n_OWN=x\r\n"),
        (b"A=1\nJOB=1", Change("DO", ("B",)), b"A=1\nJOB=1\nDO=B\n"),
    ],
)
def test_a_new_label_is_added_where_it_belongs(data: bytes, change: Change, expected: bytes) -> None:
    """After what precedes it in the writer's order, or at the end; with the line end of its neighbours."""
    assert after(data, change) == expected


def test_a_change_within_a_packet_gets_a_new_checksum() -> None:
    """One that was there is made to fit, at its width; one that was not is not invented."""
    assert after(b"\x1cJOB=1\r\x1eCRC=\r\x1d", Change("JOB", ("2",))) == b"\x1cJOB=2\r\x1eCRC=\r\x1d"
    assert after(packet(b"JOB=1\r", padded=True), Change("JOB", ("2",))) == packet(b"JOB=2\r", padded=True)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (Change("SPH", ("A\rJOB=2",)), UnsayableError),
        (Change("SPH", ("\x1c",)), UnsayableError),
        (Change("SPH", ("A" * 80,)), UnsayableError),
        (Change("REM", ("grün",)), UnsayableError),
        (Change("no label", ("1",)), UnsayableError),
        (Change("TINT", None), UnsayableError),
    ],
)
def test_a_change_that_cannot_be_said_is_refused(change: Change, error: type[DcsError]) -> None:
    """The file stays as it was."""
    with pytest.raises(error, match=change.label):
        after(ODD, change)


def test_the_last_record_is_not_removed() -> None:
    """A file without a record is none."""
    with pytest.raises(NotDcsError):
        after(b"JOB=1\n", Change("JOB", None))


def test_a_long_record_may_be_changed_if_it_does_not_grow() -> None:
    """Real files have records beyond eighty characters; a change makes them no longer."""
    long = b"_DIGIT=" + b";".join([b"257"] * 36) + b"\n"
    assert after(long, Change("_DIGIT", ("258",))) == long.replace(b"257", b"258", 1)
    with pytest.raises(UnsayableError, match="characters"):
        after(long, Change("_DIGIT", ("2570",)))


# -- whole jobs ------------------------------------------------------------------------------------------------------


def differing_lines(before: bytes, now: bytes) -> list[bytes]:
    """Return the lines of `now` that `before` does not have."""
    had = set(before.split(b"\n"))
    return [line for line in now.split(b"\n") if line not in had]


def test_a_job_that_is_the_same_changes_nothing() -> None:
    """Whatever the file is like."""
    for data in (PROGRESSIVE, ODD, packet(b"REQ=FIL\rPRVM=-1.28;-1.25\rPRVA=173;-3\rSPH=9e9\r")):
        assert reassemble(revised(parse(data), interpret(parse(data)))) == data


def test_only_what_differs_is_rewritten() -> None:
    """A power of one eye, the frame, the lens: three lines, and the traces stay."""
    job = interpret(parse(PROGRESSIVE))
    left = replace(job.left, prescription=replace(job.left.prescription, sphere=-200))
    wanted = replace(job, left=left, frame=replace(job.frame, edge_type=EdgeType.GROOVE), customer_reference=None)
    now = reassemble(revised(parse(PROGRESSIVE), wanted))
    assert differing_lines(PROGRESSIVE, now) == [b"SPH=-2.25;-2.00", b"ETYP=3"]
    assert now.count(b"\n") == PROGRESSIVE.count(b"\n") - 1
    assert replace(interpret(parse(now)), diagnostics=()) == replace(wanted, diagnostics=())


def test_a_value_for_one_eye_where_the_file_has_one_for_both_is_written_out() -> None:
    """LIND=1.600 stands for both eyes; changed on the left, it is written twice."""
    job = interpret(parse(PROGRESSIVE))
    left = replace(job.left, lens=replace(job.left.lens, refractive_index="1.500"))
    now = reassemble(revised(parse(PROGRESSIVE), replace(job, left=left)))
    assert differing_lines(PROGRESSIVE, now) == [b"LIND=1.600;1.500"]


def test_a_prism_is_rewritten_whole() -> None:
    """A magnitude and its setting belong together; the other eye's odd ones stay."""
    data = b"JOB=1\nPRVM=-1.28;-1.25\nPRVA=173;-3\n"
    job = interpret(parse(data))
    right = replace(job.right, prescription=replace(job.right.prescription, prism=Prism(0, 100)))
    now = reassemble(revised(parse(data), replace(job, right=right)))
    assert now == b"JOB=1\nPRVM=1.00;-1.25\nPRVA=90.00;-3\n"


def test_traces_heights_thicknesses_and_drills_are_replaced_in_their_place() -> None:
    """Each where the old one stood; new ones at the end; and taken out where the job has none."""
    sizes = b"HBOX=50\nVBOX=50\nFED=50\nCIRC=157\n"
    radii = b"TRCFMT=1;24;E;R;F\n" + b"R=2500;2500;2500\n" * 8
    data = b"JOB=1\n" + sizes + radii + b"DRILLE=B;C;1.00;1.00;1.40\nREM=last\n"
    job = interpret(parse(data))
    trace = Trace(Side.RIGHT, (26_00,) * 24)
    right = replace(job.right, trace=trace, heights=Heights(Side.RIGHT, (1, 2)))
    left = replace(job.left, trace=mirrored(trace), thicknesses=Thicknesses(Side.LEFT, (2500,), (210,)))
    wanted = replace(job, right=right, left=left, drills=(Drill(DrillEye.RIGHT, Reference.CROSS, 0, 0, 150),))
    now = revised(parse(data), wanted)
    labels = [record.label for record in now.records if record.label not in ("HBOX", "VBOX", "FED", "CIRC")]
    assert labels[:5] == ["JOB", "TRCFMT", "R", "R", "R"]
    assert labels[5:7] == ["DRILLE", "REM"]
    assert labels[7:] == ["ZFMT", "Z", "TRCFMT", "R", "R", "R", "STHKFMT", "R", "T"]
    assert replace(interpret(now), diagnostics=()) == replace(wanted, diagnostics=())
    bare = replace(wanted, drills=(), right=replace(right, trace=None, heights=None))
    assert [record.label for record in revised(now, bare).records][5:7] == ["REM", "TRCFMT"]


def test_a_size_that_the_old_trace_said_is_written_out_with_a_new_one() -> None:
    """The job says what it said; without the trace that said it, the file has to."""
    data = b"JOB=1\nVBOX=50;?\nTRCFMT=1;24;E;R;F\n" + b"R=2500;2500;2500\n" * 8
    job = interpret(parse(data))
    wanted = replace(job, right=replace(job.right, trace=Trace(Side.RIGHT, (25_50,) * 24)))
    now = revised(parse(data), wanted)
    assert [record.value for record in now.records if record.label in ("HBOX", "VBOX")] == ["50.00;", "50;?"]
    assert replace(interpret(now), diagnostics=()) == replace(wanted, diagnostics=())


@pytest.mark.parametrize(
    ("data", "label", "known"),
    [
        (b"SEGHT=19\nOCHT=17\n", "OCHT", {"centration": Centration(None, None, None, None)}),
        (b"LTYPE=PR\nLTYP=SV\n", "LTYPE", {"lens": LensCodes(*[None] * 8)}),
        (b"SPH=1\nSPH=2\n", "SPH", {"prescription": Prescription(*[None] * 5)}),
    ],
)
def test_what_the_file_would_still_say_in_another_record_is_refused(
    data: bytes, label: str, known: dict[str, Any]
) -> None:
    """A height taken out of SEGHT would be read from OCHT; which of them is right is not for the writer to say."""
    job = interpret(parse(b"JOB=1\n" + data))
    wanted = replace(job, right=replace(job.right, **known), left=replace(job.left, **known))
    with pytest.raises(UnsayableError, match=f"{label} would not be read as meant"):
        revised(parse(b"JOB=1\n" + data), wanted)


@pytest.mark.parametrize("form", TraceFormat)
def test_a_trace_may_be_replaced_in_any_format(form: TraceFormat) -> None:
    """The rest of the file is text as before."""
    job = interpret(parse(PROGRESSIVE))
    assert job.right.trace is not None
    trace = Trace(Side.RIGHT, tuple(radius - 10 for radius in job.right.trace.radii))
    wanted = replace(job, right=replace(job.right, trace=trace))
    now = revised(parse(PROGRESSIVE), wanted, trace_format=form)
    assert interpret(now).right.trace == trace
    assert interpret(now).left.trace == job.left.trace
    assert reassemble(now)[: PROGRESSIVE.index(b"TRCFMT")] == PROGRESSIVE[: PROGRESSIVE.index(b"TRCFMT")]


numbers = st.one_of(st.none(), st.integers(-6_00, 6_00))


@settings(max_examples=80)
@given(numbers, numbers, st.sampled_from([None, "A", "x;y", "B C"]), st.sampled_from([PROGRESSIVE, ODD]))
def test_a_revised_file_says_the_job(sphere: int | None, cylinder: int | None, design: str | None, data: bytes) -> None:
    """Any values on one side, known or not: what is read back is what was asked for."""
    job = interpret(parse(data))
    prescription = replace(job.left.prescription, sphere=sphere, cylinder=cylinder)
    wanted = replace(job, left=replace(job.left, prescription=prescription, lens=replace(job.left.lens, design=design)))
    assert replace(interpret(revised(parse(data), wanted)), diagnostics=()) == replace(wanted, diagnostics=())


def test_a_real_job_is_revised_without_loss(real_file: Callable[[str], bytes]) -> None:
    """Of 276 records one differs."""
    data = real_file("R360_3.oma")
    job = interpret(parse(data))
    wanted = replace(job, right=replace(job.right, prescription=replace(job.right.prescription, add=150)))
    assert differing_lines(data, reassemble(revised(parse(data), wanted))) == [b"ADD=1.50;1.25"]
