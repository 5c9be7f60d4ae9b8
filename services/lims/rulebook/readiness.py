"""Has at hand, in every replica, what may come into force: so that nobody waits for it once it does.

Who has checked a draft, or takes a revision back, stages its content; every replica compiles it beside its calls.
"""

import asyncio
import uuid
from contextlib import aclosing

import structlog
from lensmesh.events.v1.events_pb2 import CatalogPublished, CatalogStaged
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import log
from chassis.log import Entry
from services.lims.revisions import content_of
from services.lims.rulebook import store
from services.lims.workflow import Lab

_LOG = structlog.get_logger("rulebook")
_STAGED, _PUBLISHED = CatalogStaged.DESCRIPTOR.full_name, CatalogPublished.DESCRIPTOR.full_name


async def stage(connection: AsyncConnection, lab: Lab, digest: str) -> None:
    """Has every replica compile some content, that of a draft or of a revision, once this transaction is committed."""
    aggregate = f"{lab.catalog_name}/staged/{uuid.uuid4()}"
    await log.append(connection, CatalogStaged(digest=digest), tenant=lab.name, aggregate=aggregate, sequence=1)


async def stay_ready(lab: Lab) -> None:
    """Follows what is staged and what is published, until cancelled."""
    while True:
        try:
            start = await lab.tail.end()
            async with aclosing(lab.tail.follow(start, matches=lambda entry: _concerns(lab, entry))) as entries:
                async for entry in entries:
                    await _prepare(lab, entry)
        except Exception as error:  # noqa: BLE001 -- whoever needs it compiles it then, and waits
            _LOG.warning("not_ready", error=str(error))
            await asyncio.sleep(1)


def _concerns(lab: Lab, entry: Entry) -> bool:
    return entry.tenant == lab.name and entry.kind in {_STAGED, _PUBLISHED}


async def _prepare(lab: Lab, entry: Entry) -> None:
    async with lab.database.transaction(lab.name) as connection:
        if entry.kind == _PUBLISHED:
            await lab.revisions.in_force(connection)
            return
        digest = CatalogStaged.FromString(entry.payload).digest
        content = await store.content_of_digest(connection, lab.name, digest)
        files = await store.files_of_digest(connection, lab.name, digest) if content is None else None
    if files is not None:
        content = content_of(files)
    if content is not None:  # or it was edited meanwhile
        await lab.revisions.prepare(content)
