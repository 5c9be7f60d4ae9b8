"""The lens as a solid: how thick it is in the middle and all along its edge, and what it weighs.

The solid lies between a spherical front surface and a toric back surface, both with their poles at the prism reference
point (PRP), and ends at the outline of the lens. Thickness is measured parallel to the axis there, as a caliper does:

    thickness = centre + depth of the back surface - depth of the front surface + prism's wedge - rise of the add

    back surface   what remains of the prescription behind the front surface, F - F1 / (1 - (t/n) F1), in each principal
                   meridian; a torus, the more hollow circle swept along the other one
    prism          thickens the lens towards its base by P / (100 (n - 1)) mm for each mm
    add            bends the lens below the PRP by one more curve, growing evenly over `ADD_LENGTH` to all of the add:
                   the surface around the umbilic of a progressive (G. Minkwitz, 1963), carried on to the edge

Back surface and centre thickness depend on each other: a thicker lens needs a more hollow back, which makes a thicker
edge. The thinnest lens that keeps both minima is found by a secant iteration, the centre is rounded up to 1/100 mm, and
everything told of the solid belongs to that centre.

A round lens needs no outline and has closed forms; they stand beside the general one.

Not modelled: the bevel, the design of a progressive away from its umbilic, lenticular edges. A lens that would need the
last, because a surface closes before it reaches the outline, is refused (`ImpossibleLensError`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from optics.eyes import Side
from optics.layout import reference_point
from optics.numbers import Hundredths, Thousandths, round_half_away, round_ratio
from optics.power import SpheroCylinder, minus_form
from optics.prism import Prism
from optics.shape import Floats, Shape

ADD_LENGTH = 14.0
"""Over how many millimetres below the PRP an add is taken to come in: the corridor of a common progressive."""

_AIR: Thousandths = 1000

# An iteration ends when the centre is known to this many millimetres, far within the 1/100 it is rounded up to.
_CLOSE = 1e-6
_STEPS = 30


class ImpossibleLensError(ValueError):
    """No lens has this power, front curve and outline: a surface closes before it reaches the edge."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A lens, edged. Thicknesses in hundredths of a millimetre; angles as those of a trace, about the box centre."""

    centre: Hundredths
    """Thickness at the PRP."""
    edge_min: Hundredths
    """Where the edge is thinnest: its thickness, and the direction in degrees, 0 to 359."""
    edge_min_angle: int
    edge_max: Hundredths
    """Where the edge is thickest."""
    edge_max_angle: int
    volume: Thousandths
    """In thousandths of a cubic centimetre, that is in cubic millimetres."""
    back_sphere: Thousandths
    """True power of the back surface along the axis of the prescription in minus form, in thousandths of a dioptre, so
    that a curve in another index can be rounded once; negative is hollow."""
    back_cylinder: Thousandths
    """How much more hollow it is across that axis; zero or negative."""


class _Lens(NamedTuple):
    """A lens without its thickness, in millimetres, their reciprocals, and radians."""

    along: float
    """Curvature the prescription has along its axis, and across it."""
    across: float
    front: float
    """Curvature of the front surface."""
    shift: float
    """By which part of itself the front's curvature reaches the back sooner, for each mm of thickness: F1 / n."""
    cosine: float
    sine: float
    add: float
    """Curvature the add brings."""
    wedge_x: float
    """Gain in thickness for each mm to the viewer's right, and upwards."""
    wedge_y: float


class _Places(NamedTuple):
    """Points of a lens about the PRP, and what of their thickness does not depend on the centre's."""

    along: Floats
    """Squared distances from the meridians across and along the axis."""
    across: Floats
    rest: Floats
    """Wedge less depth of the front less rise of the add."""


