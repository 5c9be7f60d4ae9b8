import pytest
from hypothesis import given
from hypothesis import strategies as st

from optics.eyes import Side
from optics.prism import Prism, prism_from_base_setting


@pytest.mark.parametrize(
    ("side", "base_setting", "prism"),
    [
        (Side.RIGHT, 0, Prism(200, 0)),
        (Side.RIGHT, 90_00, Prism(0, 200)),
        (Side.RIGHT, 180_00, Prism(-200, 0)),
        (Side.RIGHT, 270_00, Prism(0, -200)),
        (Side.LEFT, 0, Prism(-200, 0)),
        (Side.LEFT, 90_00, Prism(0, 200)),
        (Side.LEFT, 180_00, Prism(200, 0)),
        (Side.LEFT, 270_00, Prism(0, -200)),
    ],
)
def test_the_four_cardinal_bases_are_exact(side: Side, base_setting: int, prism: Prism) -> None:
    """Base in points to the nose: 3 o'clock of the right lens, 9 o'clock of the left one."""
    assert prism_from_base_setting(side, 200, base_setting) == prism


def test_an_oblique_prism_is_split_as_in_the_textbook() -> None:
    """1.5 base up and 2 base in make 2.5 at 36.87 degrees on a right lens (Durham Tech, prism module)."""
    assert prism_from_base_setting(Side.RIGHT, 250, 36_87) == Prism(200, 150)


@pytest.mark.parametrize("base_setting", [30_00, 150_00, 210_00, 330_00])
def test_a_tie_is_rounded_to_the_same_magnitude_in_every_quadrant(base_setting: int) -> None:
    """0.01 at 30 degrees to the horizontal has a vertical part of half a hundredth: float noise decides nothing."""
    assert abs(prism_from_base_setting(Side.RIGHT, 1, base_setting).vertical) == 1


@given(st.integers(0, 30_00), st.integers(0, 359_99))
def test_left_and_right_are_mirror_images(magnitude: int, base_setting: int) -> None:
    """A setting on the left is the setting mirrored at the vertical on the right."""
    left = prism_from_base_setting(Side.LEFT, magnitude, base_setting)
    assert left == prism_from_base_setting(Side.RIGHT, magnitude, (180_00 - base_setting) % 360_00)


@given(st.integers(0, 30_00), st.integers(0, 359_99))
def test_the_parts_keep_the_magnitude(magnitude: int, base_setting: int) -> None:
    """Rounding moves each part by half a hundredth at most."""
    prism = prism_from_base_setting(Side.RIGHT, magnitude, base_setting)
    assert abs((prism.horizontal**2 + prism.vertical**2) ** 0.5 - magnitude) <= 0.71
