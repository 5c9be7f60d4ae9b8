from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from optics.dcs.interpretation import interpret
from optics.dcs.records import parse, slots
from optics.eyes import Side
from optics.numbers import parse_decimal
from optics.power import SpheroCylinder, transposed
from optics.prism import Prism
from optics.tolerances import (
    Finding,
    LensValues,
    Pair,
    Profile,
    ProfileError,
    Quantity,
    inspect,
    inspect_pair,
    profile_from,
)

CATALOG = Path(__file__).parents[3] / "services" / "lims" / "catalog" / "tolerances.yaml"
DATA: list[dict[str, Any]] = yaml.load(CATALOG.read_text(), Loader=yaml.BaseLoader)["tolerances"]  # noqa: S506 -- texts only
PROFILES = {profile.id: profile for profile in map(profile_from, DATA)}
SV, PAL, NEW_JERSEY = "ansi-z80-1-sv", "ansi-z80-1-pal", "new-jersey"

# ── the published tables, once more: in fractions, and not by way of the file ─────────────────────────────────────────

Limit = Callable[[Fraction], Fraction | None]


def bands(*rows: tuple[str, str]) -> Limit:
    """Return the limit for an amount: rows of (up to, limit), a limit in units or percent, "" for none or no end."""

    def limit(amount: Fraction) -> Fraction | None:
        allowed = next(text for up_to, text in rows if not up_to or amount <= Fraction(up_to))
        if allowed.endswith("%"):
            return amount * Fraction(allowed[:-1]) / 100
        return Fraction(allowed) if allowed else None

    return limit


POWER: Mapping[str, Limit] = {
    SV: bands(("6.50", "0.13"), ("", "2%")),
    PAL: bands(("8.00", "0.16"), ("", "2%")),
    NEW_JERSEY: bands(("6.24", "0.12"), ("12.00", "2%"), ("", "0.25")),
}
CYLINDER: Mapping[str, Limit] = {
    SV: bands(("2.00", "0.13"), ("4.50", "0.15"), ("", "4%")),
    PAL: bands(("2.00", "0.16"), ("3.50", "0.18"), ("", "5%")),
    NEW_JERSEY: bands(("", "0.12")),
}
ADD: Mapping[str, Limit] = {
    SV: bands(("4.00", "0.12"), ("", "0.18")),
    PAL: bands(("4.00", "0.12"), ("", "0.18")),
    NEW_JERSEY: bands(("", "0.12")),
}
ANSI_AXIS = bands(("0.11", ""), ("0.25", "14"), ("0.50", "7"), ("0.75", "5"), ("1.50", "3"), ("", "2"))
AXIS: Mapping[str, Limit] = {
    SV: ANSI_AXIS,
    PAL: ANSI_AXIS,
    NEW_JERSEY: bands(("0.11", ""), ("0.37", "3"), ("1.00", "2"), ("", "1")),
}


def finding(profile: str, quantity: Quantity, target: LensValues, measured: LensValues) -> Finding:
    """Return what an inspection finds of one quantity."""
    return next(each for each in inspect(PROFILES[profile], target, measured) if each.quantity is quantity)


def values_of(name: str, value: int) -> LensValues:
    """Return a plano of which one measure is known."""
    measure: dict[str, Any] = {name: value}
    return LensValues(SpheroCylinder(0), **measure)


def sphere_like(profile: str) -> Quantity:
    """Return what a profile limits the power by."""
    return Quantity.SPHERE if profile == NEW_JERSEY else Quantity.POWER


class Tried:
    """Counts values tried at their limit and one step beyond it."""

    def __init__(self) -> None:
        self.at, self.beyond = 0, 0

    def tells(
        self, found: Callable[[int], Finding], limit: Fraction, *, step: int = 1, room: int | None = None
    ) -> None:
        """Try the largest deviation that is within, and the next, to both sides; upwards only if there is room."""
        largest = floor(limit * 100 / step) * step
        for sign in (+1, -1) if room is None or room > largest else (-1,):
            at, beyond = found(sign * largest), found(sign * (largest + step))
            assert at.passed, at
            assert not beyond.passed, beyond
            assert abs(at.deviation) == largest
            assert Fraction(at.limit, 1_000_000) == limit
            self.at += 1
            self.beyond += 1

    def told(self, what: str) -> None:
        """Print how many there were; there have to be some."""
        print(f"{what}: {self.at} values at their limit passed, {self.beyond} one step beyond it failed")  # noqa: T201
        assert self.at == self.beyond > 0


