import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.power import SpheroCylinder
from optics.surfaces import (
    back_surface,
    back_vertex_power,
    boddy_base,
    equivalent_power,
    front_vertex_power,
    material_to_tool,
    radius,
    sagitta,
    sagitta_approximate,
    surface_power,
    tool_to_material,
    vogel_base,
    vogel_base_of_pair,
)

CR39, TOOL = 1498, 1530
indices = st.integers(1400, 1900)
curves = st.integers(-15_00, 15_00)


@pytest.mark.parametrize(("half_chord", "exact", "approximate"), [(25_000, 3_612, 3_538), (30_000, 5_250, 5_094)])
def test_a_sagitta_is_as_computed(half_chord: int, exact: int, approximate: int) -> None:
    """A 6.00 tool: 3.6116 and 3.5377 mm at 25 mm, 5.2504 and 5.0943 at 30 (computed)."""
    assert sagitta(6_00, TOOL, half_chord) == exact
    assert sagitta_approximate(6_00, TOOL, half_chord) == approximate


def test_a_thick_lens_has_three_powers_as_computed() -> None:
    """F1 +8.00, F2 -4.00, 5 mm of CR-39: BVP 4.2195, FVP 4.0527, equivalent 4.1068 (computed)."""
    assert back_vertex_power(8_00, -4_00, 5_00, CR39) == 4_219
    assert front_vertex_power(8_00, -4_00, 5_00, CR39) == 4_053
    assert equivalent_power(8_00, -4_00, 5_00, CR39) == 4_107


@pytest.mark.parametrize(
    ("power", "front", "thickness", "back", "tool"),
    [(2_00, 6_00, 4_00, -4_098, -4_361), (-5_00, 4_00, 2_00, -9_021, -9_601)],
)
def test_a_back_surface_is_as_computed(power: int, front: int, thickness: int, back: int, tool: int) -> None:
    """+2.00 on +6.00 at 4 mm: -4.0977, -4.361 on the tool; -5.00 on +4.00 at 2 mm: -9.0215, -9.601 (computed)."""
    assert back_surface(power, front, thickness, CR39) == back
    assert abs(material_to_tool(back, CR39) - tool) <= 1


def test_a_thin_lens_is_the_sum_of_its_surfaces() -> None:
    """+3.00 on +6.25 takes -3.25; -2.00 -1.00 x 045 on +6.25 takes -8.25 and 1.00 more across (NAO questions)."""
    assert back_surface(3_00, 6_25, 0, CR39) == -3_250
    assert (back_surface(-2_00, 6_25, 0, CR39), back_surface(-3_00, 6_25, 0, CR39)) == (-8_250, -9_250)


@pytest.mark.parametrize(("tool", "material"), [(6_300, 5_92), (5_428, 5_10), (7_684, 7_22), (8_376, 7_87)])
def test_a_tool_curve_is_converted_as_a_real_job_does(tool: int, material: int) -> None:
    """GBASEX and GCROSX against LAPBASX and LAPCRSX of R360_3.oma, at index 1.498."""
    assert abs(tool_to_material(tool, CR39) - 10 * material) <= 5


@pytest.mark.parametrize(("tool", "material"), [(-3_292, -3_093), (-3_805, -3_575), (-4_243, -3_987), (-4_780, -4_491)])
def test_a_hollow_tool_curve_is_converted_as_a_real_job_does(tool: int, material: int) -> None:
    """GBASEX and GCROSX against _GBASEX and _GCROSX of STHKFMT.oma, at index 1.498, to 1/1000 D."""
    assert abs(tool_to_material(tool, CR39) - material) <= 1


def test_the_curve_variation_factor_is_as_published() -> None:
    """0.53 / (n - 1) is 0.75 at index 1.70, rounded down (precision-optical.co.uk, after Jalie)."""
    assert material_to_tool(1_000, 1700) == 757


def test_a_radius_is_as_a_real_job_has_it() -> None:
    """FRNT=5.460 and _FRNT=91.210 of R360_3.oma are one surface at index 1.498."""
    assert abs(radius(5_46, CR39) - 91_210) <= 3
    assert surface_power(91_210, CR39) == 5_46


