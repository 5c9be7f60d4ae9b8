"""Importing a lab file: the file, the lab's catalog and the practice's memory become one draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from google.protobuf.message import Message
from lensmesh.lims.v1.catalog_pb2 import Catalog
from lensmesh.order.v1 import order_service_pb2 as rpc
from lensmesh.order.v1.account_service_pb2 import ImportOrderByAccountRequest
from lensmesh.order.v1.order_pb2 import Order
from lensmesh.type.v1.violation_pb2 import SEVERITY_ERROR, SEVERITY_WARNING, Violation

from chassis import validation
from chassis.database import Database
from chassis.errors import FieldInvalid, Unavailable
from lims_client.client import LimsClient
from lims_client.errors import LimsUnavailable
from optics.dcs.job import DcsJob
from services.order import lab_file, store
from services.order.accounts import Accounts
from services.order.errors import AccountUnknown
from services.order.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Importer:
    """The use cases of importing a lab file."""

    database: Database
    lims: LimsClient
    workflow: Workflow
    accounts: Accounts

    async def import_file(self, request: rpc.ImportOrderRequest) -> rpc.ImportOrderResponse:
        """Makes a draft of a lab file, once per request id.

        Raises:
            FileUnreadable: It is not DCS, or damaged, or too large.
            FileIncomplete: No order can be made of it.
            FieldInvalid: It prescribes what no order can hold.
            CatalogEntryUnknown: A chosen design or material is not in the catalog.
            Unavailable: The lab's catalog cannot be read right now.
        """
        job = lab_file.read(request.file.data)
        chosen = {"design": request.design, "material": request.material}
        answer, draft = await self._import(request.parent, request, job, chosen)
        if request.remember:
            await self._remember(request.parent, draft, chosen)
            answer.diagnostics.extend(lab_file.told_of_memory(draft, chosen, request.parent))
        return answer

    async def import_by_account(self, request: ImportOrderByAccountRequest) -> rpc.ImportOrderResponse:
        """Makes a draft of a lab file for the practice whose account it names, once per request id.

        Raises:
            LabUnknown: The mesh has no such lab.
            AccountUnknown: No practice has the account, or the file names none.

        And as `import_file`.
        """
        self.workflow.require_lab(request.parent)
        job = lab_file.read(request.file.data)
        owner = await self.accounts.owner(job.account) if job.account else None
        if owner is None:
            raise AccountUnknown(job.account or "")
        answer, _ = await self._import(owner, request, job, {})
        return answer

    async def _import(
        self, practice: str, request: Message, job: DcsJob, chosen: Mapping[str, str]
    ) -> tuple[rpc.ImportOrderResponse, lab_file.Draft]:
        catalog = await self._catalog()
        async with self.database.transaction(practice) as connection:
            remembered = await store.lens_names(connection, practice)
            own = await store.own_accounts(connection, practice, self.accounts.lab)
        draft = lab_file.draft(job, catalog, remembered, chosen, own)
        left_out = _leave_out_what_no_order_can_hold(draft.content)
        opinion = await self.workflow.opinion(draft.content, own)
        opinion = replace(opinion, violations=_merged(draft.violations, opinion.violations))
        order = await self.workflow.add_draft(practice, request, draft.content, opinion)
        return rpc.ImportOrderResponse(order=order, diagnostics=[*draft.diagnostics, *left_out]), draft

    async def _catalog(self) -> Catalog:
        try:
            return await self.lims.catalog()
        except LimsUnavailable as error:
            raise Unavailable("the lab's catalog cannot be read right now; try again", retry_after_seconds=2) from error

    async def _remember(self, practice: str, draft: lab_file.Draft, chosen: Mapping[str, str]) -> None:
        async with self.database.transaction(practice) as connection:
            for label, code, entry in lab_file.to_remember(draft, chosen):
                await store.remember_lens_name(connection, practice, label, code, entry)


def _leave_out_what_no_order_can_hold(content: Order) -> list[rpc.ImportDiagnostic]:
    """Clears each field that breaks the contract's bounds, which are narrower than a file's, and says which.

    Raises:
        FieldInvalid: It belongs to the prescription: a lens made without it is wrong.
    """
    broken = validation.broken(content)
    if prescribed := [fault for fault in broken if fault[0].startswith("prescription")]:
        raise FieldInvalid(prescribed)
    left_out = []
    for path, fault in broken:
        target: Message = content
        *way, last = path.split("[", 1)[0].split(".")
        for name in way:
            target = getattr(target, name)
        target.ClearField(last)
        message = f"{path} {fault}; it was left out of the order"
        left_out.append(rpc.ImportDiagnostic(severity=SEVERITY_ERROR, message=message))
    return left_out


def _merged(found: Sequence[Violation], objections: Sequence[Violation]) -> list[Violation]:
    """Returns both, without what the lab says again about a field that the file already explains."""
    explained = {violation.field for violation in found}
    return [*found, *(each for each in objections if each.field not in explained or each.severity == SEVERITY_WARNING)]