# ── the whole lattice ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("profile", PROFILES)
def test_every_power_is_within_at_its_limit_and_out_one_step_beyond(profile: str) -> None:
    """Every hundredth from -20.00 to +20.00 D, to both sides."""
    tried, quantity = Tried(), sphere_like(profile)
    for power in range(-20_00, 20_01):
        limit = POWER[profile](Fraction(abs(power), 100))
        assert limit is not None
        target = LensValues(SpheroCylinder(power))

        def found(deviation: int, power: int = power, target: LensValues = target) -> Finding:
            return finding(profile, quantity, target, LensValues(SpheroCylinder(power + deviation)))

        tried.tells(found, limit)
    tried.told(f"{profile}, power")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_cylinder_is_within_at_its_limit_and_out_one_step_beyond(profile: str) -> None:
    """Every hundredth from 0.00 to -8.00 D, to both sides; less than no cylinder there is not."""
    tried = Tried()
    for cylinder in range(-8_00, 1):
        limit = CYLINDER[profile](Fraction(-cylinder, 100))
        assert limit is not None
        target = LensValues(SpheroCylinder(-1_00, cylinder, 90))

        def found(deviation: int, cylinder: int = cylinder, target: LensValues = target) -> Finding:
            measured = LensValues(SpheroCylinder(-1_00, cylinder + deviation, 90))
            return finding(profile, Quantity.CYLINDER, target, measured)

        tried.tells(found, limit, room=-cylinder)
    tried.told(f"{profile}, cylinder")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_add_is_within_at_its_limit_and_out_one_step_beyond(profile: str) -> None:
    """Every hundredth from 0.00 to 4.50 D, to both sides."""
    tried = Tried()
    for add in range(4_51):
        limit = ADD[profile](Fraction(add, 100))
        assert limit is not None
        target = LensValues(SpheroCylinder(0), add=add)

        def found(deviation: int, add: int = add, target: LensValues = target) -> Finding:
            return finding(profile, Quantity.ADD, target, LensValues(SpheroCylinder(0), add=add + deviation))

        tried.tells(found, limit)
    tried.told(f"{profile}, add")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_axis_is_within_at_its_limit_and_out_one_step_beyond(profile: str) -> None:
    """All 180 degrees, over the end of the half turn as well, with the first and last cylinder of every band."""
    tried = Tried()
    ends = (12, 25, 26, 37, 38, 50, 51, 75, 76, 1_00, 1_01, 1_50, 1_51, 8_00)
    for cylinder in ends:
        limit = AXIS[profile](Fraction(cylinder, 100))
        assert limit is not None
        for axis in range(1, 181):
            target = LensValues(SpheroCylinder(0, -cylinder, axis))

            def found(
                deviation: int, cylinder: int = cylinder, axis: int = axis, target: LensValues = target
            ) -> Finding:
                off = (axis + deviation // 100 - 1) % 180 + 1
                return finding(profile, Quantity.AXIS, target, LensValues(SpheroCylinder(0, -cylinder, off)))

            tried.tells(found, limit, step=100)
    tried.told(f"{profile}, axis")


@pytest.mark.parametrize("profile", PROFILES)
def test_the_axis_of_a_cylinder_hardly_there_has_no_limit(profile: str) -> None:
    """Below 0.12 D nothing is told, nor where no cylinder was measured."""
    for cylinder in range(12):
        target = LensValues(SpheroCylinder(0, -cylinder, 10))
        found = inspect(PROFILES[profile], target, LensValues(SpheroCylinder(0, -cylinder, 100)))
        assert Quantity.AXIS not in {each.quantity for each in found}
    found = inspect(PROFILES[profile], LensValues(SpheroCylinder(0, -12, 10)), LensValues(SpheroCylinder(0)))
    assert Quantity.AXIS not in {each.quantity for each in found}


# ── published values ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("profile", "power", "millionths"),
    [
        (SV, 6_50, 130_000),
        (SV, 7_00, 140_000),
        (SV, 10_00, 200_000),
        (PAL, 8_00, 160_000),
        (PAL, 8_25, 165_000),
        (PAL, 12_00, 240_000),
    ],
)
def test_limits_of_power_are_as_computed(profile: str, power: int, millionths: int) -> None:
    """At the edge of the bands and beyond (ANSI Z80.1, docslib.org and opticampus.opti.vision)."""
    values = LensValues(SpheroCylinder(power))
    assert finding(profile, Quantity.POWER, values, values).limit == millionths