@pytest.mark.parametrize(
    ("power", "base"),
    [(SpheroCylinder(2_00, -1_00, 90), 7_50), (SpheroCylinder(-4_00), 4_00), (SpheroCylinder(0), 6_00)],
)
def test_vogels_rule_is_as_published(power: SpheroCylinder, base: int) -> None:
    """SE + 6.00 for plus, SE/2 + 6.00 for minus (brainscape.com)."""
    assert vogel_base(power) == base


@pytest.mark.parametrize(
    ("right", "left", "base"),
    [(-4_00, -2_00, 4_00), (2_00, 3_00, 9_00), (-2_00, 1_00, 7_00), (0, -3_00, 4_50), (0, 0, 6_00)],
)
def test_a_pair_gets_one_base(right: int, left: int, base: int) -> None:
    """The flatter of two minus eyes', the steeper where one is plus (brainscape.com)."""
    assert vogel_base_of_pair(SpheroCylinder(right), SpheroCylinder(left)) == base
    assert vogel_base_of_pair(SpheroCylinder(left), SpheroCylinder(right)) == base


@pytest.mark.parametrize(
    ("power", "add", "base"),
    [
        (SpheroCylinder(-4_00), 2_00, 3_25),
        (SpheroCylinder(2_00, -1_00, 90), 2_00, 6_00),
        (SpheroCylinder(0), 2_00, 4_50),
    ],
)
def test_boddys_rule_is_as_published(power: SpheroCylinder, add: int, base: int) -> None:
    """4.25 + (SE + add)/2 for minus, 3.50 + add/2 + SE for plus digital progressives (studylib.net, 2020mag.com)."""
    assert boddy_base(power, add) == base


@given(curves.filter(bool), indices)
def test_radius_and_power_are_one_measure(power: int, index: int) -> None:
    """A radius in 1/1000 mm tells the power to 1/100 D; beyond 100 m it is not fine enough to ask."""
    assert surface_power(radius(power, index), index) == power


@given(curves, indices)
def test_a_curve_converted_to_the_tool_index_and_back_is_the_same(power: int, index: int) -> None:
    """To the rounding of one conversion, seen through the factor of the other."""
    assert abs(tool_to_material(material_to_tool(power, index), index) - power) <= 1


@given(curves)
def test_at_the_tooling_index_nothing_is_converted(power: int) -> None:
    """A tool in material of its own index."""
    assert tool_to_material(power, TOOL) == material_to_tool(power, TOOL) == power


@given(curves, curves, st.integers(0, 15_00), indices)
def test_the_back_surface_gives_the_power_back(power: int, front: int, thickness: int, index: int) -> None:
    """Solved for, rounded to 1/100 D and put in again, it makes the power to that rounding."""
    back = round(back_surface(power, front, thickness, index) / 10)
    assert abs(back_vertex_power(front, back, thickness, index) - 10 * power) <= 6


@given(curves, curves, indices)
def test_without_thickness_all_powers_are_one(front: int, back: int, index: int) -> None:
    """A thin lens has the sum of its surfaces, from either side."""
    total = 10 * (front + back)
    assert back_vertex_power(front, back, 0, index) == total
    assert front_vertex_power(front, back, 0, index) == total
    assert equivalent_power(front, back, 0, index) == total


@given(curves, st.integers(0, 25_000), indices)
def test_the_approximate_sagitta_is_never_the_larger(power: int, half_chord: int, index: int) -> None:
    """A parabola lies inside the sphere it fits; both turn round with the sign."""
    exact, approximate = sagitta(power, index, half_chord), sagitta_approximate(power, index, half_chord)
    assert abs(approximate) <= abs(exact) + 1
    assert sagitta(-power, index, half_chord) == -exact


def test_a_curve_has_no_depth_beyond_its_sphere() -> None:
    """20 D at index 1.498 is a ball of 24.9 mm: nothing of it lies 25 mm from the pole."""
    with pytest.raises(ValueError, match=r"20\.00 D closes at 24\.900 mm from its pole"):
        sagitta(20_00, CR39, 25_000)


def test_what_has_no_answer_is_refused() -> None:
    """A plane has no radius, a radius of nothing no power, and a focus must lie behind the lens."""
    with pytest.raises(ValueError, match="plane"):
        radius(0, CR39)
    with pytest.raises(ValueError, match="radius 0"):
        surface_power(0, CR39)
    with pytest.raises(ValueError, match="focus"):
        back_vertex_power(90_00, 0, 20_00, CR39)
