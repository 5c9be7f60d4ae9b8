import pytest

from optics.dcs.diagnostics import Severity
from optics.dcs.errors import TooLargeError
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob
from optics.dcs.profiles import Heights, Thicknesses
from optics.dcs.records import parse
from optics.dcs.traces import MAX_TRACES
from optics.eyes import Side
from optics.trace import UnusableTraceError


def read(*records: str) -> DcsJob:
    """Return the job the records describe."""
    return interpret(parse("\n".join(records).encode()))


def remarks(job: DcsJob) -> list[tuple[Severity, str, int]]:
    """Return what was remarked, without the sentences."""
    return [(note.severity, note.label, note.line) for note in job.diagnostics]


def test_heights_are_read() -> None:
    """They follow their trace or not, have a sign, and in mode U angles of their own under ZA."""
    job = read(
        *("TRCFMT=0", "ZFMT=1;4;E;R;F", "Z=-12;0;7", "Z=130;", "ZFMT=1;2;U;L;F", "Z=5;6", "ZA=0;18000"),
    )
    assert job.right.heights == Heights(Side.RIGHT, (-12, 0, 7, 130))
    assert job.left.heights == Heights(Side.LEFT, (5, 6), (0, 18000))
    assert job.diagnostics == ()


def test_heights_between_a_trace_and_its_radii_do_not_take_them() -> None:
    """R and A stay the trace's, Z and ZA are the heights'."""
    job = read("TRCFMT=1;24;E;R;F", "ZFMT=1;1;E;R;F", "Z=1", *["R=2500"] * 24)
    assert job.right.trace is not None
    assert job.right.heights == Heights(Side.RIGHT, (1,))


def test_thicknesses_are_read_beside_a_trace() -> None:
    """Radii under R and thicknesses under T, padded with zeros or not; the next trace has its own radii."""
    job = read(
        *("STHKFMT=1;3;E;R", "R=2574;2659;2745", "T=0346;0338;0327", "STHKFMT=1;2;U;L", "R=1;2", "T=3;4", "A=0;9000"),
        *("TRCFMT=1;24;E;R;F", *["R=2500"] * 24),
    )
    assert job.right.thicknesses == Thicknesses(Side.RIGHT, (2574, 2659, 2745), (346, 338, 327))
    assert job.left.thicknesses == Thicknesses(Side.LEFT, (1, 2), (3, 4), (0, 9000))
    assert job.right.trace is not None
    assert len(job.right.trace.radii) == 24


def test_a_set_that_is_announced_as_none_is_not_odd() -> None:
    """Format 0, an unknown one, or none at all."""
    assert read("ZFMT=0", "ZFMT=?", "STHKFMT=", "TRCFMT=?;?;?;?;?", "JOB=1").diagnostics == ()


@pytest.mark.parametrize(
    ("records", "label", "reason"),
    [
        (("ZFMT=1;2;E;R;F", "Z=1"), "ZFMT", "announces 2 heights and 1 follow"),
        (("ZFMT=1;1;E;R;F", "Z=?"), "ZFMT", "not a plain decimal"),
        (("ZFMT=1;1;E;R;F", "Z=6001"), "ZFMT", "height of 60.01 mm"),
        (("ZFMT=1;1;X;R;F", "Z=1"), "ZFMT", "mode 'X'"),
        (("ZFMT=1;1;E;B;F", "Z=1"), "ZFMT", "side 'B'"),
        (("ZFMT=1;2;U;R;F", "Z=1;2", "ZA=0"), "ZFMT", "1 angles for 2 heights"),
        (("ZFMT=1;2;U;R;F", "Z=1;2", "ZA=0;0"), "ZFMT", "do not rise"),
        (("ZFMT=1;2;U;R;F", "Z=1;2", "ZA=0;36000"), "ZFMT", "outside 0 to 359.99"),
        (("ZFMT=1;0;E;R;F", "JOB=1"), "ZFMT", "0 values"),
        (("STHKFMT=1;2;E;R", "R=1;2", "T=1"), "STHKFMT", "announces 2 thicknesses and 1 follow"),
        (("STHKFMT=1;1;E;R", "R=1", "T=-1"), "STHKFMT", "thickness of -0.01 mm"),
        (("STHKFMT=1;1;E;R", "R=6001", "T=1"), "STHKFMT", "radius of 60.01 mm"),
        (("ZFMT=4;many;E;R;F", "Z=1"), "ZFMT", "count that is not a plain decimal"),
        (("ZFMT=4;;E;R;F", "Z=1"), "ZFMT", "does not announce"),
    ],
)
def test_a_set_that_contradicts_itself_is_not_used(records: tuple[str, ...], label: str, reason: str) -> None:
    """One error, at the announcement; a number that is missing puts all others at wrong angles."""
    job = read(*records)
    assert (job.right.heights, job.right.thicknesses) == (None, None)
    assert remarks(job) == [(Severity.ERROR, label, 1)]
    assert reason in job.diagnostics[0].message


@pytest.mark.parametrize("record", ["ZFMT=5;4;E;R;F", "STHKFMT=4;4;E;R", "STHKFMT=7;4;E;R"])
def test_a_set_in_a_format_that_is_not_known_is_kept_and_not_interpreted(record: str) -> None:
    """Vendors' formats, and binary thicknesses, of which no source tells how they are written."""
    job = read(record, "Z=1" if record.startswith("Z") else "T=1")
    assert remarks(job) == [(Severity.WARNING, record.partition("=")[0], 1)]
    assert f"Ask for {record.partition('=')[0]}=1" in job.diagnostics[0].message


def test_numbers_before_any_announcement_are_reported_once() -> None:
    """They belong to nothing."""
    assert remarks(read("Z=1", "T=1", "ZFMT=1;1;E;R;F", "Z=1")) == [(Severity.WARNING, "Z", 1)]


def test_a_second_set_of_a_side_is_ignored_with_a_warning() -> None:
    """The first one is used."""
    job = read("ZFMT=1;1;E;R;F", "Z=1", "ZFMT=1;1;E;R;F", "Z=2")
    assert job.right.heights == Heights(Side.RIGHT, (1,))
    assert remarks(job) == [(Severity.WARNING, "ZFMT", 3)]


@pytest.mark.parametrize("label", ["ZFMT", "STHKFMT"])
def test_more_sets_than_a_job_has_are_refused(label: str) -> None:
    """A file of endless sets is not worked through."""
    assert read("JOB=1", *[f"{label}=0"] * MAX_TRACES)
    with pytest.raises(TooLargeError, match="16 sets"):
        read("JOB=1", *[f"{label}=0"] * (MAX_TRACES + 1))


def test_sets_that_do_not_fit_each_other_are_refused() -> None:
    """A thickness for each radius."""
    with pytest.raises(UnusableTraceError, match="1 thicknesses for 2 radii"):
        Thicknesses(Side.RIGHT, (1, 2), (3,))
