"""Every function that computes in floats, against the same formula in 40 digits.

Rounded results have to be the nearest value of their lattice. Where a reference lies within 1e-6 of a tie, either side
is right.
"""

import random
from dataclasses import dataclass

import numpy as np
import pytest
from mpmath import mp, mpf  # type: ignore[import-untyped]

from optics.eyes import Side
from optics.layout import minimum_blank, minimum_blank_by_formula
from optics.power import (
    SpheroCylinder,
    combined,
    minus_cylinder,
    power_at,
    power_matrix,
    power_vector,
    strongest,
    tilted,
    vertex_power,
)
from optics.prism import Prism, base_setting, prentice
from optics.shape import Shape
from optics.surfaces import (
    back_surface,
    back_vertex_power,
    equivalent_power,
    front_vertex_power,
    material_to_tool,
    radius,
    sagitta,
    sagitta_approximate,
    tool_to_material,
)
from optics.thickness import ADD_LENGTH, centre_of_round, edge_of_round, solid, volume_of_round
from optics.trace import Trace

CASES = 300
TIE = mpf("0.500001")


@pytest.fixture(autouse=True)
def forty_digits() -> None:
    """Compute the references in 40 digits."""
    mp.dps = 40


@pytest.fixture
def chance() -> random.Random:
    """Return the same chance every time."""
    return random.Random(1530)  # noqa: S311 -- no secret


def nearest(value: int, reference: mpf) -> bool:
    """Tell whether an integer is the nearest to a reference."""
    return bool(abs(reference - value) <= TIE)


def any_power(chance: random.Random) -> SpheroCylinder:
    """Return some power a lens may have."""
    return SpheroCylinder(chance.randint(-20_00, 20_00), chance.randint(-8_00, 8_00), chance.randint(1, 180))


def exact_matrix(power: SpheroCylinder) -> tuple[mpf, mpf, mpf]:
    """Return xx, xy and yy of the power matrix in dioptres."""
    angle, sphere, cylinder = mp.radians(power.axis), mpf(power.sphere) / 100, mpf(power.cylinder) / 100
    sine, cosine = mp.sin(angle), mp.cos(angle)
    return sphere + cylinder * sine**2, -cylinder * sine * cosine, sphere + cylinder * cosine**2


def test_powers_along_meridians(chance: random.Random) -> None:
    """To the nearest 1/1000 D."""
    for _ in range(CASES):
        power, meridian = any_power(chance), chance.randint(0, 180)
        exact = 10 * (power.sphere + power.cylinder * mp.sin(mp.radians(meridian - power.axis)) ** 2)
        assert nearest(power_at(power, meridian), exact)


def test_vectors_and_matrices(chance: random.Random) -> None:
    """To 1e-12 D."""
    for _ in range(CASES):
        power = any_power(chance)
        half, angle = mpf(power.cylinder) / 200, mp.radians(2 * power.axis)
        exact = (mpf(power.sphere) / 100 + half, -half * mp.cos(angle), -half * mp.sin(angle))
        assert all(abs(mpf(one) - other) < mpf("1e-12") for one, other in zip(power_vector(power), exact, strict=True))
        assert all(
            abs(mpf(one) - other) < mpf("1e-12")
            for one, other in zip(power_matrix(power), exact_matrix(power), strict=True)
        )


def test_combined_powers(chance: random.Random) -> None:
    """The eigenvalues of the summed matrices, each to the nearest 1/100 D, and the axis to the nearest degree."""
    for _ in range(CASES):
        first, second = any_power(chance), any_power(chance)
        xx, xy, yy = (a + b for a, b in zip(exact_matrix(first), exact_matrix(second), strict=True))
        middle, spread = (xx + yy) / 2, mp.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        found = combined(first, second)
        assert nearest(found.sphere, 100 * (middle + spread))
        assert nearest(found.sphere + found.cylinder, 100 * (middle - spread))
        # the minus cylinder's axis is the direction of the higher power
        axis = mp.degrees(mp.atan2(middle + spread - xx, xy)) if xy else mpf(180 if xx >= yy else 90)
        if found.cylinder:
            way = (axis - found.axis) % 180
            assert min(way, 180 - way) <= TIE


def test_the_axis_of_a_vector(chance: random.Random) -> None:
    """To 1e-10 degrees, if there is a cylinder worth an axis."""
    for _ in range(CASES):
        power = any_power(chance)
        if abs(power.cylinder) >= 1:
            axis = minus_cylinder(power_vector(power))[2]
            way = (axis - power.axis - (90 if power.cylinder > 0 else 0)) % 180
            assert min(way, 180 - way) < 1e-10


