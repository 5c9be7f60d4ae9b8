"""Keeps what was asked for and refused: the demand that a lab turns away, for its engineer to see.

An attempt is kept without the account that made it and without a hand-off: its spec, why it was refused, and how often.
What is merely unfinished, an order form with its prescription still to come, is no demand and is not kept.

Nobody waits for it. What was refused is noted in memory and written about once a second; of more than is held there,
or while the database cannot be reached, the oldest is let go.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import structlog

from chassis.database import Database, is_unreachable
from rules.catalog import Catalog, Severity
from rules.decide import NOT_GIVEN
from rules.decision import Decision
from rules.replay.record import record
from services.lims import messages, store
from services.lims.model import Attempt, Ordered, Revision

_LOG = structlog.get_logger("attempts")
_SECONDS = 1.0
_MOST = 2048
_AT_ONCE = 64


@dataclass(slots=True)
class _Noted:
    """What was refused, and how often since it was written last."""

    ordered: Ordered
    revision: Revision
    catalog: Catalog
    decision: Decision
    count: int = 0


class Attempts:
    """The refused attempts of one lab that are still to be written."""

    def __init__(self, lab: str, database: Database, *, most: int = _MOST, seconds: float = _SECONDS) -> None:
        self._lab = lab
        self._database = database
        self._most = most
        self._seconds = seconds
        self._noted: OrderedDict[bytes, _Noted] = OrderedDict()
        self._some = asyncio.Event()

    def note(self, ordered: Ordered, revision: Revision, catalog: Catalog, decision: Decision) -> None:
        """Notes a refusal; costs its caller next to nothing, and never fails."""
        noted = self._noted.get(ordered.digest)
        if noted is None:
            noted = self._noted[ordered.digest] = _Noted(ordered, revision, catalog, decision)
            if len(self._noted) > self._most:
                self._noted.popitem(last=False)
        noted.count += 1
        self._some.set()

    def note_unless_unfinished(
        self, ordered: Ordered, revision: Revision, catalog: Catalog, decision: Decision
    ) -> None:
        """Notes a refusal of what was only tried out, unless something has still to be given."""
        refusing = [each for each in decision.violations if each.severity is Severity.ERROR]
        if refusing and not any(each.code == NOT_GIVEN for each in refusing):
            self.note(ordered, revision, catalog, decision)

    @asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Writes them while a block runs, and what is left at its end."""
        writing = asyncio.ensure_future(self._write_for_ever())
        try:
            yield
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await self.write()

    async def write(self) -> None:
        """Writes what is noted, some at a time; what cannot be written now is noted again."""
        self._some.clear()
        noted, self._noted = self._noted, OrderedDict()
        while noted:
            some = OrderedDict(noted.popitem(last=False) for _ in range(min(_AT_ONCE, len(noted))))
            try:
                async with self._database.transaction(self._lab) as connection:
                    await store.add_attempts(connection, self._lab, list(map(_attempt, some.values())))
            except Exception as error:
                if not is_unreachable(error):
                    raise
                _LOG.warning("refused attempts stay in memory", attempts=len(some) + len(noted), error=str(error))
                self._take_back(OrderedDict([*some.items(), *noted.items()]))
                return

    def _take_back(self, noted: OrderedDict[bytes, _Noted]) -> None:
        for digest, since in self._noted.items():
            if digest in noted:
                noted[digest].count += since.count
            else:
                noted[digest] = since
        while len(noted) > self._most:
            noted.popitem(last=False)
        self._noted = noted
        self._some.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(self._seconds)
            try:
                await self.write()
            except Exception:  # noqa: BLE001 -- what cannot be written is no reason to write nothing any more
                _LOG.exception("refused attempts were lost")


def nobodys(decision: Decision) -> Decision:
    """Returns a decision as if it had been made for nobody in particular."""
    facts = decision.facts
    return replace(decision, facts=replace(facts, order=replace(facts.order, account="")) if facts else None)


def _attempt(noted: _Noted) -> Attempt:
    """Returns what is kept of a refusal, which is nothing of who was refused."""
    catalog = noted.catalog
    telling = {each.id for each in catalog.constraints if each.shows and each.shows.noun == "order"}
    violations = [replace(each, message="") if each.rule in telling else each for each in noted.decision.violations]
    return Attempt(
        spec=noted.ordered.content,
        replay=record(catalog, nobodys(noted.decision)),
        violations=messages.violations_message(violations).SerializeToString(deterministic=True),
        count=noted.count,
        catalog_revision=noted.revision.number,
    )
