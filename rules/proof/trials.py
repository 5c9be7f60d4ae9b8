"""Orders that are tried before the solver is asked: near those that were accepted, with one thing otherwise.

They find nothing out: what none of them shows may be all the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

from rules.catalog import Catalog
from rules.spec import EdgeType, Eyes, Frame, FrameMaterial, Lens, Spec
from rules.tables import OneOf

_BOXES = (
    {"a": 50_00, "b": 36_00, "distance_pd": 31_00},
    {"a": 55_00, "b": 44_00, "distance_pd": 31_00},
    {"a": 58_00, "b": 42_00, "distance_pd": 31_00},
    {"a": 70_00, "b": 52_00, "distance_pd": 42_00},
    {"a": 38_00, "b": 28_00, "distance_pd": 26_00},
)
_POWERS = (-1_00, -6_00, -8_00, -12_00, -18_00, 2_00, 4_00, 6_00, 8_00, 12_00)


def nearby(accepted: Mapping[tuple[str, str], Spec], catalog: Catalog) -> Iterator[Spec]:
    """Yields, for one order of each design that is accepted, orders with one thing otherwise."""
    first: dict[str, Spec] = {}
    for spec in accepted.values():
        first.setdefault(spec.lens.design, spec)
    for spec in first.values():
        yield from _of_other_lens(spec, catalog)
        yield from _of_other_order(spec, catalog)


def trials(accepted: Mapping[tuple[str, str], Spec]) -> Iterator[Spec]:
    """Yields the orders that are accepted when the first one is asked for, in other powers and frames."""
    for box, power, spec in product(_BOXES, _POWERS, list(accepted.values())):
        yield _measured(spec, box, power)


def around(spec: Spec, catalog: Catalog) -> Iterator[Spec]:
    """Yields an order of other power, in frames of other size, and in the other materials of its design."""
    materials = dict.fromkeys((spec.lens.material, *catalog.materials_of(spec.lens.design)))
    for material, box, power in product(materials, _BOXES, _POWERS):
        yield _measured(replace(spec, lens=replace(spec.lens, material=material)), box, power)


def _of_other_lens(spec: Spec, catalog: Catalog) -> Iterator[Spec]:
    """Yields an order with another colour, coating or option, in every material."""
    lens = spec.lens
    for material in catalog.materials_of(lens.design):
        for colour in catalog.made[lens.design, material]:
            yield replace(spec, lens=replace(lens, material=material, colour=colour))
    yield from (replace(spec, lens=each) for each in _with_more(lens, catalog))


def _with_more(lens: Lens, catalog: Catalog) -> Iterator[Lens]:
    for coating in catalog.coatings:
        yield replace(lens, coatings=(coating,))
        yield replace(lens, coatings=tuple(dict.fromkeys((*lens.coatings, coating))))
    for option in catalog.options:
        yield replace(lens, options=(option,))


def _of_other_order(spec: Spec, catalog: Catalog) -> Iterator[Spec]:
    """Yields an order for one eye, for another account, of a frame of other make."""
    yield from (replace(spec, eyes=eyes) for eyes in (Eyes.RIGHT, Eyes.LEFT))
    yield from (replace(spec, account=account) for account in _accounts(catalog))
    for material in FrameMaterial:
        yield replace(spec, frame=replace(spec.frame, material=material))
    for edge in EdgeType:
        yield replace(spec, frame=replace(spec.frame, edge_type=edge))


def _accounts(catalog: Catalog) -> Iterator[str]:
    for table in catalog.tables.values():
        for column in (column for column in table.columns if column.path == "order.account"):
            for condition in (row.when.get(column.name) for row in table.rows):
                yield from sorted(condition.values)[:1] if isinstance(condition, OneOf) else ()


def _measured(spec: Spec, box: Mapping[str, int], power: int) -> Spec:
    """Returns an order of another power, as different before both eyes as it was, in a frame of another size."""
    frame: Frame = replace(spec.frame, a=box["a"], b=box["b"], ed=None)
    more = (spec.left.sphere or 0) - (spec.right.sphere or 0)
    return replace(
        spec,
        right=replace(spec.right, sphere=power, distance_pd=box["distance_pd"]),
        left=replace(spec.left, sphere=power + more, distance_pd=box["distance_pd"]),
        frame=frame,
    )
