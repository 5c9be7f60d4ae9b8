"""The catalog's revisions: their bytes, and the compiled ones in memory.

A revision's stored bytes are the catalog's files in one canonical JSON document. A revision never changes, so what was
compiled once is kept; which one is in force is asked of the database each time.

The document says its format. Of an earlier one the stations can still be read, because jobs pinned to such a revision
are still scanned at them; nothing is decided by it any more, and where one is in force the starter catalog follows it.

    format 1   limits, requirements, steps and routes
    format 2   constraints and tables
"""

import json
from collections import OrderedDict
from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from rules.catalog import Catalog, Station
from rules.load import load, load_stations
from services.lims import store
from services.lims.errors import RevisionNotFound, RevisionNotRead
from services.lims.model import Revision

_FORMAT = 2
_KEPT = 16


def content_of(files: Mapping[str, object]) -> bytes:
    """Returns the bytes a revision of these files is stored as; equal files make equal bytes."""
    document = {"format": _FORMAT, "files": files}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def is_read(content: bytes) -> bool:
    """Tells whether stored bytes are of the format that is decided by."""
    return bool(json.loads(content)["format"] == _FORMAT)


def compiled(content: bytes) -> Catalog:
    """Returns the catalog that stored bytes hold, which are of the format that is decided by.

    Raises:
        CatalogError: They hold none.
    """
    return load(json.loads(content)["files"])


class Revisions:
    """The revisions of one lab, the latest used compiled in memory."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._compiled: OrderedDict[int, Catalog] = OrderedDict()
        self._stations: OrderedDict[int, Mapping[str, Station]] = OrderedDict()
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
            RevisionNotRead: It is of an earlier format.
        """
        revision = await store.revision(connection, self._lab, number)
        if revision is None:
            raise RevisionNotFound(number)
        return revision, await self.catalog(connection, number)

    async def catalog(self, connection: AsyncConnection, number: int) -> Catalog:
        """Returns the catalog of a revision that exists.

        Raises:
            RevisionNotRead: It is of an earlier format.
        """
        if number not in self._compiled:
            content = await store.revision_content(connection, self._lab, number)
            if not is_read(content):
                raise RevisionNotRead(number)
            self._compiled[number] = compiled(content)
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(number)
        return self._compiled[number]

    async def stations(self, connection: AsyncConnection, number: int) -> Mapping[str, Station]:
        """Returns the stations of a revision that exists, of whatever format."""
        if number in self._compiled:
            return self._compiled[number].stations
        if number not in self._stations:
            content = await store.revision_content(connection, self._lab, number)
            self._stations[number] = load_stations(json.loads(content)["files"])
            if len(self._stations) > _KEPT:
                self._stations.popitem(last=False)
        self._stations.move_to_end(number)
        return self._stations[number]
