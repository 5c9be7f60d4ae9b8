"""Examines a catalog before it is published: everything that can be proved of it, or shown by an example."""

from collections.abc import Iterator

from rules.catalog import Catalog
from rules.proof import constraints, lookups
from rules.proof.evidence import Evidence
from rules.proof.finding import Finding, Kind
from rules.proof.world import World


def examine(catalog: Catalog, *, seconds_each: float) -> Iterator[Finding]:
    """Yields what is wrong with a catalog, as it is found.

    A constraint that always objects is told of and left out of the rest, or it would be all that is found. Where no
    design passes, tables are not looked at: nothing is left to ask them.

    Args:
        catalog: What to examine.
        seconds_each: How long one question may take; past it, its answer is unknown.
    """
    world, evidence = World(catalog, seconds_each), Evidence(catalog)
    rest = catalog
    for finding in constraints.always(world, evidence):
        yield finding
        if finding.kind is Kind.ALWAYS_FIRES:
            rest = rest.without(finding.where)
    if rest is not catalog:
        world, evidence = World(rest, seconds_each), Evidence(rest)
    refused = set()
    for finding in constraints.contradictions(world, evidence):
        yield finding
        if finding.kind is Kind.CONTRADICTION:
            refused.add(finding.where)
    yield from constraints.objections(world, evidence)
    if refused >= {design for design, _ in rest.made}:
        return
    for table in rest.tables.values():
        yield from lookups.examine(table, world, evidence)
    yield from lookups.blanks(world, evidence)
