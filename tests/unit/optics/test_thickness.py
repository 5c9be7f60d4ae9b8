import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optics.dcs.interpretation import interpret
from optics.dcs.records import parse, slots
from optics.eyes import Side
from optics.numbers import parse_decimal, to_hundredths
from optics.power import SpheroCylinder, transposed
from optics.prism import Prism
from optics.shape import Shape
from optics.surfaces import back_surface, material_to_tool
from optics.thickness import (
    ImpossibleLensError,
    Solid,
    centre_of_round,
    edge_of_round,
    solid,
    volume_of_round,
    weight,
)
from optics.trace import Trace, mirrored

NO_PRISM = Prism(0, 0)
INDICES = (1498, 1523, 1532, 1586, 1600, 1670, 1740)
CIRCLE = {diameter: Shape.of_box(diameter, diameter, diameter, 400) for diameter in (50_00, 65_00)}


def lens(  # noqa: PLR0913 -- a lens has that many things
    shape: Shape,
    power: SpheroCylinder,
    front: int,
    *,
    side: Side = Side.RIGHT,
    dec: tuple[int, int] = (0, 0),
    prism: Prism = NO_PRISM,
    add: int = 0,
    index: int = 1586,
    centre_min: int = 2_00,
    edge_min: int = 1_00,
) -> Solid:
    """Return a solid, with what a test does not care about left out."""
    return solid(
        shape,
        side,
        *dec,
        prescription=power,
        prism=prism,
        add=add,
        front=10 * front,
        index=index,
        centre_min=centre_min,
        edge_min=edge_min,
    )


# ── computed examples of round lenses ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("power", "diameter", "edges"),
    [
        (-5_00, 50_00, (5_400, 5_213, 5_151, 4_825, 4_752, 4_438, 4_190)),
        (-5_00, 65_00, (8_102, 7_727, 7_605, 6_973, 6_834, 6_246, 5_792)),
        (-2_00, 50_00, (3_317, 3_249, 3_226, 3_106, 3_079, 2_961, 2_866)),
    ],
)
def test_edges_of_round_lenses_are_as_computed(power: int, diameter: int, edges: tuple[int, ...]) -> None:
    """F1 +3.50, 2.0 mm in the centre, in seven materials; the solid over a circle has the same edge all round."""
    for index, edge in zip(INDICES, edges, strict=True):
        assert edge_of_round(power, 3_50, index, 2_00, diameter) == edge
        found = lens(CIRCLE[diameter], SpheroCylinder(power), 3_50, index=index)
        assert (found.edge_min, found.edge_max) == (round(edge / 10),) * 2
        assert found.centre == 2_00


def test_the_backs_of_round_lenses_are_as_computed() -> None:
    """-5.00 behind +3.50, 2.0 mm: -8.516 to index 1.586, -8.515 to 1.67, -8.514 at 1.74."""
    backs = [back_surface(-5_00, 3_50, 2_00, index) for index in INDICES]
    assert backs == [-8_516, -8_516, -8_516, -8_516, -8_515, -8_515, -8_514]
    assert lens(CIRCLE[50_00], SpheroCylinder(-5_00), 3_50, index=1498).back_sphere == -8_516


@pytest.mark.parametrize(
    ("diameter", "centres"),
    [
        (65_00, {1498: 5_566, 1586: 4_769, 1600: 4_670, 1670: 4_245, 1740: 3_913}),
        (50_00, {1498: 3_603, 1586: 3_178, 1600: 3_124, 1670: 2_889, 1740: 2_702}),
    ],
)
def test_centres_of_round_lenses_are_as_computed(diameter: int, centres: dict[int, int]) -> None:
    """+4.00 on +8.00 with an edge of 1.0 mm; the solid rounds its centre up to 1/100 mm."""
    for index, centre in centres.items():
        assert centre_of_round(4_00, 8_00, index, 1_00, diameter) == centre
        found = lens(CIRCLE[diameter], SpheroCylinder(4_00), 8_00, index=index)
        assert found.centre == math.ceil(centre / 10)
        assert found.edge_min in (1_00, 1_01)


