"""Between the contract's messages and the rulebook's nouns."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from lensmesh.lims.v1 import draft_pb2, examination_pb2, revision_pb2

from chassis.errors import FieldInvalid, NotFound
from rules import files as text_files
from rules.files import Area, FileError
from services.lims.rulebook.diff import Change
from services.lims.rulebook.model import Draft, Override, Published

AREAS: Sequence[str] = tuple(Area)


def draft_id(name: str) -> uuid.UUID:
    """Returns the id in a draft's name.

    Raises:
        NotFound: It is no draft's name.
    """
    try:
        return uuid.UUID(name.removeprefix("drafts/"))
    except ValueError as error:
        raise NotFound(f"there is no draft {name!r}; list the drafts to see which there are") from error


def revision_number(name: str) -> int:
    """Returns the number in a revision's name, which the contract has validated."""
    return int(name.removeprefix("revisions/"))


def texts(files: revision_pb2.CatalogFiles, areas: Iterable[str] = AREAS) -> Mapping[str, str]:
    """Returns the files of some areas, text by name.

    Raises:
        FieldInvalid: A name stands there twice.
    """
    found: dict[str, str] = {}
    for area in areas:
        for name, text in getattr(files, area).items():
            if name in found:
                raise FieldInvalid([(f"draft.files.{area}", f"{name} stands in another area as well")])
            found[name] = text
    return found


def require_readable(given: Mapping[str, str], *, area: str | None = None) -> None:
    """Lets files pass that are YAML, and belong to an area where one is named.

    Raises:
        FieldInvalid: One is not, or does not; all of them are named.
    """
    faults = []
    for name, text in given.items():
        try:
            belongs = text_files.area(text_files.read(text))
        except FileError as error:
            faults.append((f"draft.files.{area or 'catalog'}", f"{name}: {error}"))
            continue
        if area is not None and belongs != area:
            faults.append((f"draft.files.{area}", f"{name}: by what it holds it belongs to files.{belongs}"))
    if faults:
        raise FieldInvalid(faults)


def files_message(files: Mapping[str, str]) -> revision_pb2.CatalogFiles:
    """Returns files as callers see them: by the area each belongs to."""
    message = revision_pb2.CatalogFiles()
    for name, text in files.items():
        getattr(message, area_of(text))[name] = text
    return message


def area_of(text: str) -> str:
    """Returns the area of a file that is stored: of YAML, therefore."""
    return text_files.area(text_files.read(text)).value


def draft_message(draft: Draft, files: revision_pb2.CatalogFiles | None = None) -> draft_pb2.Draft:
    """Returns a draft as callers see it, with its files where they are to be told."""
    message = draft_pb2.Draft(
        name=draft.name,
        note=draft.note,
        base_revision=draft.base_revision,
        files=files,
        state=draft_pb2.Draft.State.Value(f"STATE_{draft.state}"),
        digest=draft.digest,
        faults=draft.faults,
        etag=draft.etag,
        author=draft.author,
        published=f"revisions/{draft.published}" if draft.published else "",
        failure=draft.failure,
    )
    message.create_time.FromDatetime(draft.create_time)
    message.update_time.FromDatetime(draft.update_time)
    if draft.schedule:
        message.publish_time.FromDatetime(draft.schedule.time)
    return message


def change_message(change: Change) -> revision_pb2.Change:
    """Returns a difference as callers see it."""
    return revision_pb2.Change(
        kind=revision_pb2.Change.Kind.Value(f"KIND_{change.kind}"),
        section=change.section,
        entry=change.entry,
        field=change.field,
        before=change.before,
        after=change.after,
        says=change.says,
    )


def overrides(given: Iterable[revision_pb2.Override]) -> tuple[Override, ...]:
    """Returns the findings that are to be published all the same."""
    return tuple(Override(each.finding, each.reason) for each in given)


def attached(check: bytes | None, preview: bytes | None, overridden: Iterable[Override]) -> bytes:
    """Returns the bytes that reports and overrides are attached to a revision as."""
    message = revision_pb2.Revision(
        check=examination_pb2.CheckReport.FromString(check) if check is not None else None,
        preview=examination_pb2.PreviewReport.FromString(preview) if preview is not None else None,
        overrides=[revision_pb2.Override(finding=each.finding, reason=each.reason) for each in overridden],
    )
    return message.SerializeToString(deterministic=True)


def attached_digest(content: bytes) -> str:
    """Returns what a head holds of attached bytes."""
    return sha256(content).hexdigest() if content else ""


def published_message(published: Published) -> revision_pb2.Revision:
    """Returns a revision as callers see it, with what is attached to it where that was read."""
    message = revision_pb2.Revision.FromString(published.attached)
    message.name = f"revisions/{published.revision.number}"
    message.number = published.revision.number
    message.digest = published.revision.digest
    message.head = published.head
    message.parent_head = published.parent_head
    message.signature = published.signature
    message.author = published.author
    message.note = published.note
    message.publish_time.FromDatetime(published.revision.publish_time)
    message.restores = published.restores
    return message
