"""Tells what a draft would have made of past orders, in a process of its own: ``python -m services.lims.previewing``.

It is asked by a frame of JSON (``lab``; ``base``: the number of the revision to hold the draft against; ``content``:
the bytes of the draft as a revision, as text; ``examples``: how many of each group) and answers in frames of
`PreviewDraftResponse`: how far it is, then the report.

Past orders are decided again from what is kept of their decisions, thousands at once; those of which the draft could
change the geometry, one by one from their specs. Nothing of them stays in memory but counts and the numbers of the
examples, which are put into words at the end.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import numpy as np
from lensmesh.lims.v1.examination_pb2 import PreviewExample, PreviewGroup, PreviewReport, Progress
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.rule_service_pb2 import PreviewDraftResponse
from lensmesh.type.v1.money_pb2 import Money
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.driver import Connection
from optics.numbers import format_decimal
from rules.catalog import Catalog, Severity
from rules.decide import decide
from rules.decision import Decision
from rules.proof import described
from rules.replay.comparison import Change, Kind, compare, made_otherwise, money
from rules.replay.record import record
from rules.replay.replay import Outcome, Replay
from rules.spec import Spec
from rules.view import SIDE_NAMES
from services.lims import messages, past
from services.lims.past import Asked, Page, Past
from services.lims.revisions import compiled, digest_of, is_read
from services.lims.rulebook import framing

_NICE = 10
_AT_ONCE = 256
"""Orders that are decided one by one between two answers."""

_KINDS = {
    Kind.NEWLY_ACCEPTED: PreviewGroup.KIND_NEWLY_ACCEPTED,
    Kind.NEWLY_REFUSED: PreviewGroup.KIND_NEWLY_REFUSED,
    Kind.REPLANNED: PreviewGroup.KIND_REPLANNED,
    Kind.REPRICED: PreviewGroup.KIND_REPRICED,
}


class _Settings(BaseSettings):
    """What the worker needs of the service's settings."""

    model_config = SettingsConfigDict(env_prefix="LENSMESH_", frozen=True)
    database_url: str = Field(description="PostgreSQL URL of the service's own role.")


@dataclass(slots=True)
class _Group:
    """Orders of which the same is otherwise, by the same rule."""

    jobs: int = 0
    attempts: int = 0
    money: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[Past, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Rows:
    """Some past orders that are being decided: what they are stored under, and how often each was asked for."""

    past: Past
    numbers: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]
    counts: np.ndarray[tuple[int], np.dtype[np.int64]]