@pytest.mark.parametrize(("index", "density", "grams"), [(1498, 1_32, 9_48), (1586, 1_20, 7_98), (1670, 1_36, 8_55)])
def test_weights_of_round_lenses_are_as_computed(index: int, density: int, grams: int) -> None:
    """The -5.00 of 50 mm: cap volumes times density, to the 1/100 g that half a cubic millimetre makes."""
    volume = volume_of_round(-5_00, 3_50, index, 2_00, 50_00)
    assert abs(weight(volume, density) - grams) <= 1
    # the polygon of 400 points is smaller than its circle by 4e-5
    assert abs(lens(CIRCLE[50_00], SpheroCylinder(-5_00), 3_50, index=index).volume - volume) <= 1


# ── a real job ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("side", "axis", "thinnest", "thickest"),
    [(Side.RIGHT, 137, (2_00, 315), (3_16, 35)), (Side.LEFT, 16, (1_65, 10), (3_79, 115))],
)
def test_a_real_progressive_pair_comes_out_as_thick_as_its_lab_says(
    real_file: Callable[[str], bytes], side: Side, axis: int, thinnest: tuple[int, int], thickest: tuple[int, int]
) -> None:
    """R360_3.oma: INS* powers and thickness, FRNT, and the private _THN* and _THK*, within 0.13 mm and 5 degrees."""
    file = parse(real_file("R360_3.oma"))
    job = interpret(file)
    trace = (job.right if side is Side.RIGHT else job.left).trace
    assert trace is not None
    values = {record.label: slots(record.value)[0 if side is Side.RIGHT else -1] for record in file.records}
    found = lens(
        Shape.of_trace(trace),
        SpheroCylinder(parse_decimal(values["INSSPH"], 2), parse_decimal(values["INSCYL"], 2), axis),
        parse_decimal(values["FRNT"], 2),
        side=side,
        dec=(4_500, -6_010),
        add=parse_decimal(values["INSADD"], 2),
        index=parse_decimal(values["LIND"], 3),
        centre_min=parse_decimal(values["INSCTHK"], 2),
    )
    assert found.centre == parse_decimal(values["INSCTHK"], 2)
    assert abs(found.edge_min - thinnest[0]) <= 4
    assert abs(found.edge_min_angle - thinnest[1]) <= 5
    assert abs(found.edge_max - thickest[0]) <= 13
    assert abs(found.edge_max_angle - thickest[1]) <= 5


# ── what always holds ─────────────────────────────────────────────────────────────────────────────────────────────────


def outline_of(waves: list[int], side: Side = Side.RIGHT, count: int = 96) -> Trace:
    """Return a smooth trace around 24 mm: waves of rising order, in 1/100 mm."""
    return Trace(
        side,
        tuple(
            2400
            + round(sum(wave * math.cos((order + 2) * 2 * math.pi * index / count) for order, wave in enumerate(waves)))
            for index in range(count)
        ),
    )


traces = st.builds(outline_of, st.lists(st.integers(-150, 150), max_size=3))
powers = st.builds(SpheroCylinder, st.integers(-6_00, 5_00), st.integers(-3_00, 0), st.integers(1, 180))
decs = st.tuples(st.integers(-4_000, 4_000), st.integers(-4_000, 4_000))
prisms = st.builds(Prism, st.integers(-3_00, 3_00), st.integers(-3_00, 3_00))
fronts = st.integers(1_00, 8_00)
minima = st.tuples(st.integers(1_00, 3_00), st.integers(50, 2_50))


@settings(max_examples=60)
@given(traces, powers, fronts, decs, prisms, st.integers(0, 3_00), minima)
def test_both_minima_are_kept_and_no_lens_is_thicker_than_it_has_to_be(
    trace: Trace,
    power: SpheroCylinder,
    front: int,
    dec: tuple[int, int],
    prism: Prism,
    add: int,
    least: tuple[int, int],
) -> None:
    """Centre and edge are never below their minima, and one of them is all but at it."""
    centre_min, edge_min = least
    shape = Shape.of_trace(trace)
    found = lens(shape, power, front, dec=dec, prism=prism, add=add, centre_min=centre_min, edge_min=edge_min)
    assert found.centre >= centre_min
    assert found.edge_max >= found.edge_min >= edge_min
    if found.centre > centre_min and (power.sphere > 0 or prism == NO_PRISM):
        assert found.edge_min <= edge_min + 1