@pytest.mark.parametrize(
    ("profile", "cylinder", "millionths"),
    [
        (SV, 2_25, 150_000),
        (SV, 4_50, 150_000),
        (SV, 4_51, 180_400),  # 4 % of 4.50 would be 0.18: the limit jumps where the band ends
        (SV, 5_00, 200_000),
        (PAL, 3_00, 180_000),
        (PAL, 3_75, 187_500),
    ],
)
def test_limits_of_cylinder_are_as_computed(profile: str, cylinder: int, millionths: int) -> None:
    """On both sides of the jump at 4.50 as well (ANSI Z80.1, docslib.org and opticampus.opti.vision)."""
    values = LensValues(SpheroCylinder(0, -cylinder, 90))
    assert finding(profile, Quantity.CYLINDER, values, values).limit == millionths


def test_an_axis_goes_round_at_half_a_turn() -> None:
    """179 and 2 are 3 degrees apart."""
    found = finding(
        SV, Quantity.AXIS, LensValues(SpheroCylinder(0, -1_00, 179)), LensValues(SpheroCylinder(0, -1_00, 2))
    )
    assert (found.deviation, found.limit, found.passed) == (3_00, 3_000_000, True)


@pytest.mark.parametrize(
    ("profile", "power", "vertical", "horizontal"),
    [
        (SV, 0, 330_000, 670_000),
        (SV, 2_50, 330_000, 670_000),
        (SV, 2_75, 330_000, 687_500),  # 2.5 mm of 2.75 D are 0.6875: where millimetres take over
        (SV, 3_38, 338_000, 845_000),  # 1.0 mm of 3.375 D is 0.3375
        (PAL, 3_25, 330_000, 670_000),
        (PAL, 3_38, 338_000, 676_000),  # 1.0 mm on either side
        (SV, 10_00, 1_000_000, 2_500_000),
    ],
)
def test_imbalance_is_limited_in_prism_or_in_millimetres(
    profile: str, power: int, vertical: int, horizontal: int
) -> None:
    """The greater of the two, which for a weak lens is the prism (ANSI Z80.1, docslib.org, table 6)."""
    values = LensValues(SpheroCylinder(-power), prism=Prism(0, 0))
    weak = LensValues(SpheroCylinder(0), prism=Prism(0, 0))
    for pair in (Pair(values, weak), Pair(weak, values)):
        found = {each.quantity: each.limit for each in inspect_pair(PROFILES[profile], pair, pair)}
        assert found[Quantity.IMBALANCE_VERTICAL] == vertical
        assert found[Quantity.IMBALANCE_HORIZONTAL] == horizontal


@pytest.mark.parametrize(
    ("right", "left", "deviations"),
    [
        (Prism(30, 0), Prism(37, 0), (67, 0)),  # both base in: the eyes are driven apart together
        (Prism(60, 0), Prism(-60, 0), (0, 0)),  # one in, one out: both eyes turn alike
        (Prism(0, 33), Prism(0, 0), (0, 33)),
        (Prism(0, -80), Prism(0, -80), (0, 0)),  # both down: prism thinning
    ],
)
def test_an_imbalance_is_what_the_eyes_cannot_share(right: Prism, left: Prism, deviations: tuple[int, int]) -> None:
    """Base in adds up, base up is a difference."""
    wanted, zero = SpheroCylinder(-1_00), Prism(0, 0)
    target = Pair(LensValues(wanted, prism=zero), LensValues(wanted, prism=zero))
    found = inspect_pair(PROFILES[SV], target, Pair(LensValues(wanted, prism=right), LensValues(wanted, prism=left)))
    by_quantity = {each.quantity: each.deviation for each in found}
    assert (by_quantity[Quantity.IMBALANCE_HORIZONTAL], by_quantity[Quantity.IMBALANCE_VERTICAL]) == deviations
    assert all(each.passed for each in found)


