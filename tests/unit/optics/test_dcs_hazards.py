"""What real files were seen to do wrong, one test for each; the files here are made up to do the same."""

import math

import pytest

from optics.dcs.diagnostics import Severity
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob
from optics.dcs.records import parse, reassemble, slots
from optics.prism import Prism
from optics.trace import measure, outline


def read(*records: str) -> DcsJob:
    """Return the job the records describe."""
    return interpret(parse("\n".join(records).encode()))


def kept(*records: str) -> bool:
    """Tell whether a file comes back byte for byte."""
    data = "\n".join(records).encode()
    return reassemble(parse(data)) == data


def test_a_front_curve_is_in_one_of_three_units_and_nothing_is_made_of_it() -> None:
    """5.460 beside a private radius of 91.21 mm is dioptres of an index of 1.498 (498 / 5.460); 85.68 is a radius."""
    for value in ("5.460;5.460", "85.68;85.68", "6.19"):
        job = read(f"FRNT={value}", "_FRNT=91.210;91.210")
        assert [(note.severity, note.label) for note in job.diagnostics] == [(Severity.INFO, "FRNT")]
        assert "radius in millimetres" in job.diagnostics[0].message
    assert kept("FRNT=5.460;5.460", "_FRNT=91.210;91.210")


def test_prism_with_negative_magnitude_and_angle_is_normalised() -> None:
    """-1.28 at 173 and -1.25 at -3 degrees: the magnitude is 1.28, 1.25, the setting 173, 357, each with a warning."""
    job = read("PRVM=-1.28;-1.25", "PRVA=173;-3")
    assert (job.right.prescription.prism, job.left.prescription.prism) == (Prism(-127, 16), Prism(-125, -7))
    assert [note.severity for note in job.diagnostics] == [Severity.WARNING] * 3
    assert kept("RPRVM=-1.28;-1.25", "RPRVA=173;-3")


@pytest.mark.parametrize(("code", "odd"), [("63903", True), ("0192301885", False), ("01923O1885", True)])
def test_a_product_code_need_not_be_one(code: str, odd: bool) -> None:  # noqa: FBT001 - a test's column
    """It has ten digits; five were seen. It is carried as written, and noted."""
    job = read(f"OPC={code};{code}")
    assert job.right.lens.product == job.left.lens.product == code
    assert [(note.severity, note.label) for note in job.diagnostics] == [(Severity.INFO, "OPC")] * odd


def test_a_prism_direction_without_a_magnitude_is_no_prism() -> None:
    """A setting of 270 beside 0.00 means nothing."""
    assert read("PRVM=0.00;0.00", "PRVA=270.00;270.00").right.prescription.prism == Prism(0, 0)
    assert kept("PTPRVM=0.00;0.00", "PTPRVA=270.00;270.00")


def test_a_material_code_means_nothing_by_itself() -> None:
    """Two labs gave 101 and 47 to the same material; the code is text, and the private one beside it is kept."""
    assert read("LMATID=101;101", "_MATCODE=ORN498;ORN498").right.lens.material == "101"
    assert read("LMATID=047").right.lens.material == "047"
    assert kept("LMATID=101;101", "_MATCODE=ORN498;ORN498")


def test_an_unknown_value_may_be_followed_by_nothing() -> None:
    """``?;`` is unknown on the right and absent on the left; the same holds for a label that is known."""
    assert slots(parse(b"_MINAVG=?;").records[0].value) == ("?", "")
    job = read("SPH=?;", "_MINAVG=?;")
    assert (job.right.prescription.sphere, job.left.prescription.sphere, job.diagnostics) == (None, None, ())


def test_of_three_values_the_first_two_are_used_with_a_warning() -> None:
    """Right, left, and one too many."""
    job = read("SPH=1;2;3")
    assert (job.right.prescription.sphere, job.left.prescription.sphere) == (100, 200)
    assert [(note.severity, note.label) for note in job.diagnostics] == [(Severity.WARNING, "SPH")]


def test_a_trace_need_not_lie_about_its_box_centre() -> None:
    """A circle of 52 mm whose tracer stood 0.14 mm to its left: ED is 52.00 about the box, 52.28 about the origin."""
    angles = [math.radians(degrees) for degrees in range(360)]
    radii = [round(14 * math.cos(angle) + math.sqrt(2600**2 - (14 * math.sin(angle)) ** 2)) for angle in angles]
    job = read("TRCFMT=1;360;E;R;F", *[f"R={radius}" for radius in radii])
    assert job.right.trace is not None
    measured = measure(outline(job.right.trace))
    assert measured.centre_x == pytest.approx(140, abs=5)
    assert measured.ed_about_origin == pytest.approx(52_280, abs=10)
    assert job.right.shape.effective_diameter == pytest.approx(5200, abs=1)


@pytest.mark.parametrize("value", ["HOME", "PICKUP", "1", "b"])
def test_eyes_to_make_under_another_meaning_are_refused(value: str) -> None:
    """A tool writes its delivery option under DO; it does not decide which lenses are made."""
    job = read(f"DO={value}")
    assert job.eyes_to_make is None
    assert [(note.severity, note.label) for note in job.diagnostics] == [(Severity.ERROR, "DO")]