@settings(max_examples=60)
@given(traces, powers, fronts, decs, prisms, st.integers(0, 3_00))
def test_a_mirrored_lens_is_the_same_solid(
    trace: Trace, power: SpheroCylinder, front: int, dec: tuple[int, int], prism: Prism, add: int
) -> None:
    """Right and left of a symmetric pair differ in the direction of their edges alone."""
    image = SpheroCylinder(power.sphere, power.cylinder, 180 - power.axis or 180)
    right = lens(Shape.of_trace(trace), power, front, dec=dec, prism=prism, add=add)
    left = lens(Shape.of_trace(mirrored(trace)), image, front, side=Side.LEFT, dec=dec, prism=prism, add=add)
    for name in ("centre", "edge_min", "edge_max", "volume", "back_sphere", "back_cylinder"):
        assert abs(getattr(left, name) - getattr(right, name)) <= 1


@settings(max_examples=60)
@given(traces, powers, fronts, decs)
def test_a_solid_does_not_depend_on_how_its_power_is_written(
    trace: Trace, power: SpheroCylinder, front: int, dec: tuple[int, int]
) -> None:
    """Plus and minus cylinder are one lens."""
    shape = Shape.of_trace(trace)
    assert lens(shape, transposed(power), front, dec=dec) == lens(shape, power, front, dec=dec)


@settings(max_examples=60)
@given(traces, st.integers(-6_00, 0), st.integers(0, 2_00), fronts, decs)
def test_the_edge_of_a_minus_lens_grows_with_its_power(
    trace: Trace, sphere: int, more: int, front: int, dec: tuple[int, int]
) -> None:
    """Same front, same centre: stronger is thicker at the thickest point, and heavier."""
    shape = Shape.of_trace(trace)
    weak = lens(shape, SpheroCylinder(sphere), front, dec=dec, edge_min=1)
    strong = lens(shape, SpheroCylinder(sphere - more), front, dec=dec, edge_min=1)
    assert strong.edge_max >= weak.edge_max
    assert strong.volume >= weak.volume - 1


@settings(max_examples=60)
@given(traces, st.integers(0, 4_00), st.integers(0, 2_00), fronts, decs)
def test_the_centre_of_a_plus_lens_grows_with_its_power(
    trace: Trace, sphere: int, more: int, front: int, dec: tuple[int, int]
) -> None:
    """Same front, same edge: stronger is thicker in the middle."""
    shape = Shape.of_trace(trace)
    weak, strong = (lens(shape, SpheroCylinder(each), front, dec=dec) for each in (sphere, sphere + more))
    assert strong.centre >= weak.centre


@settings(max_examples=60)
@given(traces, st.integers(-6_00, 5_00), fronts)
def test_a_higher_index_makes_no_lens_thicker(trace: Trace, sphere: int, front: int) -> None:
    """The same power and true front in 1.67 instead of 1.498: thinner at the thickest place, or as thin."""
    shape = Shape.of_trace(trace)
    low, high = (lens(shape, SpheroCylinder(sphere), front, index=index) for index in (1498, 1670))
    assert max(high.centre, high.edge_max) <= max(low.centre, low.edge_max) + 1


@given(st.integers(0, 50_000), st.integers(50, 3_00), st.integers(0, 1_00))
def test_weight_grows_with_density_and_volume(volume: int, density: int, more: int) -> None:
    """Nothing weighs nothing."""
    assert weight(volume, density + more) >= weight(volume, density)
    assert weight(volume + more, density) >= weight(volume, density)
    assert weight(0, density) == 0
    assert weight(10_000, 1_32) == 13_20