@pytest.mark.parametrize(
    ("power", "off", "passed"),
    [
        (1_00, Prism(33, 0), True),
        (1_00, Prism(0, -34), False),
        (1_00, Prism(24, 23), False),  # 0.3324
        (1_00, Prism(23, 23), True),  # 0.3253
        (-5_00, Prism(0, 50), True),  # 1.0 mm
        (-5_00, Prism(0, 51), False),
        (-5_00, Prism(30, 40), True),
        (-5_00, Prism(30, 41), False),
    ],
)
def test_prism_at_the_reference_point_is_an_amount_in_any_direction(power: int, off: Prism, passed: bool) -> None:  # noqa: FBT001 -- a row of the table
    """0.33, or what 1.0 mm makes (ANSI Z80.1, docslib.org, 5); a square root decides nothing."""
    wanted = SpheroCylinder(power)
    target, measured = LensValues(wanted, prism=Prism(100, 0)), Prism(100 + off.horizontal, off.vertical)
    assert finding(SV, Quantity.PRISM, target, LensValues(wanted, prism=measured)).passed is passed


GEOMETRY = [
    (SV, "base", 75),
    (SV, "centre_thickness", 30),
    (SV, "segment_height", 1_00),
    (SV, "segment_tilt", 2_00),
    (SV, "segment_width", 50),
    (PAL, "base", 75),
    (PAL, "centre_thickness", 30),
    (PAL, "fitting_height", 1_00),
]


@pytest.mark.parametrize(("profile", "name", "limit"), GEOMETRY)
def test_what_is_measured_with_a_ruler_has_its_limit(profile: str, name: str, limit: int) -> None:
    """When specified, and to both sides (hollywoodoptical.com, opticampus.opti.vision)."""
    target = values_of(name, 20_00)
    tried = Tried()
    tried.tells(
        lambda off: finding(profile, Quantity(name), target, values_of(name, 20_00 + off)),
        Fraction(limit, 100),
    )
    tried.told(f"{profile}, {name}")
    unsaid = inspect(PROFILES[profile], LensValues(SpheroCylinder(0)), target)
    assert Quantity(name) not in {each.quantity for each in unsaid}


@pytest.mark.parametrize(
    ("quantity", "name", "right", "left", "passed"),
    [
        (Quantity.NEAR_PD, "near_pd", 1_25, 1_25, True),  # 2.5 mm in all
        (Quantity.NEAR_PD, "near_pd", 1_25, 1_26, False),
        (Quantity.NEAR_PD, "near_pd", 3_00, -3_00, True),
        (Quantity.SEGMENT_HEIGHT_DIFFERENCE, "segment_height", 50, -50, True),  # 1.0 mm between them
        (Quantity.SEGMENT_HEIGHT_DIFFERENCE, "segment_height", 51, -50, False),
        (Quantity.SEGMENT_WIDTH_DIFFERENCE, "segment_width", 0, 70, True),
        (Quantity.SEGMENT_WIDTH_DIFFERENCE, "segment_width", 0, 71, False),
    ],
)
def test_a_pair_of_segments_belongs_together(
    quantity: Quantity, name: str, right: int, left: int, *, passed: bool
) -> None:
    """Near PD in all, heights and widths between the two (opticampus.opti.vision, hollywoodoptical.com)."""
    target = Pair(values_of(name, 18_00), values_of(name, 19_00))
    measured = Pair(values_of(name, 18_00 + right), values_of(name, 19_00 + left))
    found = next(each for each in inspect_pair(PROFILES[SV], target, measured) if each.quantity is quantity)
    assert found.passed is passed


