"""The principal engineer at work, as tests write it: changes the catalog's files, has them checked, publishes."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from lensmesh.lims.v1 import draft_pb2, revision_pb2
from lensmesh.lims.v1 import rule_service_pb2 as rpc
from lensmesh.lims.v1.rule_service_pb2_grpc import RuleServiceStub

from tests.support.calls import bearer

_CALL_SECONDS = 20
_CHECK_SECONDS = 90
_REASON = "A test publishes it whatever the check finds."


@dataclass(frozen=True, slots=True)
class Content:
    """A catalog that was checked and can be published, as often as wanted.

    Attributes:
        files: Its files.
        overrides: What the check found, to be published all the same.
    """

    files: revision_pb2.CatalogFiles
    overrides: Sequence[revision_pb2.Override]


class Engineer:
    """Calls the rule service of a lab."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._rules: Any = RuleServiceStub(channel)
        self._token = token
        self._published: tuple[rpc.PublishDraftRequest, revision_pb2.Revision] | None = None

    def in_force(self) -> revision_pb2.Revision:
        """Returns the revision in force."""
        page: rpc.ListRevisionsResponse = self._call("ListRevisions", rpc.ListRevisionsRequest(page_size=1))
        return page.revisions[0]

    def files(self) -> revision_pb2.CatalogFiles:
        """Returns the files of the revision in force."""
        request = rpc.GetRevisionFilesRequest(name=self.in_force().name)
        files: revision_pb2.CatalogFiles = self._call("GetRevisionFiles", request)
        return files

    def checked(self, files: revision_pb2.CatalogFiles) -> Content:
        """Has files checked, and returns them with everything that is to be overridden.

        What takes long to prove is not proved: a question gets a hundredth of a second.
        """
        draft = self._draft(files, "to be checked")
        request = rpc.CheckDraftRequest(name=draft.name, seconds_each=0.01)
        messages = list(self._rules.CheckDraft(request, metadata=bearer(self._token), timeout=_CHECK_SECONDS))
        assert messages[-1].WhichOneof("event") == "report", messages[-1]
        self._call("DeleteDraft", rpc.DeleteDraftRequest(name=draft.name))
        found = messages[-1].report.findings
        return Content(files, [revision_pb2.Override(finding=each.id, reason=_REASON) for each in found])

    def publish(self, content: Content, note: str = "a test's revision") -> revision_pb2.Revision:
        """Publishes what was checked, as a draft of the revision in force.

        Raises:
            grpc.RpcError: It is refused; so it is when another revision comes into force meanwhile.
        """
        draft = self._draft(content.files, note)
        request = rpc.PublishDraftRequest(name=draft.name, overrides=content.overrides, request_id=str(uuid.uuid4()))
        revision: revision_pb2.Revision = self._call("PublishDraft", request)
        self._published = request, revision
        return revision

    def publish_again(self) -> None:
        """Repeats the request that published last; it gets the answer it got, whatever was published since.

        Raises:
            grpc.RpcError: The answer is lost.
        """
        if self._published is not None:
            request, first = self._published
            assert self._call("PublishDraft", request) == first

    def roll_back(self, number: int, request_id: str = "") -> revision_pb2.Revision:
        """Publishes the content of an earlier revision anew.

        Raises:
            grpc.RpcError: It is refused; so it is when that content is in force.
        """
        request = rpc.RollBackRequest(name=f"revisions/{number}", note="a test takes it back", request_id=request_id)
        revision: revision_pb2.Revision = self._call("RollBack", request)
        return revision

    def _draft(self, files: revision_pb2.CatalogFiles, note: str) -> draft_pb2.Draft:
        request = rpc.CreateDraftRequest(draft=draft_pb2.Draft(note=note, files=files))
        draft: draft_pb2.Draft = self._call("CreateDraft", request)
        assert not draft.faults, draft.faults
        return draft

    def _call(self, method: str, request: Any) -> Any:  # noqa: ANN401 -- messages of any RPC
        return getattr(self._rules, method)(request, metadata=bearer(self._token), timeout=_CALL_SECONDS)


def changed(
    files: revision_pb2.CatalogFiles, change: Callable[[str, str], str], area: str = "constraints"
) -> revision_pb2.CatalogFiles:
    """Returns files with those of an area changed: ``change`` takes a name and a text and returns the new text."""
    result = revision_pb2.CatalogFiles()
    result.CopyFrom(files)
    texts: Mapping[str, str] = getattr(files, area)
    for name, text in texts.items():
        getattr(result, area)[name] = change(name, text)
    return result


def refusing(files: revision_pb2.CatalogFiles, name: str, when: str, at: str) -> revision_pb2.CatalogFiles:
    """Returns files with one more constraint on the pair, in a file of its own.

    Args:
        files: The files.
        name: The constraint's id.
        when: The expression that is objected to.
        at: The field the objection belongs to.
    """
    result = revision_pb2.CatalogFiles()
    result.CopyFrom(files)
    result.constraints[f"constraints-{name}.yaml"] = f"""\
constraints:
  - id: {name}
    scope: pair
    refuse: >-
      {when}
    at: {at}
    severity: error
    code: NOT_AVAILABLE
    says: not made at the moment; choose another.
    reason: a test's
"""
    return result
