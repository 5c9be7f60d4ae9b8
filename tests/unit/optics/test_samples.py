import runpy
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optics.dcs.errors import DcsError
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob, EyesToMake, missing_for_order, why_not_an_order
from optics.dcs.records import parse
from optics.trace import mirror_difference

SAMPLES = Path(__file__).parents[3] / "samples"
PROGRESSIVE = (SAMPLES / "progressive-job.oma").read_bytes()


def read(folder: Path, name: str) -> DcsJob:
    """Return the job of a sample."""
    return interpret(parse((folder / name).read_bytes()))


def test_the_generator_gives_the_same_bytes(samples_folder: Path) -> None:
    """What lies in the folder is what the generator writes, file by file."""
    generated = runpy.run_path(str(samples_folder / "generate.py"))["samples"]()
    assert generated == {path.name: path.read_bytes() for path in samples_folder.glob("*.oma")}


@pytest.mark.parametrize("name", ["progressive-job.oma", "single-vision-job.oma", "frame-only.oma"])
def test_a_sample_is_read_without_a_remark(samples_folder: Path, name: str) -> None:
    """Stated sizes agree with the traces, the left is the mirror of the right, and nobody is named."""
    job = read(samples_folder, name)
    assert job.diagnostics == ()
    assert job.right.trace is not None
    assert job.left.trace is not None
    assert len(job.right.trace.radii) == 400
    assert mirror_difference(job.right.trace, job.left.trace) == 0
    assert not job.patient_named


def test_the_progressive_sample_is_a_complete_order(samples_folder: Path) -> None:
    """Both eyes, an addition, fitting heights and the codes a partner's catalog is mapped from."""
    job = read(samples_folder, "progressive-job.oma")
    assert missing_for_order(job) == ()
    assert job.eyes_to_make is EyesToMake.BOTH
    for eye in (job.right, job.left):
        assert eye.prescription.add == 200
        assert eye.centration.fitting_height_label == "SEGHT"
        assert (eye.lens.design, eye.lens.material) == ("COMFORT-PAL", "MR8")
        assert (eye.lens.colour, eye.lens.coating) == ("CLEAR", "HC-AR")


def test_the_single_vision_sample_is_a_complete_order(samples_folder: Path) -> None:
    """No addition, and an axis of 0 beside a cylinder of 0."""
    job = read(samples_folder, "single-vision-job.oma")
    assert missing_for_order(job) == ()
    assert (job.right.prescription.add, job.right.prescription.axis) == (None, 180)
    assert (job.right.lens.design, job.right.lens.material) == ("SV-ASPHERIC", "CR39")


def test_the_frame_sample_is_no_order(samples_folder: Path) -> None:
    """It is there to be refused."""
    reason = why_not_an_order(read(samples_folder, "frame-only.oma")) or ""
    assert reason.startswith("no prescription: SPH is missing")
    assert reason.endswith("this is a frame record (REQ=FRM)")


@settings(max_examples=200)
@given(st.integers(0, len(PROGRESSIVE) - 1), st.integers(0, 40), st.binary(max_size=8))
def test_a_damaged_sample_is_read_or_refused(position: int, lost: int, noise: bytes) -> None:
    """Bytes lost and bytes added anywhere give a job with remarks, or a refusal, and nothing else."""
    with suppress(DcsError):
        interpret(parse(PROGRESSIVE[:position] + noise + PROGRESSIVE[position + lost :]))
