import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.eyes import Side
from optics.power import SpheroCylinder, transposed
from optics.prism import (
    BaseSetting,
    BaseVector,
    Prism,
    as_prism,
    base_setting,
    magnitude,
    prentice,
    prism_from_base_setting,
    prism_thinning,
    sum_of_prisms,
)

powers = st.builds(SpheroCylinder, st.integers(-25_00, 25_00), st.integers(-10_00, 10_00), st.integers(1, 180))
ways = st.integers(-30_000, 30_000)
prisms = st.builds(Prism, st.integers(-20_00, 20_00), st.integers(-20_00, 20_00))


@pytest.mark.parametrize(
    ("power", "way", "prism", "source"),
    [
        (SpheroCylinder(5_00), (4_000, 0), (2_000, 0), "open-exam-prep.com: +5.00, 4 mm"),
        (SpheroCylinder(3_00), (4_000, 0), (1_200, 0), "opticaltraining.com, page fifteen: +3.00, 4.0 mm"),
        (SpheroCylinder(2_00, -4_00, 135), (5_000, 0), (0, -1_000), "stuvia.com (NAO) and computed: 1.0 vertical"),
        (SpheroCylinder(2_00, -4_00, 135), (0, 5_000), (-1_000, 0), "computed: 1.0 horizontal"),
        (SpheroCylinder(-3_00, -1_00, 180), (0, -10_000), (0, 4_000), "computed: 10 mm down"),
        (SpheroCylinder(-3_00, -1_00, 30), (2_000, -8_000), (-996, 3_087), "computed: -0.9964, +3.0866"),
        (SpheroCylinder(-4_25, -1_75, 67), (-2_500, -6_000), (1_056, 2_553), "computed: 1.0556, 2.5529"),
    ],
)
def test_prentices_rule_is_as_published(
    power: SpheroCylinder, way: tuple[int, int], prism: tuple[int, int], source: str
) -> None:
    """The power matrix times the way, in prism dioptres per centimetre."""
    assert prentice(power, *way) == prism, source


@given(ways)
def test_no_way_sideways_gives_this_lens_a_sideways_prism(way: int) -> None:
    """+2.00 -4.00 x 135 has no power along 180: no decentration makes 1 base in (stuvia.com, NAO)."""
    assert prentice(SpheroCylinder(2_00, -4_00, 135), way, 0).right == 0


@pytest.mark.parametrize(
    ("vector", "amount"), [(BaseVector(-996, 3_087), 3_244), (BaseVector(1_056, 2_553), 2_763), (BaseVector(0, 0), 0)]
)
def test_the_amount_of_a_prism_is_that_of_its_parts(vector: BaseVector, amount: int) -> None:
    """3.2434 and 2.7626 computed; from parts in thousandths to 0.001."""
    assert magnitude(vector) == amount


def test_the_polar_form_is_as_published() -> None:
    """1.5 base up and 2 base in make 2.5 at 36.87 degrees (Durham Tech, prism module); on the left lens at 143.13."""
    assert base_setting(Side.RIGHT, Prism(200, 150)) == BaseSetting(250, 36_87)
    assert base_setting(Side.LEFT, Prism(200, 150)) == BaseSetting(250, 143_13)


def test_prism_to_an_eye_is_base_in_and_up() -> None:
    """To the viewer's right is towards the nose on the right lens and away from it on the left one."""
    assert as_prism(Side.RIGHT, BaseVector(1_005, -2_000)) == Prism(101, -200)
    assert as_prism(Side.LEFT, BaseVector(1_005, -2_000)) == Prism(-101, -200)


@pytest.mark.parametrize(("add", "thinning"), [(2_00, -133), (1_25, -83), (0, 0), (3_00, -200)])
def test_prism_thinning_is_two_thirds_of_the_add_base_down(add: int, thinning: int) -> None:
    """The rule of the trade (optiboard.com)."""
    assert prism_thinning(add) == Prism(0, thinning)


@given(st.sampled_from(Side), prisms)
def test_the_polar_form_and_the_parts_are_the_same_prism(side: Side, prism: Prism) -> None:
    """Rounded to 1/100 on the way there and back, the parts come back to 1/100."""
    back = prism_from_base_setting(side, *base_setting(side, prism))
    assert abs(back.horizontal - prism.horizontal) <= 1
    assert abs(back.vertical - prism.vertical) <= 1


@given(st.sampled_from(Side), prisms)
def test_a_direction_lies_within_one_turn(side: Side, prism: Prism) -> None:
    """0 to 359.99 degrees, and a magnitude is not negative."""
    polar = base_setting(side, prism)
    assert 0 <= polar.direction < 360_00
    assert polar.magnitude >= 0


@given(powers, ways, ways)
def test_prism_does_not_depend_on_how_the_power_is_written(power: SpheroCylinder, right: int, up: int) -> None:
    """Plus and minus cylinder are one lens."""
    assert prentice(transposed(power), right, up) == prentice(power, right, up)


@given(powers, ways, ways)
def test_moving_a_lens_the_other_way_turns_its_prism_round(power: SpheroCylinder, right: int, up: int) -> None:
    """Opposite places have opposite prisms of the same amount."""
    here, there = prentice(power, right, up), prentice(power, -right, -up)
    assert (there.right, there.up) == (-here.right, -here.up)


@given(powers, ways, ways)
def test_mirrored_lenses_have_mirrored_prisms(power: SpheroCylinder, right: int, up: int) -> None:
    """Axis 180 - A and the way mirrored: the same base in, the same base up."""
    image = SpheroCylinder(power.sphere, power.cylinder, 180 - power.axis or 180)
    here, there = prentice(power, right, up), prentice(image, -right, up)
    assert as_prism(Side.RIGHT, here) == as_prism(Side.LEFT, there)


@given(st.lists(prisms, max_size=4))
def test_prisms_add_part_by_part(several: list[Prism]) -> None:
    """In any order, and exactly."""
    total = sum_of_prisms(*several)
    assert total == sum_of_prisms(*reversed(several))
    assert total.horizontal == sum(each.horizontal for each in several)
