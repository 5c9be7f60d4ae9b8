"""Examines a catalog before it is published: everything that can be proved of it, or shown by an example."""

from collections.abc import Iterator
from dataclasses import dataclass

from rules.catalog import Catalog
from rules.plan import BASE_CURVE
from rules.proof import constraints, lookups
from rules.proof.evidence import Evidence
from rules.proof.finding import Finding, Kind
from rules.proof.world import World


@dataclass(frozen=True, slots=True)
class Step:
    """A part of an examination, when it is done.

    Attributes:
        number: Which one it is, from 1. The numbers rise; where nothing is left to ask, some are left out.
        total: How many there are. The last step has that number, and finds nothing more.
        findings: What was found.
    """

    number: int
    total: int
    findings: tuple[Finding, ...] = ()


def examine(catalog: Catalog, *, seconds_each: float) -> Iterator[Finding]:
    """Yields what is wrong with a catalog, as it is found.

    A constraint that always objects is told of and left out of the rest, or it would be all that is found. Where no
    design passes, tables are not looked at: nothing is left to ask them.

    Args:
        catalog: What to examine.
        seconds_each: How long one question may take; past it, its answer is unknown.
    """
    for step in steps(catalog, seconds_each=seconds_each):
        yield from step.findings


def steps(catalog: Catalog, *, seconds_each: float) -> Iterator[Step]:
    """Yields the same as `examine`, step by step, for who waits for it: how many steps there are, and which is done."""
    tables = [*catalog.tables.values(), *([catalog.remakes] if catalog.remakes else [])]
    parts = (
        len(catalog.constraints),
        len(catalog.designs),
        len(catalog.constraints),
        *(1 + len(table.rows) if lookups.is_of_orders(table) else 1 for table in tables),
        len(catalog.tables[BASE_CURVE].rows),
    )
    total, begins = 1 + sum(parts), 0
    for count, findings in zip(parts, _parts(catalog, seconds_each), strict=False):
        for number, found in enumerate(findings, begins + 1):
            yield Step(number, total, found)
        begins += count
    yield Step(total, total)


def _parts(catalog: Catalog, seconds_each: float) -> Iterator[Iterator[tuple[Finding, ...]]]:
    """Yields the parts of an examination, each with what it finds; one is gone through before the next is taken."""
    world, evidence = World(catalog, seconds_each), Evidence(catalog)
    always: set[str] = set()
    yield _noting(constraints.always(world, evidence), Kind.ALWAYS_FIRES, always)
    if always:
        for name in always:
            catalog = catalog.without(name)
        world, evidence = World(catalog, seconds_each), Evidence(catalog)
    refused: set[str] = set()
    yield _noting(constraints.contradictions(world, evidence), Kind.CONTRADICTION, refused)
    evidence.look_around()
    yield constraints.objections(world, evidence)
    if refused >= {design for design, _ in catalog.made}:
        return
    for table in catalog.tables.values():
        yield lookups.examine(table, world, evidence)
    if catalog.remakes:
        yield lookups.examine(catalog.remakes, world, evidence)
    yield lookups.blanks(world, evidence)


def _noting(findings: Iterator[tuple[Finding, ...]], kind: Kind, noted: set[str]) -> Iterator[tuple[Finding, ...]]:
    """Yields findings as they come, and notes where those of a kind are."""
    for found in findings:
        noted |= {each.where for each in found if each.kind is kind}
        yield found
