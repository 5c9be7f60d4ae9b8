"""Files that real systems wrote. The reader knows none of them; these are oracles, not cases."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from optics.dcs.diagnostics import Severity
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob, EyesToMake, missing_for_order, why_not_an_order
from optics.dcs.records import parse, reassemble, slots
from optics.dcs.trace_formats import TraceFormat
from optics.dcs.writing import write
from optics.numbers import to_hundredths
from optics.trace import Boxing, Trace, measure, mirror_difference, outline

RealFile = Callable[[str], bytes]
ALL = ["R1000_1.oma", "R1000_2.oma", "R360_1.oma", "R360_3.oma", "TRCFMT6.oma"]


def traces(job: DcsJob) -> tuple[Trace, Trace]:
    """Return the right and the left trace, both of which there are."""
    assert job.right.trace is not None
    assert job.left.trace is not None
    return job.right.trace, job.left.trace


def boxing(job: DcsJob) -> Boxing:
    """Return the measures of the right trace."""
    return measure(outline(traces(job)[0]))


@pytest.mark.parametrize("name", ALL)
def test_a_real_file_is_read_without_loss(real_file: RealFile, name: str) -> None:
    """The records put together are the file, and no value in it is an error."""
    data = real_file(name)
    assert reassemble(parse(data)) == data
    assert not [note for note in interpret(parse(data)).diagnostics if note.severity is Severity.ERROR]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("form", TraceFormat)
def test_a_real_job_survives_the_strict_writer(real_file: RealFile, name: str, form: TraceFormat) -> None:
    """Written anew, with its traces as text or as bytes, it is the same job; but a vendor's trace is not written."""
    job = interpret(parse(real_file(name)))
    written = interpret(parse(write(job, trace_format=form)))
    assert replace(written, diagnostics=(), patient_named=job.patient_named) == replace(job, diagnostics=())


def test_the_whole_job_has_its_records(real_file: RealFile) -> None:
    """276 records under 202 labels, private ones and repeated ones among them."""
    records = parse(real_file("R360_3.oma")).records
    assert len(records) == 276
    assert len({record.label for record in records}) == 202
    values = {record.label: record.value for record in records}
    assert slots(values["_MINAVG"]) == ("?", "")
    assert slots(values["CCPOSDRP"])[1] == "-0.02,7.75,0.46,6.81,-95.34"


def test_the_whole_job_has_its_prescription_and_frame(real_file: RealFile) -> None:
    """Both eyes' powers, PDs and heights, and the boxed frame."""
    job = interpret(parse(real_file("R360_3.oma")))
    right, left = job.right.prescription, job.left.prescription
    assert (right.sphere, right.cylinder, right.axis, right.add, right.prism) == (-50, -125, 140, 125, None)
    assert (left.sphere, left.cylinder, left.axis, left.add, left.prism) == (50, -300, 15, 125, None)
    for eye in (job.right, job.left):
        assert eye.centration.distance_pd == 3100
        assert (eye.centration.fitting_height, eye.centration.fitting_height_label) == (1600, "OCHT")
        assert (eye.shape.a, eye.shape.b, eye.shape.effective_diameter) == (5100, 4401, 5200)
        assert eye.lens.lens_type == "PR FF"
    assert job.frame.dbl == 2000
    assert (job.job_id, job.account, job.patient_number) == ("L424775600", "999999", "588")
    assert job.patient_named
    assert job.eyes_to_make is EyesToMake.BOTH


def test_the_whole_job_is_an_order_and_its_only_doubts_are_a_unit_and_a_code(real_file: RealFile) -> None:
    """Stated sizes agree with the traces; the unit of FRNT cannot be told, and OPC is none."""
    job = interpret(parse(real_file("R360_3.oma")))
    assert missing_for_order(job) == ()
    assert [(note.severity, note.label, note.line) for note in job.diagnostics] == [
        (Severity.INFO, "FRNT", 52),
        (Severity.INFO, "OPC", 102),
    ]


def test_the_whole_jobs_trace_lies_off_its_origin(real_file: RealFile) -> None:
    """The box centre is 0.14 mm away, and the effective diameter depends on which of the two is meant."""
    measured = boxing(interpret(parse(real_file("R360_3.oma"))))
    assert (measured.centre_x, measured.centre_y) == (-138, -40)
    assert (to_hundredths(measured.ed_about_box), to_hundredths(measured.ed_about_origin)) == (5233, 5220)


@pytest.mark.parametrize(
    ("name", "box_and_circumference", "effective_diameters"),
    [
        ("R1000_1.oma", (50_997, 40_078, 150_895), (5700, 5700)),
        ("R1000_2.oma", (51_404, 38_964, 148_787), (5512, 5512)),
        ("R360_1.oma", (54_999, 38_014, 156_395), (5810, 5798)),
        ("R360_3.oma", (51_004, 44_013, 150_759), (5233, 5220)),
    ],
)
def test_real_traces_measure_as_computed_elsewhere(
    real_file: RealFile, name: str, box_and_circumference: tuple[int, int, int], effective_diameters: tuple[int, int]
) -> None:
    """A, B and circumference agree to 1/1000 mm, the effective diameters about box and origin to 1/100."""
    measured = boxing(interpret(parse(real_file(name))))
    assert (measured.a, measured.b, measured.circumference) == box_and_circumference
    assert (to_hundredths(measured.ed_about_box), to_hundredths(measured.ed_about_origin)) == effective_diameters


@pytest.mark.parametrize("name", ["R1000_1.oma", "R1000_2.oma", "R360_1.oma", "R360_3.oma"])
def test_a_real_left_trace_is_the_mirror_image_of_the_right(real_file: RealFile, name: str) -> None:
    """The largest difference between the sides is 0.01 mm."""
    assert mirror_difference(*traces(interpret(parse(real_file(name))))) <= 1


def test_a_job_of_sphere_and_trace_is_read(real_file: RealFile) -> None:
    """Its box comes from the trace; what is left to be an order is named."""
    job = interpret(parse(real_file("R360_1.oma")))
    assert (job.right.prescription.sphere, job.left.prescription.sphere) == (125, -50)
    assert [len(trace.radii) for trace in traces(job)] == [360, 360]
    assert (job.right.shape.a, job.right.shape.b) == (5500, 3801)
    assert {note.severity for note in job.diagnostics} == {Severity.INFO}
    assert [need.label for need in missing_for_order(job)] == ["IPD", "LNAM", "DBL"]


@pytest.mark.parametrize("name", ["R1000_1.oma", "R1000_2.oma"])
def test_a_frame_record_is_read_and_is_no_order(real_file: RealFile, name: str) -> None:
    """A frame library's record has a shape and no prescription."""
    job = interpret(parse(real_file(name)))
    assert [len(trace.radii) for trace in traces(job)] == [1000, 1000]
    assert (why_not_an_order(job) or "").startswith("no prescription: SPH is missing")
    assert (why_not_an_order(job) or "").endswith("this is a frame record (REQ=FRM)")


def test_a_vendors_trace_is_kept_and_said_to_be_one(real_file: RealFile) -> None:
    """A trace in one line of 3042 characters stays raw; the rest of the job is read."""
    data = real_file("TRCFMT6.oma")
    job = interpret(parse(data))
    assert (job.right.trace, job.left.trace) == (None, None)
    assert [(note.severity, note.label) for note in job.diagnostics] == [(Severity.WARNING, "TRCFMT")] * 2
    assert (job.right.shape.a, job.right.centration.fitting_height) == (5399, 2200)
    assert max(len(line.raw) for line in parse(data).lines) == 3042
