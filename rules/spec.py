"""What is ordered, as the rules see it: the lens, the prescription and the frame, for whose account, and nobody's name.

Every measure is an integer of 1/100 of its unit, or None where it was not given; zero is a value. The names of the
fields are the contract's own (`lensmesh.lims.v1.JobSpec`), so that a violation can say where it belongs.

Nothing is checked here: a spec may say what no lens can be, and it is the decision that says so. So a traced shape is
held as the radii that came in, and becomes an `optics.trace.Trace` when it is decided.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from optics.eyes import Side
from optics.numbers import Hundredths


class Eyes(StrEnum):
    """Which lenses of a pair are made."""

    UNSAID = "unsaid"
    BOTH = "both"
    RIGHT = "right"
    LEFT = "left"


class FrameMaterial(StrEnum):
    """What a frame is made of, as far as edging cares."""

    UNSAID = "unsaid"
    PLASTIC = "plastic"
    METAL = "metal"
    RIMLESS = "rimless"
    OPTYL = "optyl"


class EdgeType(StrEnum):
    """How a lens edge is finished."""

    UNSAID = "unsaid"
    UNCUT = "uncut"
    BEVEL = "bevel"
    RIMLESS = "rimless"
    GROOVE = "groove"
    MINI_BEVEL = "mini-bevel"


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye's prescription and measures: hundredths of dioptres, prism dioptres and millimetres; axis in degrees."""

    sphere: Hundredths | None = None
    cylinder: Hundredths | None = None
    axis: int | None = None
    add: Hundredths | None = None
    prism_horizontal: Hundredths | None = None
    prism_vertical: Hundredths | None = None
    distance_pd: Hundredths | None = None
    near_pd: Hundredths | None = None
    fitting_height: Hundredths | None = None


@dataclass(frozen=True, slots=True)
class Radii:
    """The traced shape of one lens as it came in, unchecked: a tracer's radii, and their angles where it gave them.

    Attributes:
        radii: Hundredths of a millimetre; zero is a point the tracer missed.
        angles: Hundredths of a degree, one for each radius; empty where the radii are spaced evenly from 0.
    """

    radii: tuple[Hundredths, ...]
    angles: tuple[Hundredths, ...] = ()


@dataclass(frozen=True, slots=True)
class Traces:
    """The traced shapes of a frame. Where one side alone was traced, the other lens is its mirror image."""

    right: Radii | None = None
    left: Radii | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame in the boxing system: hundredths of millimetres and degrees; and its shape where it was traced."""

    a: Hundredths | None = None
    b: Hundredths | None = None
    dbl: Hundredths | None = None
    ed: Hundredths | None = None
    wrap: Hundredths | None = None
    panto: Hundredths | None = None
    vertex: Hundredths | None = None
    material: FrameMaterial = FrameMaterial.UNSAID
    edge_type: EdgeType = EdgeType.UNSAID
    traces: Traces = field(default_factory=Traces)


@dataclass(frozen=True, slots=True)
class Lens:
    """The lens by catalog ids; an empty one is not chosen yet."""

    design: str = ""
    material: str = ""
    colour: str = ""
    coatings: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


_SIDES = {
    Eyes.BOTH: (Side.RIGHT, Side.LEFT),
    Eyes.RIGHT: (Side.RIGHT,),
    Eyes.LEFT: (Side.LEFT,),
}


@dataclass(frozen=True, slots=True)
class Spec:
    """What the lab is asked to make, and by which account: the price list and what was agreed follow from it."""

    eyes: Eyes = Eyes.UNSAID
    right: Eye = field(default_factory=Eye)
    left: Eye = field(default_factory=Eye)
    frame: Frame = field(default_factory=Frame)
    lens: Lens = field(default_factory=Lens)
    account: str = ""

    @property
    def sides(self) -> tuple[Side, ...]:
        """The eyes a lens is made for. As long as that is not said: those of which anything is known."""
        return _SIDES.get(self.eyes) or tuple(side for side in Side if self.eye(side) != Eye())

    def eye(self, side: Side) -> Eye:
        """The prescription of one side."""
        return self.right if side is Side.RIGHT else self.left

    def eyes_made(self) -> Iterator[tuple[Side, Eye]]:
        """Yields each eye a lens is made for."""
        for side in self.sides:
            yield side, self.eye(side)