class Preview:
    """What a draft makes of past orders, as far as they have been looked at."""

    def __init__(self, base: Catalog, target: Catalog, examples: int) -> None:
        """Makes both catalogs ready."""
        self._base, self._target = base, target
        self._both = Replay(base, target)
        self._each = Replay(base), Replay(target)
        self._examples = examples
        self._groups: dict[tuple[Kind, str], _Group] = {}
        self._counts: Counter[Past] = Counter()
        self._unchanged = 0
        self._singly = 0

    def add(self, of: Past, page: Page) -> dict[int, int]:
        """Adds a page; returns the numbers of those that have to be decided singly, with their counts."""
        before, after = self._both(page.records)
        singly = before.singly | after.singly
        rows = _Rows(of, page.numbers, page.counts)
        self._counts[of] += int(page.counts.sum()) + sum(page.unread.values())
        self._compared(rows, before, after, compare(before, after), ~singly)
        numbers, counts = page.numbers[singly].tolist(), page.counts[singly].tolist()
        return {**dict(zip(numbers, counts, strict=True)), **page.unread}

    def add_singly(self, of: Past, counts: Mapping[int, int], asked: Mapping[int, Asked]) -> None:
        """Adds orders that are decided one by one, from their specs."""
        numbers = list(asked)
        decided = [self._decided(asked[number]) for number in numbers]
        rows = _Rows(of, numbers, np.array([counts[number] for number in numbers], np.int64))
        before, after = (
            replay(b"".join(record(catalog, pair[at]) for pair in decided))[0]
            for at, (catalog, replay) in enumerate(zip((self._base, self._target), self._each, strict=True))
        )
        otherwise = np.fromiter((made_otherwise(*pair) for pair in decided), np.bool_, len(decided))
        unrecorded = before.singly | after.singly
        changes = [*compare(before, after, otherwise), *_changes(decided, np.flatnonzero(unrecorded).tolist())]
        self._compared(rows, before, after, changes, np.ones(len(numbers), np.bool_))
        self._singly += int(rows.counts.sum())

    def report(self) -> PreviewReport:
        """Returns what was found, without examples, time and what it was found about."""
        groups = [
            PreviewGroup(
                kind=_KINDS[kind],
                rule=rule,
                jobs=group.jobs,
                attempts=group.attempts,
                money=[
                    Money(currency=each, minor_units=amount) for each, amount in sorted(group.money.items()) if amount
                ],
            )
            for (kind, rule), group in self._largest_first()
        ]
        return PreviewReport(
            jobs=self._counts[Past.JOBS],
            attempts=self._counts[Past.ATTEMPTS],
            decided_singly=self._singly,
            unchanged=self._unchanged,
            groups=groups,
        )

    def examples(self) -> Iterator[tuple[Kind, list[tuple[Past, int]]]]:
        """Yields what is otherwise in each group and its examples, in the order of the report."""
        for (kind, _), group in self._largest_first():
            yield kind, group.examples

    def example(self, kind: Kind, of: Past, number: int, asked: Asked) -> PreviewExample:
        """Returns an example of what is otherwise, in words."""
        before, after = self._decided(asked)
        if kind is Kind.REPRICED:
            was, now = _priced(before, after), _priced(after, before)
        else:
            was, now = _said(before), _said(after)
        return PreviewExample(
            job=f"jobs/{number}" if of is Past.JOBS else "",
            ordered=described(_spec(asked), self._base),
            before=was,
            after=now,
        )

    def _largest_first(self) -> list[tuple[tuple[Kind, str], _Group]]:
        return sorted(
            self._groups.items(),
            key=lambda each: (-each[1].jobs - each[1].attempts, each[0][0].value, each[0][1]),
        )

    def _decided(self, asked: Asked) -> tuple[Decision, Decision]:
        spec = _spec(asked)
        before = decide(self._base, spec)
        return before, decide(self._target, spec, kept=before.geometry)

    def _compared(
        self,
        rows: _Rows,
        before: Outcome,
        after: Outcome,
        changes: Iterator[Change] | Sequence[Change],
        of: np.ndarray[tuple[int], np.dtype[np.bool_]],
    ) -> None:
        same = of.copy()
        for change in changes:
            same[change.rows] = False
            group = self._groups.setdefault((change.kind, change.rule), _Group())
            count = int(rows.counts[change.rows].sum())
            if rows.past is Past.JOBS:
                group.jobs += count
            else:
                group.attempts += count
            if change.kind in {Kind.NEWLY_ACCEPTED, Kind.REPRICED}:
                group.money.update(money(after, change.rows))
            if change.kind is Kind.NEWLY_REFUSED:
                group.money.update(money(before, change.rows))
            if change.kind is Kind.REPRICED:
                group.money.subtract(money(before, change.rows))
            wanted = self._examples - len(group.examples)
            group.examples += [(rows.past, int(rows.numbers[at])) for at in change.rows[:wanted].tolist()]
        self._unchanged += int(rows.counts[same].sum())


async def preview(
    connection: Connection, lab: str, base: Catalog, target: Catalog, *, examples: int
) -> AsyncIterator[Progress | PreviewReport]:
    """Yields how far a preview is, and at last what it found.

    Args:
        connection: One of the service's role, which nobody else uses meanwhile.
        lab: The lab whose past it is.
        base: What is in force.
        target: What it is held against.
        examples: How many of each group are told.
    """
    await past.bind(connection, lab)
    extents = {of: await past.extent(connection, lab, of) for of in Past}
    total, done = sum(count for count, _ in extents.values()), 0
    found = Preview(base, target, examples)
    yield Progress(done=done, total=total)
    for of, (_, newest) in extents.items():
        async for page in past.pages(connection, lab, of, newest):
            singly = found.add(of, page)
            done += page.rows - len(singly)
            del page  # before the next one is read
            numbers = list(singly)
            for at in range(0, len(numbers), _AT_ONCE):
                some = numbers[at : at + _AT_ONCE]
                found.add_singly(of, singly, await past.asked(connection, lab, of, some))
                done += len(some)
                yield Progress(done=done, total=total)
            yield Progress(done=done, total=total)
    report = found.report()
    for group, (kind, wanted) in zip(report.groups, found.examples(), strict=True):
        for of, number in wanted:
            asked = await past.asked(connection, lab, of, [number])
            group.examples.append(found.example(kind, of, number, asked[number]))
    yield report