def solid(  # noqa: PLR0913 -- shape, place, power and minima: each is a thing of its own
    shape: Shape,
    side: Side,
    dec_in: Thousandths,
    dec_up: Thousandths,
    *,
    prescription: SpheroCylinder,
    prism: Prism,
    add: Hundredths,
    front: Thousandths,
    index: Thousandths,
    centre_min: Hundredths,
    edge_min: Hundredths,
) -> Solid:
    """Return the thinnest lens that is `centre_min` thick at its PRP and nowhere along its edge less than `edge_min`.

    With a prism the thinnest point of a minus lens lies off the PRP; the inside is then kept to `edge_min` as well.

    Thicknesses are those of the module's model at the points of the outline, correct to the rounding (float error
    1e-6 mm). The volume is that over the polygon, to 1e-4 of itself where the outline stays within 2/3 of the surfaces'
    radii (5e-4 with an add), and to 2e-3 within 9/10. Beside the thicknesses a real laboratory computed for a
    progressive pair, the model is within 0.13 mm.

    Args:
        shape: the outline, about its box centre.
        side: the eye; inwards is to the viewer's right on the right lens.
        dec_in: where the PRP lies from the box centre, inwards.
        dec_up: the same upwards.
        prescription: the back vertex power.
        prism: all prism there is at the PRP, thinning included.
        add: of a multifocal or progressive, 0 without.
        front: true power of the front surface in the material, in thousandths of a dioptre.
        index: refractive index in thousandths.
        centre_min: least thickness at the PRP, hundredths of a millimetre.
        edge_min: least thickness of the edge.

    Raises:
        ImpossibleLensError: a surface closes before it reaches the outline.
    """
    lens = _lens(side, prescription, prism, add, front, index)
    x, y = reference_point(side, dec_in, dec_up)
    edge = _places(lens, shape.x - x, shape.y - y)
    inside = _places(lens, shape.nodes.x - x, shape.nodes.y - y)
    kept = (edge, inside) if _is_thinnest_inside(lens, centre_min / 100) else (edge,)

    def needed(thickness: float) -> float:
        return edge_min / 100 - min(float(_less_centre(lens, each, thickness).min()) for each in kept)

    centre = _thinnest(centre_min, needed)
    thickness = centre / 100
    along_edge = _less_centre(lens, edge, thickness)
    thin, thick = int(along_edge.argmin()), int(along_edge.argmax())
    volume = float(shape.nodes.weight @ (_less_centre(lens, inside, thickness) + thickness))
    along, across = _back(lens, thickness)
    dioptres = 1000 * (index - _AIR)  # of curvature in 1/mm, in thousandths
    back_sphere = round_half_away(-along * dioptres)
    return Solid(
        centre=centre,
        edge_min=round_half_away(100 * (thickness + float(along_edge[thin]))),
        edge_min_angle=_angle(shape, thin),
        edge_max=round_half_away(100 * (thickness + float(along_edge[thick]))),
        edge_max_angle=_angle(shape, thick),
        volume=round_half_away(volume),
        back_sphere=back_sphere,
        back_cylinder=round_half_away(-across * dioptres) - back_sphere,
    )


def weight(volume: Thousandths, density: Hundredths) -> Hundredths:
    """Return what a lens weighs, in hundredths of a gram; exact to the half unit.

    Args:
        volume: in thousandths of a cubic centimetre.
        density: in hundredths of a gram per cubic centimetre.
    """
    return round_ratio(volume * density, 1000)


def edge_of_round(
    power: Hundredths, front: Hundredths, index: Thousandths, centre: Hundredths, diameter: Hundredths
) -> Thousandths:
    """Return the edge thickness of a round spherical lens in 1/1000 mm, exact to the half unit (float error 1e-9 mm).

    Centre + depth of the back - depth of the front, for the back that makes the power at this centre thickness.

    Args:
        power: back vertex power.
        front: true power of the front surface.
        index: refractive index in thousandths.
        centre: thickness in the centre, hundredths of a millimetre.
        diameter: of the lens.

    Raises:
        ImpossibleLensError: a surface closes before it reaches the edge.
    """
    lens = _round_lens(power, front, index)
    return round_half_away(10 * centre + 1000 * _edge_less_centre(lens, centre / 100, diameter / 200))


