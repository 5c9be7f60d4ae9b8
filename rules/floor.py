"""What the floor has rules for beside the lenses: what breaks, who answers for it, and what doing it again costs.

A *breakage* is a lens that is spoilt on its way; the lab makes it again, and nobody is charged. A *remake* is a new job
for an order that was delivered (or given up), whoever it was that erred: what is charged of it, the lab's policy tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from rules.tables import Row, Table, Within


class Responsible(StrEnum):
    """Who answers for it that a lens is made again, or what does."""

    LAB = "lab"
    MANUFACTURER = "manufacturer"
    ECP = "ecp"
    NON_ADAPT = "non-adapt"
    WARRANTY = "warranty"


@dataclass(frozen=True, slots=True)
class Breakage:
    """A reason for which a lens is spoilt on the floor.

    Attributes:
        id: Its name, one of a kind.
        name: What the lab calls it.
        responsible: Who answers for it: the lab, or the manufacturer of the blank.
        returns_to: The station at which the lens starts again.
        new_blank: Whether it is made of another blank; else the same lens is worked on again.
        stations: Where it can be reported; empty is everywhere.
        reason: Why it is dealt with like that.
    """

    id: str
    name: str
    responsible: Responsible
    returns_to: str
    new_blank: bool
    stations: tuple[str, ...] = ()
    reason: str = ""


@dataclass(slots=True)
class RemakeFacts:
    """A remake as the policy sees it.

    Attributes:
        responsibility: Who answers for it.
        days: Whole days since the job that is made again shipped; 0 while it has not.
        count: How many times that order was made again before.
        changed: Whether something else is ordered now: another prescription, frame or lens.
    """

    responsibility: str
    days: int = 0
    count: int = 0
    changed: bool = False


def remake_terms(policy: Table, remake: RemakeFacts) -> Row:
    """Returns the row of the policy that a remake falls under; its ``percent`` is in 1/100 %, of the new job's price.

    Raises:
        LookupError: The policy has no row for it. Of a loaded catalog that never is (`unanswered`).
    """
    row = policy.find((remake,))
    if row is None:
        raise LookupError(f"the policy {policy.id} has no row for {remake}")
    return row


def unanswered(policy: Table) -> Iterator[RemakeFacts]:
    """Yields remakes that a policy has no row for, one where each gap begins; none where it answers everything.

    Exact: rows ask for intervals, so what they answer changes only where an interval begins or behind its end.
    """
    days, counts = (sorted(_begins(policy, f"remake.{name}")) for name in ("days", "count"))
    for responsible, day, count, changed in product(Responsible, days, counts, (False, True)):
        remake = RemakeFacts(responsible.value, day, count, changed)
        if policy.find((remake,)) is None and not _continues(policy, remake, days, counts):
            yield remake


def _begins(policy: Table, path: str) -> set[int]:
    """Returns the least number, and every one at which a condition of a column may change."""
    begins = {0}
    for column in (column for column in policy.columns if column.path == path):
        for condition in (row.when.get(column.name) for row in policy.rows):
            for low, high in condition.spans if isinstance(condition, Within) else ():
                begins |= {low} if low is not None else set()
                begins |= {high + 1} if high is not None else set()
    return {each for each in begins if each >= 0}


def _continues(policy: Table, remake: RemakeFacts, days: list[int], counts: list[int]) -> bool:
    """Tells whether the same gap was met before: a stretch of days or counts earlier."""
    earlier = [replace(remake, days=day) for day in days if day < remake.days][-1:]
    earlier += [replace(remake, count=count) for count in counts if count < remake.count][-1:]
    earlier += [replace(remake, changed=False)] if remake.changed else []
    return any(policy.find((each,)) is None for each in earlier)
