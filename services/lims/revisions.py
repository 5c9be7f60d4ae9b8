"""The catalog's revisions: their bytes, and the compiled ones in memory.

A revision's stored bytes are the catalog's files in one canonical JSON document. A revision never changes, so what was
compiled once is kept; which one is in force is asked of the database each time.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from rules.catalog import Catalog
from rules.load import load
from services.lims import store
from services.lims.errors import RevisionNotFound
from services.lims.model import Revision

_FORMAT = 1
_KEPT = 16


def content_of(files: Mapping[str, object]) -> bytes:
    """Returns the bytes a revision of these files is stored as; equal files make equal bytes."""
    document = {"format": _FORMAT, "files": files}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def compiled(content: bytes) -> Catalog:
    """Returns the catalog that stored bytes hold.

    Raises:
        CatalogError: They hold none.
    """
    return load(json.loads(content)["files"])


class Revisions:
    """The revisions of one lab, the latest used compiled in memory."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._compiled: OrderedDict[int, Catalog] = OrderedDict()
        self._latest: Revision | None = None

    def latest_seen(self) -> tuple[Revision, Catalog] | None:
        """Returns the revision that was in force when it was last asked, without asking; None before the first time.

        It may be superseded: whoever acts by it has the database confirm its number.
        """
        revision = self._latest
        if revision is None or revision.number not in self._compiled:
            return None
        return revision, self._compiled[revision.number]

    async def in_force(self, connection: AsyncConnection) -> tuple[Revision, Catalog]:
        """Returns the revision in force with its catalog."""
        revision = await store.revision_in_force(connection, self._lab)
        if revision is None:
            raise LookupError(f"{self._lab} has no catalog; the service publishes one before it serves")
        catalog = await self.catalog(connection, revision.number)
        self._latest = revision
        return revision, catalog

    async def get(self, connection: AsyncConnection, number: int) -> tuple[Revision, Catalog]:
        """Returns a revision by number with its catalog.

        Raises:
            RevisionNotFound: There is no such revision.
        """
        revision = await store.revision(connection, self._lab, number)
        if revision is None:
            raise RevisionNotFound(number)
        return revision, await self.catalog(connection, number)

    async def catalog(self, connection: AsyncConnection, number: int) -> Catalog:
        """Returns the catalog of a revision that exists."""
        if number not in self._compiled:
            self._compiled[number] = compiled(await store.revision_content(connection, self._lab, number))
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(number)
        return self._compiled[number]
