"""What can be ordered from a lab, with the tables that decide it: frozen, complete and consistent.

Made by `load`, which lets nothing through that refers to what is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from optics.numbers import Hundredths, Thousandths
from rules.tables import Chosen, DesignType, Limit, Requirement, Route, Station, Step


@dataclass(frozen=True, slots=True)
class PartnerCode:
    """A partner's name for an entry, as it stands in a DCS record.

    Attributes:
        label: DCS label ("LNAM").
        code: The value of the record.
    """

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be ordered.

    Attributes:
        id: Catalog id; stable across revisions.
        name: Name for people.
        partner_codes: The names partners know it by.
    """

    id: str
    name: str
    partner_codes: tuple[PartnerCode, ...] = ()


@dataclass(frozen=True, slots=True)
class Design(Entry):
    """A lens design, its kind and the materials it is made in."""

    type: DesignType = DesignType.SINGLE_VISION
    materials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Material(Entry):
    """A lens material: its refractive index in 1/1000, at a reference wavelength in 1/100 nm."""

    index: Thousandths = 0
    wavelength: Hundredths = 0


@dataclass(frozen=True, slots=True)
class Colour(Entry):
    """A colour and the materials it comes in; no material means all of them."""

    materials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coating(Entry):
    """A coating; of one `group` a lens carries one at most. An empty group clashes with nothing."""

    group: str = ""


@dataclass(frozen=True, slots=True)
class Option(Entry):
    """Something done to a lens on request, and the kinds of design it is done to; none means all of them."""

    design_types: tuple[DesignType, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything of one revision, by id and in the order in which the engineer wrote it."""

    designs: Mapping[str, Design]
    materials: Mapping[str, Material]
    colours: Mapping[str, Colour]
    coatings: Mapping[str, Coating]
    options: Mapping[str, Option]
    stations: Mapping[str, Station]
    routes: tuple[Route, ...]
    requirements: tuple[Requirement, ...]
    limits: tuple[Limit, ...]
    steps: tuple[Step, ...]

    def route(self, chosen: Chosen) -> tuple[str, ...]:
        """Returns the stations of a lens by id, in order.

        A loaded catalog has a route for every design, material and edge type.
        """
        return next(route.stations for route in self.routes if route.when.chosen(chosen))