# ── one by one ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _spec(asked: Asked) -> Spec:
    return messages.spec(messages.ordered(JobSpec.FromString(asked.spec), asked.account))


def _changes(decided: Sequence[tuple[Decision, Decision]], unrecorded: Sequence[int]) -> Iterator[Change]:
    """Yields what is otherwise of orders that no record has room for; by which rule, is not told."""
    for row in unrecorded:
        before, after = decided[row]
        for kind in _kinds(before, after):
            yield Change(kind, "", np.array([row], np.intp))


def _kinds(before: Decision, after: Decision) -> Iterator[Kind]:
    match before.accepted, after.accepted:
        case False, True:
            yield Kind.NEWLY_ACCEPTED
        case True, False:
            yield Kind.NEWLY_REFUSED
        case True, True:
            if (before.lenses, before.route, before.lead_time_days) != (
                after.lenses,
                after.route,
                after.lead_time_days,
            ):
                yield Kind.REPLANNED
            if before.price and after.price and _cost(before) != _cost(after):
                yield Kind.REPRICED


def _cost(decision: Decision) -> str:
    price = decision.price
    return f"{price.currency} {format_decimal(price.total, 2)}" if price else "no price"


def _priced(decision: Decision, other: Decision) -> str:
    """Returns what a decision costs, and each charge that the other one does not have like that."""
    if decision.price is None:
        return _cost(decision)
    has = {(line.label, line.side, line.amount) for line in other.price.lines} if other.price else set()
    lines = [
        f"{line.label}{f' {SIDE_NAMES[line.side]}' if line.side else ''} {format_decimal(line.amount, 2)}"
        for line in decision.price.lines
        if (line.label, line.side, line.amount) not in has
    ]
    return f"{_cost(decision)}{': ' if lines else ''}{'; '.join(lines)}."


def _said(decision: Decision) -> str:
    """Returns a decision in a line: why it is refused, or how it is made, what it costs and how long it takes."""
    if not decision.accepted:
        wrong = [each.message for each in decision.violations if each.severity is Severity.ERROR]
        return f"Refused. {' '.join(wrong)}"
    lenses = [
        f"{SIDE_NAMES[lens.side]} lens of {lens.blank.id}, centre {format_decimal(lens.centre, 2)} mm, programs "
        f"{' '.join(program for _, program in lens.programs) or 'none'}"
        for lens in decision.lenses
    ]
    days = "in no time that is set" if decision.lead_time_days is None else f"in {decision.lead_time_days} working days"
    return f"Accepted, {_cost(decision)}, {days}: {'; '.join(lenses)}; by {', '.join(decision.route)}."


# ── the worker ────────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Answers the one question it is asked."""
    asked = json.loads(framing.begin(_NICE))
    asyncio.run(_answer(asked["lab"], asked["base"], asked["content"].encode(), asked["examples"]))


async def _answer(lab: str, number: int, content: bytes, examples: int) -> None:
    began = time.monotonic()
    settings = {"application_name": "lensmesh-preview", "jit": "off"}
    connection = await asyncpg.connect(_Settings().database_url, server_settings=settings)
    try:
        await past.bind(connection, lab)
        base = await past.content_of_revision(connection, lab, number)
        if base is None or not is_read(base):
            raise LookupError(f"{lab} has no revision {number} that could be decided by")
        found = preview(connection, lab, compiled(base), compiled(content), examples=examples)
        async for said in found:
            match said:
                case Progress():
                    framing.tell(PreviewDraftResponse(progress=said).SerializeToString())
                case PreviewReport():
                    said.digest, said.base_revision = digest_of(content), number
                    said.time.GetCurrentTime()
                    said.elapsed_ms = round((time.monotonic() - began) * 1000)
                    framing.tell(PreviewDraftResponse(report=said).SerializeToString())
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
