"""Checks a catalog, in a process of its own: ``python -m services.lims.examining``.

It is asked by a frame of JSON (``content``: the bytes of a revision, as text; ``seconds_each``: how long one question
may take) and answers in frames of `CheckDraftResponse`: how far it is, each finding, then the whole report.
"""

import json
import time

from lensmesh.lims.v1.examination_pb2 import CheckReport, Finding, Progress
from lensmesh.lims.v1.rule_service_pb2 import CheckDraftResponse

from rules import proof
from rules.catalog import Catalog
from rules.decision import ENGINE
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
    catalog = compiled(content)
    for step in proof.steps(catalog, seconds_each=asked["seconds_each"]):
        for found in step.findings:
            finding = finding_message(found, catalog)
            report.findings.append(finding)
            framing.tell(CheckDraftResponse(finding=finding).SerializeToString())
        progress = Progress(done=step.number, total=step.total)
        framing.tell(CheckDraftResponse(progress=progress).SerializeToString())
    report.time.GetCurrentTime()
    report.elapsed_ms = round((time.monotonic() - began) * 1000)
    framing.tell(CheckDraftResponse(report=report).SerializeToString())


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


if __name__ == "__main__":
    main()
