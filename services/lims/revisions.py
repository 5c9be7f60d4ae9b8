"""The catalog's revisions: their bytes, and the compiled ones in memory.

A revision's stored bytes are the catalog's files in one canonical JSON document. A revision never changes, so what was
compiled once is kept, by digest: a roll-back has nothing to compile. Which one is in force is asked of the database
each time.

The document says its format. Of an earlier one the stations can still be read, because jobs pinned to such a revision
are still scanned at them; where nothing can be decided by it and it is in force, the starter catalog follows it.

    format 1   limits, requirements, steps and routes; nothing is decided by it any more
    format 2   constraints and tables, as data
    format 3   the same as the texts that were written, comments and all
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from rules import files as text_files
from rules.catalog import Catalog, Station
from rules.files import FileError
from rules.load import CatalogError, load, load_stations
from services.lims import store
from services.lims.errors import RevisionNotFound, RevisionNotRead
from services.lims.model import Revision

_AS_DATA, _AS_TEXTS = 2, 3
_KEPT = 16


def content_of(texts: Mapping[str, str]) -> bytes:
    """Returns the bytes a revision of these files is stored as; equal files make equal bytes."""
    document = {"format": _AS_TEXTS, "files": dict(texts)}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(content: bytes) -> str:
    """Returns what stored bytes are addressed by: their SHA-256, in hex."""
    return sha256(content).hexdigest()


def is_read(content: bytes) -> bool:
    """Tells whether stored bytes are of a format that is decided by."""
    return json.loads(content)["format"] in {_AS_DATA, _AS_TEXTS}


def compiled(content: bytes, *, draft: bool = False) -> Catalog:
    """Returns the catalog that stored bytes hold, which are of a format that is decided by.

    Args:
        content: The bytes.
        draft: Leaves what contradicts itself to the check (`rules.load.load`); nothing is decided by such a catalog.

    Raises:
        CatalogError: They hold none.
    """
    return load(data_of(content), draft=draft)


def texts_of(content: bytes) -> Mapping[str, str]:
    """Returns the files of stored bytes of a format that is decided by, as texts: as written, where that was kept."""
    document = json.loads(content)
    files: Mapping[str, Any] = document["files"]
    if document["format"] == _AS_TEXTS:
        return files
    return {name: text_files.written(data) for name, data in files.items()}


def data_of(content: bytes) -> Mapping[str, object]:
    """Returns the data of the files that stored bytes hold, of whatever format.

    Raises:
        CatalogError: A text of them cannot be read.
    """
    document = json.loads(content)
    files: Mapping[str, Any] = document["files"]
    if document["format"] != _AS_TEXTS:
        return files
    return read_texts(files)


def read_texts(texts: Mapping[str, str]) -> Mapping[str, object]:
    """Returns the data that files hold.

    Raises:
        CatalogError: One of them cannot be read; all that cannot are named.
    """
    data: dict[str, object] = {}
    faults: list[str] = []
    for name, text in texts.items():
        try:
            data[name] = text_files.read(text)
        except FileError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise CatalogError(faults)
    return data


class Revisions:
    """The revisions of one lab, the latest used compiled in memory."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._digests: OrderedDict[int, str] = OrderedDict()
        self._compiled: OrderedDict[str, Catalog] = OrderedDict()
        self._compiling: dict[str, asyncio.Task[Catalog]] = {}
        self._stations: OrderedDict[int, Mapping[str, Station]] = OrderedDict()
        self._latest: Revision | None = None

    def latest_seen(self) -> tuple[Revision, Catalog] | None:
        """Returns the revision that was in force when it was last asked, without asking; None before the first time.

        It may be superseded: whoever acts by it has the database confirm its number.
        """
        revision = self._latest
        if revision is None or revision.digest not in self._compiled:
            return None
        return revision, self._compiled[revision.digest]

    async def in_force(self, connection: AsyncConnection) -> tuple[Revision, Catalog]:
        """Returns the revision in force with its catalog."""
        revision = await store.revision_in_force(connection, self._lab)
        if revision is None:
            raise LookupError(f"{self._lab} has no catalog; the service publishes one before it serves")
        catalog = await self._catalog(connection, revision)
        if self._latest is None or self._latest.number < revision.number:
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
        return revision, await self._catalog(connection, revision)

    async def catalog(self, connection: AsyncConnection, number: int) -> Catalog:
        """Returns the catalog of a revision that exists.

        Raises:
            RevisionNotRead: It is of an earlier format.
        """
        digest = self._digests.get(number)
        if digest is not None and digest in self._compiled:
            self._compiled.move_to_end(digest)
            return self._compiled[digest]
        _, catalog = await self.get(connection, number)
        return catalog

    async def prepare(self, content: bytes) -> Catalog:
        """Returns the catalog that bytes of a format that is decided by hold, compiled beside the calls being served.

        Who publishes prepares before the publication's turn, and nobody waits for it.

        Raises:
            CatalogError: They hold none.
        """
        return await self._prepared(digest_of(content), content)

    async def stations(self, connection: AsyncConnection, number: int) -> Mapping[str, Station]:
        """Returns the stations of a revision that exists, of whatever format."""
        digest = self._digests.get(number)
        if digest is not None and digest in self._compiled:
            return self._compiled[digest].stations
        if number not in self._stations:
            content = await store.revision_content(connection, self._lab, number)
            self._stations[number] = await asyncio.to_thread(_stations, content)
            if len(self._stations) > _KEPT:
                self._stations.popitem(last=False)
        self._stations.move_to_end(number)
        return self._stations[number]

    async def _catalog(self, connection: AsyncConnection, revision: Revision) -> Catalog:
        self._digests[revision.number] = revision.digest
        if len(self._digests) > _KEPT:
            self._digests.popitem(last=False)
        if revision.digest in self._compiled:
            self._compiled.move_to_end(revision.digest)
            return self._compiled[revision.digest]
        content = await store.revision_content(connection, self._lab, revision.number)
        if not is_read(content):
            raise RevisionNotRead(revision.number)
        return await self._prepared(revision.digest, content)

    async def _prepared(self, digest: str, content: bytes) -> Catalog:
        if digest in self._compiled:
            self._compiled.move_to_end(digest)
            return self._compiled[digest]
        if digest not in self._compiling:  # of many who ask at once, one compiles
            compiling = asyncio.ensure_future(asyncio.to_thread(compiled, content))
            self._compiling[digest] = compiling
            compiling.add_done_callback(lambda done: self._keep(digest, done))
        return await asyncio.shield(self._compiling[digest])

    def _keep(self, digest: str, done: "asyncio.Future[Catalog]") -> None:
        del self._compiling[digest]
        if not done.cancelled() and done.exception() is None:
            self._compiled[digest] = done.result()
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)


def _stations(content: bytes) -> Mapping[str, Station]:
    return load_stations(data_of(content))