def centre_of_round(
    power: Hundredths, front: Hundredths, index: Thousandths, edge: Hundredths, diameter: Hundredths
) -> Thousandths:
    """Return the centre thickness that gives a round spherical lens its edge, in 1/1000 mm (to 1e-6 mm, then rounded).

    Args and errors as `edge_of_round`, `edge` being the thickness there.
    """
    lens = _round_lens(power, front, index)

    def needed(thickness: float) -> float:
        return edge / 100 - _edge_less_centre(lens, thickness, diameter / 200)

    return round_half_away(1000 * _root(0.0, needed(0.0), needed))


def volume_of_round(
    power: Hundredths, front: Hundredths, index: Thousandths, centre: Hundredths, diameter: Hundredths
) -> Thousandths:
    """Return the volume of a round spherical lens in cubic millimetres, from the two caps in closed form.

    Exact to the half unit (float error 1e-6 mm3). Args and errors as `edge_of_round`.
    """
    lens = _round_lens(power, front, index)
    half = diameter / 200
    hollow = _under_cap(_back(lens, centre / 100)[0], half) - _under_cap(lens.front, half)
    return round_half_away(math.pi * half * half * centre / 100 + hollow)


# ── the surfaces ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _lens(
    side: Side, prescription: SpheroCylinder, prism: Prism, add: Hundredths, front: Thousandths, index: Thousandths
) -> _Lens:
    power = minus_form(prescription)
    per_dioptre = 1 / (100 * (index - _AIR))  # curvature in 1/mm of 1/100 D
    axis = math.radians(power.axis)
    wedge = 1 / (10 * (index - _AIR))  # 1/100 prism dioptre in mm for each mm
    return _Lens(
        along=power.sphere * per_dioptre,
        across=(power.sphere + power.cylinder) * per_dioptre,
        front=front * per_dioptre / 10,
        shift=front / (1000 * index),
        cosine=math.cos(axis),
        sine=math.sin(axis),
        add=add * per_dioptre,
        wedge_x=(prism.horizontal if side is Side.RIGHT else -prism.horizontal) * wedge,
        wedge_y=prism.vertical * wedge,
    )


def _round_lens(power: Hundredths, front: Hundredths, index: Thousandths) -> _Lens:
    return _lens(Side.RIGHT, SpheroCylinder(power), Prism(0, 0), 0, 10 * front, index)


def _back(lens: _Lens, thickness: float) -> tuple[float, float]:
    """Return the curvatures of the back surface, hollow ones positive, along and across the axis."""
    rest = 1 - lens.shift * thickness
    if rest <= 0:
        raise ImpossibleLensError("the front surface has its focus inside the lens: choose a flatter one")
    front = lens.front / rest
    return front - lens.along, front - lens.across


def _places(lens: _Lens, x: Floats, y: Floats) -> _Places:
    along = lens.cosine * x + lens.sine * y
    across = lens.cosine * y - lens.sine * x
    along *= along
    across *= across
    rest = _sphere_depth(-lens.front, along + across)
    if lens.wedge_x or lens.wedge_y:
        rest += lens.wedge_x * x + lens.wedge_y * y
    if lens.add:
        rest -= lens.add * _rise_of_add(x, y)
    return _Places(along, across, rest)


def _sphere_depth(curvature: float, squares: Floats) -> Floats:
    """Return the depth of a sphere at squared distances from its pole, in the form that holds for a plane as well."""
    root = 1 - (curvature * curvature) * squares
    if float(root.min()) <= 0:
        raise ImpossibleLensError(_closes("front", curvature, squares))
    np.sqrt(root, out=root)
    root += 1
    depth: Floats = curvature * squares
    depth /= root
    return depth