def test_vertex_powers(chance: random.Random) -> None:
    """To the nearest 1/1000 D."""
    for _ in range(CASES):
        power, was, becomes = chance.randint(-25_00, 20_00), chance.randint(0, 20_00), chance.randint(0, 20_00)
        dioptres = mpf(power) / 100
        assert nearest(
            vertex_power(power, was, becomes), 1000 * dioptres / (1 - mpf(was - becomes) / 100_000 * dioptres)
        )


def test_tilted_spheres(chance: random.Random) -> None:
    """To the nearest 1/1000 D."""
    for _ in range(CASES):
        sphere, tilt, index = chance.randint(-20_00, 20_00), chance.randint(0, 25_00), chance.randint(1400, 1900)
        found, angle = tilted(sphere, tilt, index), mp.radians(mpf(tilt) / 100)
        assert nearest(found.sphere, 10 * sphere * (1 + mp.sin(angle) ** 2 / (2 * mpf(index) / 1000)))
        assert nearest(found.cylinder, 10 * sphere * mp.tan(angle) ** 2)


def test_prentices_rule(chance: random.Random) -> None:
    """To the nearest 1/1000 prism dioptre."""
    for _ in range(CASES):
        power, right, up = any_power(chance), chance.randint(-30_000, 30_000), chance.randint(-30_000, 30_000)
        (xx, xy, yy), found = exact_matrix(power), prentice(power, right, up)
        assert nearest(found.right, (xx * right + xy * up) / 10)
        assert nearest(found.up, (xy * right + yy * up) / 10)


def test_polar_forms_of_prism(chance: random.Random) -> None:
    """To the nearest 1/100 prism dioptre and 1/100 degree."""
    for _ in range(CASES):
        prism = Prism(chance.randint(-20_00, 20_00), chance.randint(-20_00, 20_00))
        found = base_setting(Side.RIGHT, prism)
        assert nearest(found.magnitude, mp.sqrt(prism.horizontal**2 + prism.vertical**2))
        angle = 100 * mp.degrees(mp.atan2(prism.vertical, prism.horizontal))
        way = (angle - found.direction) % 36_000
        assert min(way, 36_000 - way) <= TIE


def test_surfaces(chance: random.Random) -> None:
    """Radii, sagittas, tool curves and vertex powers, each to the nearest of its lattice."""
    for _ in range(CASES):
        front, back = chance.randint(1, 12_00), chance.randint(-15_00, 15_00)
        index, thickness, half = chance.randint(1400, 1900), chance.randint(0, 15_00), chance.randint(0, 25_000)
        n, f1, f2 = mpf(index) / 1000, mpf(front) / 100, mpf(back) / 100
        reduced = mpf(thickness) / 100_000 / n
        bent = f1 / (1 - reduced * f1)
        r, h = 1000 * (n - 1) / f1, mpf(half) / 1000
        assert nearest(radius(front, index), 1000 * r)
        assert nearest(sagitta(front, index, half), 1000 * (r - mp.sqrt(r**2 - h**2)))
        assert nearest(sagitta_approximate(front, index, half), 1000 * h**2 * f1 / (2000 * (n - 1)))
        assert nearest(material_to_tool(front, index), 100 * f1 * mpf("0.53") / (n - 1))
        assert nearest(tool_to_material(front, index), 100 * f1 * (n - 1) / mpf("0.53"))
        assert nearest(back_vertex_power(front, back, thickness, index), 1000 * (bent + f2))
        assert nearest(front_vertex_power(front, back, thickness, index), 1000 * (f2 / (1 - reduced * f2) + f1))
        assert nearest(equivalent_power(front, back, thickness, index), 1000 * (f1 + f2 - reduced * f1 * f2))
        assert nearest(back_surface(back, front, thickness, index), 1000 * (f2 - bent))