@pytest.mark.parametrize("part", ["horizontal", "vertical"])
def test_new_jersey_limits_prism_in_each_direction(part: str) -> None:
    """0.25 for each lens, 0.50 for the pair (N.J.A.C. 13:35-5.2, e.casetext.com)."""
    plano, zero = SpheroCylinder(-9_00), LensValues(SpheroCylinder(-9_00), prism=Prism(0, 0))

    def off(amount: int) -> LensValues:
        return LensValues(plano, prism=Prism(amount, 0) if part == "horizontal" else Prism(0, amount))

    tried = Tried()
    tried.tells(lambda off_by: finding(NEW_JERSEY, Quantity(f"prism_{part}"), zero, off(off_by)), Fraction("0.25"))

    def of_pair(deviation: int) -> Finding:
        found = inspect_pair(PROFILES[NEW_JERSEY], Pair(zero, zero), Pair(off(deviation), zero))
        return next(each for each in found if each.quantity is Quantity(f"imbalance_{part}"))

    tried.tells(of_pair, Fraction("0.50"))
    tried.told(f"new-jersey, {part} prism")


@pytest.mark.parametrize(
    ("target", "measured", "deviation"),
    [
        (SpheroCylinder(-1_00, -2_00, 90), SpheroCylinder(-1_50, -1_60, 90), -10),  # across the axis it is strongest
        (SpheroCylinder(3_00, -1_00, 90), SpheroCylinder(3_05, -1_30, 90), 5),  # along it
        (SpheroCylinder(1_00, -2_00, 90), SpheroCylinder(1_05, -2_15, 90), -10),  # +1.00 and -1.00: the worse one
        (SpheroCylinder(-3_00), SpheroCylinder(-2_95, -20, 45), -15),  # a sphere is as strong everywhere
        (SpheroCylinder(2_00, 1_00, 180), SpheroCylinder(3_05, -1_30, 90), 5),  # +2.00 +1.00 x 180 is +3.00 -1.00 x 90
    ],
)
def test_power_is_judged_in_the_strongest_meridian(
    target: SpheroCylinder, measured: SpheroCylinder, deviation: int
) -> None:
    """Whichever way either is written."""
    for written in (measured, transposed(measured)):
        assert finding(SV, Quantity.POWER, LensValues(target), LensValues(written)).deviation == deviation


