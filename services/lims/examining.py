"""Checks a catalog, in a process of its own: ``python -m services.lims.examining``.

It is asked by a frame of JSON (``content``: the bytes of a revision, as text; ``seconds_each``: how long one question
may take) and answers in frames of `CheckDraftResponse`: how far it is and each finding, then the whole report.

What a lab does not publish for its contradictions alone (rows that hold at once, rows that are never used, lenses
without a blank) is examined all the same, because an order that shows it says more than that it is so. Files that hold
no catalog even then are told by their faults.
"""

import json
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256

from lensmesh.lims.v1.examination_pb2 import CheckReport, Finding, Progress
from lensmesh.lims.v1.rule_service_pb2 import CheckDraftResponse

from rules import proof
from rules.catalog import Catalog
from rules.decision import ENGINE
from rules.load import CatalogError
from services.lims import messages
from services.lims.revisions import compiled, digest_of
from services.lims.rulebook import framing

_NICE = 10


def main() -> None:
    """Answers the one question it is asked."""
    asked = json.loads(framing.begin(_NICE))
    content = asked["content"].encode()
    began = time.monotonic()
    report = CheckReport(digest=digest_of(content), engine_version=ENGINE)
    for said in examined(content, asked["seconds_each"]):
        if said.HasField("finding"):
            report.findings.append(said.finding)
        framing.tell(said.SerializeToString())
    report.time.GetCurrentTime()
    report.elapsed_ms = round((time.monotonic() - began) * 1000)
    framing.tell(CheckDraftResponse(report=report).SerializeToString())


def examined(content: bytes, seconds_each: float) -> Iterator[CheckDraftResponse]:
    """Yields how far the check of some bytes is, and what it finds."""
    try:
        catalog = compiled(content, draft=True)
    except CatalogError as error:
        yield from _told(error.faults)
        return
    found = 0
    for step in proof.steps(catalog, seconds_each=seconds_each):
        for each in step.findings:
            found += 1
            yield CheckDraftResponse(finding=finding_message(each, catalog))
        yield CheckDraftResponse(progress=Progress(done=step.number, total=step.total))
    if not found:
        # nothing that cannot be published is ever called clean
        try:
            compiled(content)
        except CatalogError as error:
            yield from _told(error.faults)


def finding_message(found: proof.Finding, catalog: Catalog) -> Finding:
    """Returns a finding as callers see it."""
    return Finding(
        id=found.id,
        kind=Finding.Kind.Value(f"KIND_{found.kind.name}"),
        where=found.where,
        says=found.says,
        example=messages.spec_message(found.example) if found.example else None,
        example_says=proof.described(found.example, catalog) if found.example else "",
    )


def _told(faults: Sequence[str]) -> Iterator[CheckDraftResponse]:
    for fault in faults:
        of = sha256(fault.encode()).hexdigest()[:12]
        yield CheckDraftResponse(finding=Finding(id=f"fault:{of}", kind=Finding.KIND_FAULT, says=fault))


if __name__ == "__main__":
    main()