def _less_centre(lens: _Lens, places: _Places, thickness: float) -> Floats:
    """Return thickness at some places less that in the centre, for a lens of this thickness in the centre.

    The back is a torus: a circle of curvature c across the axis, q from it, is z = c q2 / (1 + sqrt(1 - c2 q2)) deep;
    swept along a circle of curvature a it is (z (2 - a z) + a s2) / (1 + sqrt((1 - a z)2 - a2 s2)) deep at s.
    """
    a, c = _back(lens, thickness)
    root = 1 - (c * c) * places.across
    if float(root.min()) <= 0:
        raise ImpossibleLensError(_closes("back", c, places.across))
    np.sqrt(root, out=root)
    root += 1
    circle: Floats = c * places.across
    circle /= root
    left = 1 - a * circle
    swept = left * left
    swept -= (a * a) * places.along
    if float(swept.min()) <= 0:
        raise ImpossibleLensError(_closes("back", a, places.along))
    np.sqrt(swept, out=swept)
    swept += 1
    left += 1  # 2 - a z
    circle *= left
    circle += a * places.along
    circle /= swept
    circle += places.rest
    return circle


def _is_thinnest_inside(lens: _Lens, thickness: float) -> bool:
    """Tell whether the thinnest point may be neither the PRP nor on the edge: a minus lens with a prism.

    A lens that is plus in any meridian bulges there, and is thinnest on its edge.
    """
    return bool(lens.wedge_x or lens.wedge_y) and min(_back(lens, thickness)) > lens.front


def _closes(surface: str, curvature: float, squares: Floats) -> str:
    reach = math.sqrt(float(squares.max()))
    return (
        f"the {surface} surface has a radius of {abs(1 / curvature):.2f} mm and the lens reaches {reach:.2f} mm from "
        f"the pole: choose a smaller frame, a higher index or another front curve"
    )


def _rise_of_add(x: Floats, y: Floats) -> Floats:
    """Return the depth of a surface whose curvature grows from 0 at the PRP to 1 at `ADD_LENGTH` below it.

    Along the umbilic it is the double integral of that curvature, and beside it curvature times x2/2.
    """
    down = np.maximum(-y, 0)
    past = np.maximum(down - ADD_LENGTH, 0)
    grown = np.minimum(down, ADD_LENGTH)
    umbilic = grown * grown * grown / (6 * ADD_LENGTH) + past * (ADD_LENGTH + past) / 2
    rise: Floats = umbilic + grown * x * x / (2 * ADD_LENGTH)
    return rise


def _edge_less_centre(lens: _Lens, thickness: float, half: float) -> float:
    places = _places(lens, np.array([half]), np.zeros(1))
    return float(_less_centre(lens, places, thickness)[0])


def _under_cap(curvature: float, half: float) -> float:
    """Return the volume between a sphere and the plane through its pole, out to `half`: pi s (3 h2 - s2) / 6."""
    depth = float(_sphere_depth(curvature, np.array([half * half]))[0])
    return math.pi * depth * (3 * half * half - depth * depth) / 6


# ── the thinnest lens ─────────────────────────────────────────────────────────────────────────────────────────────────


def _thinnest(centre_min: Hundredths, needed: Callable[[float], float]) -> Hundredths:
    """Return the least centre not below `centre_min` nor below what is `needed` at that very centre, rounded up."""
    start = centre_min / 100
    first = needed(start)
    if first <= start:
        return centre_min
    return math.ceil(100 * _root(start, first, needed) - 200 * _CLOSE)


def _root(start: float, first: float, needed: Callable[[float], float]) -> float:
    """Return the thickness that is just what is needed at that thickness; `first` is what is needed at the `start`.

    What is needed falls slowly as the thickness grows (a thicker lens has a more hollow back), so the difference is
    nearly straight and the secant through two of its points all but hits.
    """
    before, lacking_before, here = start, first - start, first
    for _ in range(_STEPS):
        lacking = needed(here) - here
        if abs(lacking) < _CLOSE:
            return here
        before, lacking_before, here = (
            here,
            lacking,
            here - lacking * (here - before) / (lacking - lacking_before),
        )
    raise ImpossibleLensError("no thickness gives this lens its edge: choose another front curve")


def _angle(shape: Shape, point: int) -> int:
    return round_half_away(math.degrees(math.atan2(float(shape.y[point]), float(shape.x[point])))) % 360