# ── a real job ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real_job(real_file: Callable[[str], bytes]) -> Mapping[Side, tuple[LensValues, LensValues]]:
    """Return what R360_3.oma orders and what its lab wants to measure, for each eye."""
    file = parse(real_file("R360_3.oma"))
    job = interpret(file)
    values = {record.label: slots(record.value) for record in file.records}

    def both(side: Side) -> tuple[LensValues, LensValues]:
        ordered = (job.right if side is Side.RIGHT else job.left).prescription
        assert ordered.sphere is not None
        assert ordered.cylinder is not None
        assert ordered.axis is not None
        place = 0 if side is Side.RIGHT else 1
        sphere, cylinder, add, axis = (
            parse_decimal(values[f"INS{each}"][place], 2) for each in ("SPH", "CYL", "ADD", "AX")
        )
        return (
            LensValues(SpheroCylinder(ordered.sphere, ordered.cylinder, ordered.axis), add=ordered.add),
            LensValues(SpheroCylinder(sphere, cylinder, axis // 100), add=add),
        )

    return {side: both(side) for side in Side}


def test_a_compensated_lens_passes_against_its_target_and_fails_against_the_order(
    real_job: Mapping[Side, tuple[LensValues, LensValues]],
) -> None:
    """The left lens: 0.18 D off in the strongest meridian (0.16 allowed) and 0.25 D in cylinder (0.18 allowed)."""
    ordered, wanted = real_job[Side.LEFT]
    assert all(each.passed for each in inspect(PROFILES[PAL], wanted, wanted))
    found = {each.quantity: each for each in inspect(PROFILES[PAL], ordered, wanted)}
    assert {quantity for quantity, each in found.items() if not each.passed} == {Quantity.POWER, Quantity.CYLINDER}
    assert (found[Quantity.POWER].deviation, found[Quantity.POWER].limit) == (18, 160_000)
    assert (found[Quantity.CYLINDER].deviation, found[Quantity.CYLINDER].limit) == (25, 180_000)
    assert (found[Quantity.AXIS].deviation, found[Quantity.ADD].deviation) == (1_00, -2)


def test_the_other_lens_is_within_by_nothing(real_job: Mapping[Side, tuple[LensValues, LensValues]]) -> None:
    """The right lens: 0.13, 0.10, and exactly the 3 degrees that are allowed."""
    ordered, wanted = real_job[Side.RIGHT]
    found = {each.quantity: each for each in inspect(PROFILES[PAL], ordered, wanted)}
    assert all(each.passed for each in found.values())
    assert (found[Quantity.POWER].deviation, found[Quantity.CYLINDER].deviation) == (13, 10)
    assert (found[Quantity.AXIS].deviation, found[Quantity.AXIS].limit) == (-3_00, 3_000_000)


# ── what always holds ─────────────────────────────────────────────────────────────────────────────────────────────────

powers = st.builds(SpheroCylinder, st.integers(-20_00, 20_00), st.integers(-8_00, 8_00), st.integers(1, 180))


@given(st.sampled_from(list(PROFILES.values())), powers, st.integers(0, 4_50))
def test_a_perfect_lens_passes(profile: Profile, power: SpheroCylinder, add: int) -> None:
    """Whatever it is, written either way."""
    values = LensValues(power, add=add, prism=Prism(1_00, -50))
    other = LensValues(transposed(power), add=add, prism=Prism(1_00, -50))
    for found in (inspect(profile, values, values), inspect(profile, values, other)):
        assert found
        assert all(each.passed and each.deviation == 0 for each in found)


@given(powers, powers)
def test_ansi_does_not_care_how_a_power_is_written(target: SpheroCylinder, measured: SpheroCylinder) -> None:
    """Power, cylinder and axis are those of the minus form; numbers and verdicts are the same."""
    there = inspect(PROFILES[SV], LensValues(target), LensValues(measured))
    assert inspect(PROFILES[SV], LensValues(transposed(target)), LensValues(transposed(measured))) == there


@given(st.sampled_from(list(PROFILES.values())), powers, powers)
def test_a_verdict_is_the_comparison_of_deviation_and_limit(
    profile: Profile, target: SpheroCylinder, measured: SpheroCylinder
) -> None:
    """Inclusive, and exact."""
    for each in inspect(profile, LensValues(target), LensValues(measured)):
        assert each.passed == (Fraction(abs(each.deviation), 100) <= Fraction(each.limit, 1_000_000))


# ── profiles as data ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_profiles_say_where_they_come_from() -> None:
    """Each has an edition, and each limit a source."""
    assert set(PROFILES) == {SV, PAL, NEW_JERSEY}
    for profile in PROFILES.values():
        assert profile.edition
        assert profile.types
        assert all("." in rule.source for rule in profile.rules)


GOOD: dict[str, Any] = {
    "id": "x",
    "name": "X",
    "edition": "1",
    "types": ["single-vision"],
    "limits": [
        {
            "quantity": "power",
            "by": "power",
            "source": "s",
            "bands": [{"up_to": "6.5", "amount": "0.13"}, {"percent": "2"}],
        },
        {"quantity": "base", "amount": "0.75", "source": "s"},
    ],
}


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return the good data with something else at a place; None takes it away."""

    def copy(part: Any, rest: tuple[str | int, ...]) -> Any:  # noqa: ANN401 -- data of any form
        if not rest:
            return value
        inner: Any = dict(part) if isinstance(part, dict) else list(part)
        if len(rest) == 1 and value is None:
            del inner[rest[0]]
        elif isinstance(inner, dict):
            inner[rest[0]] = copy(inner.get(rest[0]), rest[1:])
        else:
            inner[int(rest[0])] = copy(inner[int(rest[0])], rest[1:])
        return inner

    result: dict[str, Any] = copy(GOOD, path)
    return result


def test_good_data_is_a_profile() -> None:
    """The data the next test spoils."""
    profile = profile_from(GOOD)
    assert [rule.quantity for rule in profile.rules] == [Quantity.POWER, Quantity.BASE]


BANDS = ("limits", 0, "bands")


@pytest.mark.parametrize(
    ("path", "value", "field", "problem"),
    [
        (("id",), None, "id", "is missing"),
        (("name",), "  ", "name", "is missing|not text"),
        (("edition",), 2020, "edition", "not text; put quotes"),
        (("edittion",), "1", "edittion", "did you mean edition"),
        (("types",), "single-vision", "types", "no list"),
        (("types", 0), 1, "types[0]", "not text"),
        (("limits",), None, "limits", "is missing"),
        (("limits",), [], "limits", "empty"),
        (("limits", 1), "base", "limits[1]", "no entry"),
        (("limits", 0, "quantity"), "powr", "limits[0].quantity", "did you mean 'power'"),
        (("limits", 1, "quantity"), "power", "limits[1].quantity", "limited by an entry before"),
        (("limits", 0, "by"), "colour", "limits[0].by", "it can be: nothing, power"),
        (("limits", 0, "by"), None, "limits[0].bands[1].percent", "`by` is missing"),
        (("limits", 0, "source"), None, "limits[0].source", "is missing"),
        (("limits", 0, "amount"), "1", "limits[0].amount", "stands beside bands"),
        (("limits", 1, "amount"), None, "limits[1].amount", "is missing, and so are"),
        (("limits", 1, "amount"), "-0.75", "limits[1].amount", "negative"),
        (("limits", 1, "amount"), "0.7505", "limits[1].amount", "finer than 3 decimals"),
        (("limits", 1, "amount"), "abc", "limits[1].amount", "not a plain decimal number"),
        (("limits", 1, "millimetres"), "1", "limits[1].millimetres", "limit a prism, by a power"),
        ((*BANDS, 0), "6.5", "limits[0].bands[0]", "no entry"),
        ((*BANDS, 0, "up_to"), None, "limits[0].bands[0].up_to", "only the last band has no end"),
        ((*BANDS, 1, "up_to"), "9", "limits[0].bands[1].up_to", "ends the last band"),
        ((*BANDS, 1, "percent"), None, "limits[0].bands[1].amount", "`none` is no limit"),
        ((*BANDS, 0), {"up_to": "6", "amount": "none", "percent": "2"}, "limits[0].bands[0].percent", "amount: none"),
        ((*BANDS, 0, "colour"), "red", "limits[0].bands[0].colour", "no field here"),
        (BANDS, [], "limits[0].bands", "empty"),
        (
            BANDS,
            [{"up_to": "6", "amount": "1"}, {"up_to": "6", "amount": "2"}, {"amount": "3"}],
            "limits[0].bands[1].up_to",
            "not above",
        ),
    ],
)
def test_bad_data_is_refused_by_its_field(path: tuple[str | int, ...], value: object, field: str, problem: str) -> None:
    """The message begins with the place, and says what would be right."""
    with pytest.raises(ProfileError, match=problem) as refused:
        profile_from(changed(path, value))
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


def test_bands_need_something_to_go_by() -> None:
    """Several bands and nothing to choose by."""
    data = changed(BANDS, [{"up_to": "6", "amount": "1"}, {"amount": "3"}])
    del data["limits"][0]["by"]
    with pytest.raises(ProfileError, match="what do the bands go by"):
        profile_from(data)


def everything(part: object) -> Iterator[object]:
    """Yield every scalar of the file."""
    if isinstance(part, dict):
        for value in part.values():
            yield from everything(value)
    elif isinstance(part, list):
        for value in part:
            yield from everything(value)
    else:
        yield part


def test_all_scalars_of_the_catalog_are_text() -> None:
    """So that no number is rounded on its way."""
    scalars = list(everything(DATA))
    assert len(scalars) > 100
    assert all(isinstance(each, str) for each in scalars)
