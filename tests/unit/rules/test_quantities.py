"""What can be measured on a spec."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rules.quantities import UNITS, measure, spoken
from rules.spec import Eye, Eyes, Frame, Spec

hundredths = st.integers(-3000, 3000)


def values(spec: Spec, quantity: str) -> dict[str, int]:
    """Returns a quantity's values by field."""
    return {reading.field: reading.value for reading in measure(spec).get(quantity, ())}


def test_what_was_not_given_has_no_reading() -> None:
    """Nothing is measured on an empty spec."""
    assert values(Spec(eyes=Eyes.BOTH), "sphere") == {}
    assert values(Spec(eyes=Eyes.BOTH, right=Eye(fitting_height=1600)), "height_clearance") == {}


@given(sphere=hundredths, cylinder=st.integers(-1500, 1500).filter(bool))
def test_the_power_is_the_same_in_plus_and_in_minus_cylinder(sphere: int, cylinder: int) -> None:
    """Transposition changes how a power is written, not what it is."""
    written = Spec(eyes=Eyes.RIGHT, right=Eye(sphere=sphere, cylinder=cylinder))
    transposed = Spec(eyes=Eyes.RIGHT, right=Eye(sphere=sphere + cylinder, cylinder=-cylinder))

    assert set(values(written, "power").values()) == set(values(transposed, "power").values())


@given(horizontal=st.integers(-2000, 2000), vertical=st.integers(-2000, 2000))
def test_the_amount_of_prism_is_never_read_too_small(horizontal: int, vertical: int) -> None:
    """It is rounded up, and by less than a hundredth."""
    found = values(Spec(eyes=Eyes.LEFT, left=Eye(prism_horizontal=horizontal, prism_vertical=vertical)), "prism")
    amount = next(iter(found.values()), 0)

    assert amount**2 >= horizontal**2 + vertical**2
    assert amount < math.hypot(horizontal, vertical) + 1


@given(a=st.integers(2000, 9000), b=st.integers(1000, 9000))
def test_a_circle_in_its_box_and_a_shape_that_fills_it_are_both_in_order(a: int, b: int) -> None:
    """The ED of a real shape lies between the larger side and the diagonal of its box."""
    diagonal = math.isqrt(a * a + b * b)
    for ed in (max(a, b), diagonal):
        frame = Spec(frame=Frame(a=a, b=b, ed=ed))
        assert values(frame, "ed_excess")["frame.ed"] >= 0
        assert values(frame, "ed_slack")["frame.ed"] <= 0


@given(right=hundredths, left=hundredths)
def test_the_difference_between_the_eyes_does_not_depend_on_which_is_which(right: int, left: int) -> None:
    """Anisometropia and opposite signs are of the pair."""
    eyes = Eye(sphere=right, cylinder=left), Eye(sphere=left, cylinder=right)
    for quantity in ("anisometropia", "opposite_spheres", "opposite_cylinders"):
        one = values(Spec(Eyes.BOTH, *eyes), quantity)
        assert one == values(Spec(Eyes.BOTH, *reversed(eyes)), quantity)
        assert one.keys() == {"prescription"}


def test_opposite_signs_are_told_by_both_values() -> None:
    """Their amount is no value of the order; the two powers are."""
    spec = Spec(Eyes.BOTH, Eye(sphere=50, cylinder=75), Eye(sphere=-175, cylinder=-100))
    told = {name: [each.told for each in readings] for name, readings in measure(spec).items()}

    assert told["opposite_spheres"] == ["spheres +0.50 D right and -1.75 D left"]
    assert told["opposite_cylinders"] == ["cylinders +0.75 D right and -1.00 D left"]
    assert told["anisometropia"] == ["difference between the eyes 3.13 D"]


def test_a_value_is_spoken_with_its_unit_and_a_power_with_its_sign() -> None:
    """As it stands on an order."""
    assert spoken(125, UNITS["sphere"]) == "+1.25 D"
    assert spoken(-5, UNITS["sphere"]) == "-0.05 D"
    assert spoken(0, UNITS["sphere"]) == "0.00 D"
    assert spoken(3100, UNITS["distance_pd"]) == "31.00 mm"