@dataclass(frozen=True)
class ReferenceRound:
    """A round lens in 40 digits, with radii instead of curvatures."""

    power: mpf
    front: mpf
    n: mpf
    half: mpf

    def depths(self, centre: mpf) -> tuple[mpf, mpf]:
        """Return the depths of front and back."""
        behind = self.front / (1 - centre / 1000 / self.n * self.front) - self.power
        return self._depth(self.front), self._depth(behind)

    def _depth(self, dioptres: mpf) -> mpf:
        if not dioptres:
            return mpf(0)
        r = 1000 * (self.n - 1) / dioptres
        return r - mp.sign(r) * mp.sqrt(r**2 - self.half**2)

    def edge(self, centre: mpf) -> mpf:
        """Return the edge thickness."""
        in_front, behind = self.depths(centre)
        return centre + behind - in_front

    def centre(self, edge: mpf) -> mpf:
        """Return the centre thickness that makes an edge."""
        return mp.findroot(lambda centre: self.edge(centre) - edge, mpf(5), tol=mpf("1e-24"), solver="secant")

    def volume(self, centre: mpf) -> mpf:
        """Return the volume between the caps."""
        in_front, behind = (mp.pi * depth * (3 * self.half**2 - depth**2) / 6 for depth in self.depths(centre))
        return mp.pi * self.half**2 * centre + behind - in_front


def test_round_lenses(chance: random.Random) -> None:
    """Edge and centre to the nearest 1/1000 mm, the volume to the nearest mm3."""
    for _ in range(CASES):
        power, front = chance.randint(-8_00, 6_00), chance.randint(50, 9_00)
        index, least, diameter = chance.randint(1490, 1750), chance.randint(1_00, 4_00), chance.randint(40_00, 60_00)
        exact = ReferenceRound(mpf(power) / 100, mpf(front) / 100, mpf(index) / 1000, mpf(diameter) / 200)
        thickness = mpf(least) / 100
        assert nearest(edge_of_round(power, front, index, least, diameter), 1000 * exact.edge(thickness))
        assert nearest(volume_of_round(power, front, index, least, diameter), exact.volume(thickness))
        centre = 1000 * exact.centre(thickness)
        assert abs(centre - centre_of_round(power, front, index, least, diameter)) <= TIE + mpf("1e-3")


@dataclass(frozen=True)
class ReferenceLens:
    """A lens in 40 digits: the surfaces as circles swept along circles, with radii instead of curvatures."""

    power: SpheroCylinder
    front: mpf
    n: mpf
    slope: tuple[mpf, mpf]
    add: mpf

    def thickness(self, x: mpf, y: mpf, centre: mpf) -> mpf:
        """Return the thickness at a place about the PRP."""
        angle = mp.radians(self.power.axis)
        behind = self.front / (1 - centre / 1000 / self.n * self.front)
        along, across = (1000 * (self.n - 1) / (behind - mpf(each) / 100) for each in self.principal())
        s, q = x * mp.cos(angle) + y * mp.sin(angle), y * mp.cos(angle) - x * mp.sin(angle)
        circle = across - mp.sign(across) * mp.sqrt(across**2 - q**2)
        back = along - mp.sign(along) * mp.sqrt((along - circle) ** 2 - s**2)
        r = 1000 * (self.n - 1) / self.front
        front = r - mp.sqrt(r**2 - x**2 - y**2)
        wedge = self.slope[0] * x + self.slope[1] * y
        return centre + back - front + wedge - self.add / (1000 * (self.n - 1)) * self.rise(x, -y)

    def principal(self) -> tuple[int, int]:
        """Return the powers along and across the axis, in 1/100 D."""
        return self.power.sphere, self.power.sphere + self.power.cylinder

    @staticmethod
    def rise(x: mpf, down: mpf) -> mpf:
        """Return the add's rise: curvature integrated twice downwards, and times half the square sideways."""
        length = mpf(ADD_LENGTH)
        if down <= 0:
            return mpf(0)
        if down <= length:
            return down**3 / (6 * length) + down / length * x**2 / 2
        slope, height, rest = length / 2, length**2 / 6, down - length
        return height + slope * rest + rest**2 / 2 + x**2 / 2


