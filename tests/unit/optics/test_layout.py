import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob, Eye
from optics.dcs.records import parse, slots
from optics.eyes import Side
from optics.layout import (
    decentration,
    minimum_blank,
    minimum_blank_by_formula,
    reference_point,
    vertical_decentration,
)
from optics.numbers import Hundredths, Thousandths, parse_decimal, to_hundredths
from optics.shape import Shape
from optics.surfaces import tool_to_material
from optics.trace import Trace, measure, mirrored, outline

RealFile = Callable[[str], bytes]

ALLOWANCE = 2_000
"""What the textbook adds to the blank."""

traces = st.builds(
    lambda count, squeeze, tilt: Trace(
        Side.RIGHT,
        tuple(
            round(2500 + squeeze * math.cos(4 * math.pi * index / count) + tilt * math.cos(6 * math.pi * index / count))
            for index in range(count)
        ),
    ),
    st.integers(12, 100).map(lambda half: 2 * half),
    st.integers(0, 500),
    st.integers(-150, 150),
)
ways = st.integers(-12_000, 12_000)


# ── published examples ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("a", "dbl", "pd", "each", "source"),
    [
        (50_00, 20_00, 34_00, 1_000, "askinglot.com: A 50, DBL 20, PD 68 is 1 mm each"),
        (51_00, 20_00, 31_00, 4_500, "R360_3.oma: FCOCIN"),
        (48_00, 22_00, 35_00, 0, "computed"),
    ],
)
def test_decentration_is_as_published(a: int, dbl: int, pd: int, each: int, source: str) -> None:
    """Half the frame PD less the PD of the eye."""
    assert decentration(a, dbl, pd) == each, source


