import pytest

from optics.dcs.diagnostics import Severity
from optics.dcs.drilling import MAX_DRILLS, AngleMode, Drill, DrillEye, Reference
from optics.dcs.errors import TooLargeError
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob
from optics.dcs.records import parse
from optics.dcs.writing import drill_entries


def read(*records: str) -> DcsJob:
    """Return the job the records describe."""
    return interpret(parse("\n".join(("JOB=1", *records)).encode()))


HOLE = Drill(DrillEye.BOTH, Reference.CROSS, -21_50, 3_30, 1_40, -21_50, 3_30, 0, 1, AngleMode.FRONT)


def test_a_hole_is_read() -> None:
    """It ends where it starts; several stand in the order of the file."""
    job = read("DRILLE=B;C;-21.50;3.30;1.40;-21.50;3.30;0;1;F", "DRILLE=R;ETF;2.5;-1;2.3;4.5;-1;;;A;10.5;-3")
    assert job.drills == (
        HOLE,
        Drill(
            DrillEye.RIGHT,
            Reference.EDGE_TEMPORAL_FRONT,
            *(250, -100, 230, 450, -100, None, None),
            *(AngleMode.ANGLES, 1050, -300),
        ),
    )
    assert job.diagnostics == ()


def test_what_follows_the_angles_is_kept_as_text() -> None:
    """Groups and a vendor's own fields."""
    assert read("DRILLE=B;CF;-26.20;-1.30;1.00;;;;;F;;;HINGE;;x;;").drills == (
        Drill(
            DrillEye.BOTH, Reference.CROSS_FRONT, -2620, -130, 100, angle_mode=AngleMode.FRONT, rest=("HINGE", "", "x")
        ),
    )


@pytest.mark.parametrize("value", ["0", "4", "", "?", "B;;;", "?;?;?"])
def test_a_record_that_says_no_feature_is_none(value: str) -> None:
    """Some writers say how many there are."""
    job = read(f"DRILLE={value}")
    assert (job.drills, job.diagnostics) == ((), ())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("B;C;1;2", "4 values"),
        ("X;C;1;2;3", "eye 'X'"),
        ("B;CN;1;2;3", "reference 'CN'"),
        ("B;E;1;2;3", "reference 'E'"),
        ("B;C;;2;3", "no x"),
        ("B;C;1;two;3", "y 'two'"),
        ("B;C;1;2;30.01", "diameter '30.01'"),
        ("B;C;1;2;3;100.01;2", "end x '100.01'"),
        ("B;C;1;2;1.405", "finer than"),
        ("B;C;1;2;3;1;2;31", "depth '31'"),
        ("B;C;1;2;3;1;2;0;x", "feature 'x'"),
        ("B;C;1;2;3;1;2;0;1;X", "angle mode 'X'"),
        ("B;C;1;2;3;1;2;0;1;A;361", "lateral angle"),
    ],
)
def test_a_feature_that_cannot_be_drilled_is_an_error(value: str, reason: str) -> None:
    """It is left out, and named; the others are read."""
    job = read(f"DRILLE={value}", "DRILLE=B;C;-21.50;3.30;1.40;-21.50;3.30;0;1;F")
    assert job.drills == (HOLE,)
    assert [(note.severity, note.label, note.line) for note in job.diagnostics] == [(Severity.ERROR, "DRILLE", 2)]
    assert reason in job.diagnostics[0].message


@pytest.mark.parametrize("reference", Reference)
def test_every_reference_of_the_standard_is_known(reference: Reference) -> None:
    """Sixteen combinations of origin, side and surface."""
    assert len(Reference) == 16
    assert read(f"DRILLE=B;{reference};1;2;3").drills == (Drill(DrillEye.BOTH, reference, 100, 200, 300),)


def test_a_hole_is_written_as_it_is_read() -> None:
    """Two decimals, and nothing after the last thing that is known."""
    (entry,) = drill_entries([HOLE])
    assert ";".join(entry.fields) == "B;C;-21.50;3.30;1.40;-21.50;3.30;0.00;1;F"
    (entry,) = drill_entries([Drill(DrillEye.LEFT, Reference.RELATIVE, 1, 2, 3)])
    assert ";".join(entry.fields) == "L;R;0.01;0.02;0.03"


def test_more_features_than_a_pair_of_lenses_has_are_refused() -> None:
    """A file of endless holes is not worked through."""
    hole = "DRILLE=B;C;1;2;3"
    assert len(read(*[hole] * MAX_DRILLS).drills) == MAX_DRILLS
    with pytest.raises(TooLargeError, match="100 DRILLE"):
        read(*[hole] * (MAX_DRILLS + 1))