SOLIDS = [
    # power, front, index, prism, add, (in, up)
    (SpheroCylinder(-3_75, -1_25, 30), 4_12, 1586, Prism(0, 0), 0, (3_000, 2_000)),
    (SpheroCylinder(4_00, -2_50, 100), 7_20, 1498, Prism(0, -1_33), 2_00, (2_500, -4_000)),
    (SpheroCylinder(-50, -1_25, 140), 5_46, 1498, Prism(50, 0), 1_25, (4_500, -6_010)),
    (SpheroCylinder(-9_00, -4_00, 75), 1_50, 1740, Prism(0, 2_00), 0, (-2_000, 1_000)),
    (SpheroCylinder(6_00), 9_50, 1600, Prism(0, 0), 3_50, (0, 0)),
    (SpheroCylinder(-11_00, 0, 180), 2_00, 1498, Prism(0, 0), 0, (0, 0)),  # outline at 0.68 of the back's radius
]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("power", "front", "index", "prism", "add", "dec"), SOLIDS)
def test_solids(
    side: Side, power: SpheroCylinder, front: int, index: int, prism: Prism, add: int, dec: tuple[int, int]
) -> None:
    """Centre and edges to the nearest 1/100 mm, surfaces to 1/1000 D, the volume to 1e-4 of it, 5e-4 with an add."""
    shape = Shape.of_box(50_00, 38_00, 53_00, 24)
    found = solid(
        shape,
        side,
        *dec,
        prescription=power,
        prism=prism,
        add=add,
        front=10 * front,
        index=index,
        centre_min=1_50,
        edge_min=1_00,
    )
    nose = 1 if side is Side.RIGHT else -1
    n = mpf(index) / 1000
    per_prism = 1 / (10_000 * (n - 1))
    lens = ReferenceLens(
        power,
        mpf(front) / 100,
        n,
        (nose * prism.horizontal * per_prism, prism.vertical * per_prism),
        mpf(add) / 100,
    )
    place = mpf(nose * dec[0]) / 1000, mpf(dec[1]) / 1000
    points = [(mpf(x) - place[0], mpf(y) - place[1]) for x, y in zip(shape.x.tolist(), shape.y.tolist(), strict=True)]

    def thinnest(centre: mpf) -> mpf:
        return min(lens.thickness(x, y, centre) for x, y in points)

    needed = mpf("1.5")
    if thinnest(needed) < 1:
        needed = mp.findroot(lambda centre: thinnest(centre) - 1, (mpf(2), mpf(8)), solver="anderson", tol=mpf("1e-24"))
    assert found.centre == int(mp.ceil(100 * needed - mpf("1e-4")))
    centre = mpf(found.centre) / 100
    edges = [lens.thickness(x, y, centre) for x, y in points]
    assert nearest(found.edge_min, 100 * min(edges))
    assert nearest(found.edge_max, 100 * max(edges))
    behind = lens.front / (1 - centre / 1000 / n * lens.front)
    assert nearest(found.back_sphere, 10 * power.sphere - 1000 * behind)
    assert nearest(found.back_sphere + found.back_cylinder, 10 * (power.sphere + power.cylinder) - 1000 * behind)
    volume = volume_over(shape, lambda x, y: float(lens.thickness(mpf(x) - place[0], mpf(y) - place[1], centre)))
    assert abs(found.volume - volume) <= 0.5 + (5e-4 if add else 1e-4) * volume


def volume_over(shape: Shape, thickness: object) -> float:
    """Return the integral over the polygon, triangle by triangle, with eight nodes each way."""
    assert callable(thickness)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    steps = [((1 + node) / 2, weight / 2) for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True)]
    points = list(zip(shape.x.tolist(), shape.y.tolist(), strict=True))
    total = 0.0
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        cross = ax * by - ay * bx
        for u, u_weight in steps:
            for v, v_weight in steps:
                x, y = u * (ax + v * (bx - ax)), u * (ay + v * (by - ay))
                total += cross * u * u_weight * v_weight * thickness(x, y)
    return total


def test_blanks(chance: random.Random) -> None:
    """To the nearest 1/1000 mm, and the formula to the next."""
    for _ in range(60):
        radii = tuple(chance.randint(20_00, 30_00) for _ in range(36))
        dec_in, dec_up = chance.randint(-10_000, 10_000), chance.randint(-10_000, 10_000)
        points = [
            (radius * mp.cos(mp.radians(10 * number)) / 100, radius * mp.sin(mp.radians(10 * number)) / 100)
            for number, radius in enumerate(radii)
        ]
        middle = [
            (min(point[axis] for point in points) + max(point[axis] for point in points)) / 2 for axis in range(2)
        ]
        exact = max(mp.hypot(x - middle[0] + mpf(dec_in) / 1000, y - middle[1] - mpf(dec_up) / 1000) for x, y in points)
        shape = Shape.of_trace(Trace(Side.LEFT, radii))
        assert nearest(minimum_blank(shape, Side.LEFT, dec_in, dec_up), 2000 * exact)
        assert minimum_blank_by_formula(shape.ed, dec_in, dec_up) == shape.ed + int(
            mp.ceil(2 * mp.hypot(dec_in, dec_up))
        )


def test_the_strongest_power_is_the_larger_end_of_all_meridians(chance: random.Random) -> None:
    """No meridian has more; one of the principal ones has as much."""
    for _ in range(CASES):
        power = any_power(chance)
        assert max(abs(power_at(power, each)) for each in range(1, 181)) == 10 * strongest(power)