@pytest.mark.parametrize(
    ("ed", "total", "blank", "source"),
    [
        (60_000, 3_000, 65_000, "passetra.com: ED 60, decentration 3 in all"),
        (56_000, 10_000, 68_000, "optiboard.com: FPD 70, PD 60, ED 56 is 67 with 1 mm to spare"),
        (54_000, 4_000, 60_000, "computed: A 50, DBL 20, PD 66, ED 54"),
        (55_000, 8_000, 65_000, "computed: A 52, DBL 18, PD 62, ED 55"),
        (58_000, 10_000, 70_000, "computed: A 54, DBL 16, PD 60, ED 58"),
        (50_000, 0, 52_000, "computed: A 48, DBL 22, PD 70, ED 50"),
    ],
)
def test_the_minimum_blank_is_as_published(ed: int, total: int, blank: int, source: str) -> None:
    """ED + what both eyes are decentred together + 2: twice what one eye is decentred."""
    assert minimum_blank_by_formula(ed, total // 2, 0) + ALLOWANCE == blank, source


@pytest.mark.parametrize("side", Side)
def test_a_round_lens_needs_its_diameter_and_twice_the_decentration(side: Side) -> None:
    """54 mm round decentred by 3 mm: 60 mm at least (NAO question)."""
    circle = Shape.of_box(54_00, 54_00, 54_00)
    assert minimum_blank(circle, side, 3_000, 0) == 60_000
    assert minimum_blank(circle, side, 0, 0) == 54_000


# ── a real job ────────────────────────────────────────────────────────────────────────────────────────────────────────


class RealJob:
    """R360_3.oma: its job, and the values of its records."""

    def __init__(self, data: bytes) -> None:
        file = parse(data)
        self.job: DcsJob = interpret(file)
        self._values = {record.label: slots(record.value) for record in file.records}

    def value(self, label: str, side: Side, places: int) -> int:
        """Return a number of the file."""
        return parse_decimal(self._values[label][0 if side is Side.RIGHT else 1], places)

    def eye(self, side: Side) -> tuple[Eye, Trace]:
        """Return an eye and its trace."""
        eye = self.job.right if side is Side.RIGHT else self.job.left
        assert eye.trace is not None
        return eye, eye.trace


@pytest.fixture
def real_job(real_file: RealFile) -> RealJob:
    """Return the whole job of a lab that is in the collection."""
    return RealJob(real_file("R360_3.oma"))


def given_layout(job: RealJob, side: Side) -> tuple[Thousandths, Thousandths]:
    """Return the decentration in and up, from the boxes, PD and height the file states."""
    eye, _ = job.eye(side)
    a, b, dbl = job.value("HBOX", side, 2), job.value("VBOX", side, 2), job.job.frame.dbl
    pd, height = eye.centration.distance_pd, eye.centration.fitting_height
    assert dbl is not None
    assert pd is not None
    assert height is not None
    return decentration(a, dbl, pd), vertical_decentration(b, height)


@pytest.mark.parametrize("side", Side)
def test_a_real_trace_has_the_size_its_file_states(real_job: RealJob, side: Side) -> None:
    """Circumference within 0.07 mm, box within 0.01 mm."""
    _, trace = real_job.eye(side)
    boxing, shape = measure(outline(trace)), Shape.of_trace(trace)
    assert abs(boxing.circumference - real_job.value("CIRC", side, 3)) <= 70
    assert abs(shape.a - 10 * real_job.value("HBOX", side, 2)) <= 10
    assert abs(shape.b - 10 * real_job.value("VBOX", side, 2)) <= 10


@pytest.mark.parametrize("side", Side)
def test_a_real_job_is_laid_out_as_its_file_states(real_job: RealJob, side: Side) -> None:
    """FCOCIN 4.50 and FCOCUP -6.01 from box, PD and height."""
    dec_in, dec_up = given_layout(real_job, side)
    assert (to_hundredths(dec_in), to_hundredths(dec_up)) == (450, -601)
    assert (real_job.value("FCOCIN", side, 2), real_job.value("FCOCUP", side, 2)) == (450, -601)


@pytest.mark.parametrize("side", Side)
def test_a_real_jobs_curves_are_converted_as_its_file_states(real_job: RealJob, side: Side) -> None:
    """LAPBASX and LAPCRSX are GBASEX and GCROSX seen in the index of the lens."""
    index = real_job.value("LIND", side, 3)
    for tool, material in (("GBASEX", "LAPBASX"), ("GCROSX", "LAPCRSX")):
        converted = tool_to_material(real_job.value(tool, side, 3), index)
        assert to_hundredths(converted) == real_job.value(material, side, 2)


@pytest.mark.parametrize("side", Side)
def test_a_real_job_needs_a_blank_the_textbook_misses(real_job: RealJob, side: Side) -> None:
    """67.77 mm exactly, against 63.33 by the textbook and 69.34 with the decentration taken as a vector."""
    _, trace = real_job.eye(side)
    shape = Shape.of_trace(trace)
    dec_in, dec_up = given_layout(real_job, side)
    stated_in, stated_up = 10 * real_job.value("FCOCIN", side, 2), 10 * real_job.value("FCOCUP", side, 2)
    exact = minimum_blank(shape, side, stated_in, stated_up) + ALLOWANCE
    assert to_hundredths(exact) == 67_77
    assert to_hundredths(minimum_blank_by_formula(shape.ed, dec_in, 0) + ALLOWANCE) == 63_33
    assert to_hundredths(minimum_blank_by_formula(shape.ed, dec_in, dec_up) + ALLOWANCE) == 69_34
    assert abs(minimum_blank(shape, side, dec_in, dec_up) + ALLOWANCE - exact) <= 10


# ── what always holds ─────────────────────────────────────────────────────────────────────────────────────────────────


@given(traces, ways, ways)
def test_the_formula_never_gives_a_blank_that_is_too_small(trace: Trace, dec_in: int, dec_up: int) -> None:
    """ED + 2 |decentration| covers every shape of that ED, and the exact diameter is never beyond it."""
    shape = Shape.of_trace(trace)
    exact = minimum_blank(shape, trace.side, dec_in, dec_up)
    assert exact <= minimum_blank_by_formula(shape.ed, dec_in, dec_up)
    assert exact >= max(shape.a, shape.b)


@given(traces, st.integers(1, 20), ways, ways)
def test_a_bigger_frame_never_needs_a_smaller_blank(trace: Trace, percent: int, dec_in: int, dec_up: int) -> None:
    """The same shape, larger, about a PRP inside of it."""
    larger = Trace(trace.side, tuple(radius * (100 + percent) // 100 for radius in trace.radii))
    small, large = Shape.of_trace(trace), Shape.of_trace(larger)
    assert minimum_blank(large, trace.side, dec_in, dec_up) >= minimum_blank(small, trace.side, dec_in, dec_up) - 20


@given(traces, ways, ways)
def test_mirrored_lenses_need_the_same_blank(trace: Trace, dec_in: int, dec_up: int) -> None:
    """In and up mean the same on both sides."""
    image = mirrored(trace)
    right = minimum_blank(Shape.of_trace(trace), trace.side, dec_in, dec_up)
    assert abs(minimum_blank(Shape.of_trace(image), image.side, dec_in, dec_up) - right) <= 1


@given(traces)
def test_without_decentration_the_blank_is_the_ed(trace: Trace) -> None:
    """And so says the formula."""
    shape = Shape.of_trace(trace)
    assert minimum_blank(shape, trace.side, 0, 0) == minimum_blank_by_formula(shape.ed, 0, 0) == shape.ed


@given(st.integers(30_00, 65_00), st.integers(10_00, 30_00), st.integers(20_00, 40_00))
def test_a_box_and_a_pd_say_where_the_reference_point_lies(a: Hundredths, dbl: Hundredths, pd: Hundredths) -> None:
    """The way from the middle of the nose to the box centre, less the way inwards, is the PD."""
    dec_in = decentration(a, dbl, pd)
    assert 5 * (a + dbl) - dec_in == 10 * pd
    assert reference_point(Side.RIGHT, dec_in, 0)[0] == -reference_point(Side.LEFT, dec_in, 0)[0]