@settings(max_examples=60)
@given(traces, st.integers(1, 5_00), decs)
def test_a_prism_thickens_the_side_of_its_base(trace: Trace, amount: int, dec: tuple[int, int]) -> None:
    """A plano with a prism is a wedge: thickest where the base is, by P / (100 (n - 1)) mm for each mm."""
    shape = Shape.of_trace(trace)
    up = lens(shape, SpheroCylinder(0), 0, dec=dec, prism=Prism(0, amount))
    across = up.edge_max - up.edge_min
    assert abs(across - shape.b / 1000 * amount / 100 / 0.586) <= 1.01
    assert 0 < up.edge_max_angle < 180 < up.edge_min_angle
    inward = lens(shape, SpheroCylinder(0), 0, dec=dec, prism=Prism(amount, 0))
    assert math.cos(math.radians(inward.edge_max_angle)) > 0 > math.cos(math.radians(inward.edge_min_angle))


def test_a_minus_lens_with_prism_is_thick_enough_where_it_is_thinnest() -> None:
    """Its optical centre lies inside, off the PRP, and would be thinner than the edge may be."""
    shape = Shape.of_box(50_00, 40_00, None)
    plain = lens(shape, SpheroCylinder(-8_00), 2_00, centre_min=1_00, edge_min=1_00)
    prismatic = lens(shape, SpheroCylinder(-8_00), 2_00, prism=Prism(6_00, 0), centre_min=1_00, edge_min=1_00)
    assert plain.centre == 1_00
    # 6 prism dioptres lie 7.5 mm from the centre of -8.00: 7.5 * 6 / (2 * 58.6) = 0.384 mm less there
    assert 1_36 <= prismatic.centre <= 1_39


def test_prism_thinning_evens_out_a_progressive() -> None:
    """Two thirds of an add of 2.50, base down, bring upper and lower edge closer and the lens down in thickness."""
    shape = Shape.of_box(52_00, 42_00, None)
    plain = lens(shape, SpheroCylinder(2_00), 6_00, add=2_50)
    thinned = lens(shape, SpheroCylinder(2_00), 6_00, add=2_50, prism=Prism(0, -1_67))
    assert thinned.centre < plain.centre - 30
    assert thinned.volume < plain.volume


def test_a_cylinder_shows_on_the_back() -> None:
    """Along the axis the sphere's curve, across it as much more hollow as the cylinder; in tool dioptres as well."""
    found = lens(Shape.of_box(50_00, 40_00, None), SpheroCylinder(-2_00, -1_50, 90), 4_00, index=1498)
    assert (found.back_sphere, found.back_cylinder) == (-6_021, -1_500)
    assert to_hundredths(material_to_tool(found.back_sphere, 1498)) == -6_41
    # the power of an axis at 90 lies along 180: the thick edges are left and right
    assert found.edge_max_angle % 180 in {*range(35), *range(146, 180)}


@pytest.mark.parametrize(
    ("power", "front", "reason"),
    [
        (SpheroCylinder(-20_00), 1_00, "the back surface has a radius of 23.7"),
        (SpheroCylinder(-12_00, -8_00, 90), 1_00, "the back surface has a radius of 23.7"),
        (SpheroCylinder(5_00), 25_00, "the front surface has a radius of 19.92 mm and the lens reaches 25.00 mm"),
    ],
)
def test_a_surface_that_closes_before_the_edge_is_refused(power: SpheroCylinder, front: int, reason: str) -> None:
    """The message says what closes where, and the ways out."""
    with pytest.raises(ImpossibleLensError, match=reason) as refused:
        lens(CIRCLE[50_00], power, front, index=1498)
    assert "choose a smaller frame, a higher index or another front curve" in str(refused.value)


def test_a_front_that_focuses_inside_the_lens_is_refused() -> None:
    """No back surface makes a power of that."""
    with pytest.raises(ImpossibleLensError, match="focus inside the lens"):
        edge_of_round(0, 90_00, 1498, 20_00, 1_00)


def test_a_lens_without_power_is_a_plate() -> None:
    """Plane in front and behind: centre, edges and volume are those of a disc."""
    found = lens(CIRCLE[50_00], SpheroCylinder(0), 0)
    assert (found.centre, found.edge_min, found.edge_max) == (2_00, 2_00, 2_00)
    assert abs(found.volume - 2 * math.pi * 25**2) <= 1
    assert (found.back_sphere, found.back_cylinder) == (0, 0)
