"""Maps the contract's messages to what the lab does, and back."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
from lensmesh.events.v1.events_pb2 import CatalogPublished, JobChanged
from lensmesh.lims.v1 import (
    catalog_pb2,
    decision_pb2,
    job_pb2,
    lims_service_pb2_grpc,
)
from lensmesh.lims.v1 import lims_service_pb2 as contract

from chassis import pages, streams
from chassis.streams import Pace
from rules.decision import Decision
from services.lims import messages, workflow
from services.lims.floor import workflow as floor
from services.lims.model import Job
from services.lims.workflow import Lab

Context = grpc.aio.ServicerContext[Any, Any]

_CONTRACT_VERSION = "1"
_MOST_JOBS = 2**63 - 1
_EVENTS, _MOST_EVENTS = 100, 1000  # a page of events, as the contract says


class LimsServicer(lims_service_pb2_grpc.LimsServiceServicer):
    """The lab's side of an order."""

    def __init__(self, lab: Lab, pace: Pace) -> None:
        self._lab = lab
        self._pace = pace

    async def DescribeLims(
        self, _request: contract.DescribeLimsRequest, _context: Context
    ) -> contract.DescribeLimsResponse:
        """Tells what this LIMS is."""
        revision = await workflow.revision_in_force(self._lab)
        return contract.DescribeLimsResponse(
            lab=self._lab.name,
            product=self._lab.product,
            contract_version=_CONTRACT_VERSION,
            revision=messages.revision_message(revision),
        )

    async def GetCatalog(self, request: contract.GetCatalogRequest, _context: Context) -> catalog_pb2.Catalog:
        """Returns what can be ordered."""
        return messages.catalog_message(*await workflow.catalog(self._lab, request.revision))

    async def WatchCatalog(
        self, request: contract.WatchCatalogRequest, _context: Context
    ) -> AsyncIterator[contract.WatchCatalogResponse]:
        """Streams revisions as they come into force."""
        first, start, entries = await workflow.watch_catalog(self._lab, request.cursor)
        async for message in streams.watch(
            contract.WatchCatalogResponse,
            entries,
            start=start,
            first=messages.revision_message(first) if first else None,
            update=lambda entry: CatalogPublished.FromString(entry.payload).revision,
            pace=self._pace,
        ):
            yield message

    async def ValidateJob(
        self, request: contract.ValidateJobRequest, _context: Context
    ) -> contract.ValidateJobResponse:
        """Decides a spec and leaves it at that."""
        asked = messages.ordered(request.spec, request.account)
        return messages.validation(*await workflow.validate(self._lab, asked))

    async def CreateJob(self, request: contract.CreateJobRequest, _context: Context) -> job_pb2.Job:
        """Creates the one job of a hand-off."""
        ordered = messages.ordered(request.spec, request.account)
        made = await workflow.create_job(self._lab, uuid.UUID(request.handoff_id), ordered)
        quote = messages.quote(made.job.catalog_revision, made.decision) if made.decision else None
        return messages.job_message(made.job, quote)

    async def GetJob(self, request: contract.GetJobRequest, _context: Context) -> job_pb2.Job:
        """Returns a job."""
        return messages.job_message(await workflow.job(self._lab, messages.number(request.name)))

    async def GetJobDecision(self, request: contract.GetJobDecisionRequest, _context: Context) -> decision_pb2.Decision:
        """Returns the decision a job was created by."""
        return _decision(*await workflow.job_decision(self._lab, messages.number(request.name)))

    async def ListJobs(self, request: contract.ListJobsRequest, _context: Context) -> contract.ListJobsResponse:
        """Lists jobs, newest first."""
        states = frozenset(map(messages.state_of, request.states))
        page = pages.of(request, _job_number)
        found = await workflow.jobs(
            self._lab, before=page.after, states=states, station=request.station, limit=page.size + 1
        )
        shown, more = found[: page.size], len(found) > page.size
        return contract.ListJobsResponse(
            jobs=map(messages.job_message, shown),
            next_page_token=page.next_token(shown[-1].number) if more else "",
        )

    async def ListJobEvents(
        self, request: contract.ListJobEventsRequest, _context: Context
    ) -> contract.ListJobEventsResponse:
        """Lists a job's events."""
        size = min(request.page_size or _EVENTS, _MOST_EVENTS)
        number = messages.number(request.job)
        found = await workflow.job_events(self._lab, number, after=request.after_sequence, limit=size + 1)
        page = found[:size]
        return contract.ListJobEventsResponse(
            events=[JobChanged.FromString(entry.payload).event for entry in page],
            next_after_sequence=page[-1].sequence if len(found) > size else 0,
        )

    async def CancelJob(self, request: contract.CancelJobRequest, _context: Context) -> job_pb2.Job:
        """Cancels a job that is not being made yet."""
        return messages.job_message(await floor.cancel(self._lab, messages.number(request.name)))

    async def WatchJobs(
        self, request: contract.WatchJobsRequest, _context: Context
    ) -> AsyncIterator[contract.WatchJobsResponse]:
        """Streams the events of all jobs."""
        start, entries = await workflow.watch_jobs(self._lab, request.cursor, moves_only=request.moves_only)
        async for message in streams.watch(
            contract.WatchJobsResponse,
            entries,
            start=start,
            update=lambda entry: JobChanged.FromString(entry.payload).event,
            pace=self._pace,
        ):
            yield message


def _decision(job: Job, decision: Decision) -> decision_pb2.Decision:
    return messages.decision_message(decision, job.catalog_revision, account=job.account)


def _job_number(spelled: str) -> int:
    number = int(spelled)
    if not 0 < number <= _MOST_JOBS:
        raise ValueError("not a job's number")
    return number
