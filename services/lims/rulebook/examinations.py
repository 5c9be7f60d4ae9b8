"""Checks and previews of drafts: run in a process of their own, so that the service keeps answering.

A check or a preview takes seconds of a processor. It is run niced, at most one of each kind at a time in a replica, and
killed with the call that asked for it. What it finds is kept for the content that was looked at.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field

from lensmesh.lims.v1.examination_pb2 import CheckReport, PreviewReport, Progress
from lensmesh.lims.v1.rule_service_pb2 import CheckDraftResponse, PreviewDraftResponse

from chassis.errors import Internal, Overloaded
from rules.decision import ENGINE
from services.lims.errors import DraftFaulty
from services.lims.revisions import content_of
from services.lims.rulebook import framing, readiness, store
from services.lims.rulebook.model import Draft, Examined
from services.lims.rulebook.publishing import Rulebook

_SECONDS_EACH = 1.0
_EXAMPLES = 5
_MODULES: Mapping[Examined, str] = {
    Examined.CHECK: "services.lims.examining",
    Examined.PREVIEW: "services.lims.previewing",
}


@dataclass(frozen=True, slots=True)
class Desks:
    """Where examinations are made: one desk for each kind."""

    _taken: set[Examined] = field(default_factory=set)

    @contextlib.contextmanager
    def taken(self, kind: Examined) -> Iterator[None]:
        """Takes the desk while a block runs.

        Raises:
            Overloaded: Another call has it.
        """
        if kind in self._taken:
            raise Overloaded(f"another {kind} is being made; try again when it is done", retry_after_seconds=5)
        self._taken.add(kind)
        try:
            yield
        finally:
            self._taken.discard(kind)


async def check(
    book: Rulebook, desks: Desks, draft: Draft, seconds_each: float
) -> AsyncGenerator[CheckDraftResponse, None]:
    """Yields what a check of a draft finds, then its report, which is kept.

    Raises:
        Overloaded: Another one is being made.
        Internal: It came to no end.
    """
    with desks.taken(Examined.CHECK):
        yield CheckDraftResponse(progress=Progress())
        content = content_of(draft.files)
        last = CheckDraftResponse()
        asked = {"content": content.decode(), "seconds_each": seconds_each or _SECONDS_EACH}
        async with contextlib.aclosing(_frames(Examined.CHECK, asked)) as frames:
            async for frame in frames:
                said = CheckDraftResponse.FromString(frame)
                if said.HasField("report"):
                    if not draft.faults:  # what cannot come into force has no digest to be kept by
                        await _keep(book, draft, Examined.CHECK, said.report)
                    last = said  # told when there is nothing to wait for any more
                else:
                    yield said
        yield last


async def preview(
    book: Rulebook, desks: Desks, draft: Draft, examples: int
) -> AsyncGenerator[PreviewDraftResponse, None]:
    """Yields how far a preview of a draft is, then its report, which is kept.

    Raises:
        DraftFaulty: The draft's files hold no catalog.
        Overloaded: Another one is being made.
        Internal: It came to no end.
    """
    if draft.faults:
        raise DraftFaulty(draft.name, draft.faults)
    asked = {
        "lab": book.lab.name,
        "base": draft.base_revision,
        "content": content_of(draft.files).decode(),
        "examples": examples or _EXAMPLES,
    }
    with desks.taken(Examined.PREVIEW):
        yield PreviewDraftResponse(progress=Progress())
        last = PreviewDraftResponse()
        async with contextlib.aclosing(_frames(Examined.PREVIEW, asked)) as frames:
            async for frame in frames:
                said = PreviewDraftResponse.FromString(frame)
                if said.HasField("report"):
                    await _keep(book, draft, Examined.PREVIEW, said.report)
                    last = said  # told when there is nothing to wait for any more
                else:
                    yield said
        yield last


async def _keep(book: Rulebook, draft: Draft, kind: Examined, report: CheckReport | PreviewReport) -> None:
    """Keeps a report, and has every replica compile what was looked at: it is what may come into force next."""
    lab = book.lab.name
    async with book.lab.database.transaction(lab) as connection:
        await store.keep_report(
            connection,
            lab,
            draft.digest,
            kind,
            base=draft.base_revision,
            engine=ENGINE,
            report=report.SerializeToString(deterministic=True),
        )
        await readiness.stage(connection, book.lab, draft.digest)
    book.lab.tail.poke()


async def _frames(kind: Examined, asked: Mapping[str, object]) -> AsyncGenerator[bytes, None]:
    # in threads: the event loop's own way to start a process forks, which gRPC's threads do not take well
    with await asyncio.to_thread(_started, _MODULES[kind]) as worker:
        try:
            await asyncio.to_thread(_ask, worker, json.dumps(asked).encode())
            while (frame := await asyncio.to_thread(_next_frame, worker)) is not None:
                yield frame
            if await asyncio.to_thread(worker.wait):
                raise Internal(f"the {kind} came to no end; it is in the service's log why")
        finally:
            worker.kill()


def _started(module: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 -- a module of ours
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _ask(worker: "subprocess.Popen[bytes]", asked: bytes) -> None:
    if worker.stdin is not None:
        worker.stdin.write(framing.framed(asked))
        worker.stdin.flush()


def _next_frame(worker: "subprocess.Popen[bytes]") -> bytes | None:
    return framing.next_frame(worker.stdout) if worker.stdout is not None else None
