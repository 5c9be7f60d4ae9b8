"""The nouns of the rulebook: drafts, revisions with their place in the chain, and what was found out about them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.lims.errors import DraftState
from services.lims.model import Revision


class State(StrEnum):
    """Where a draft stands; the contract's names."""

    OPEN = "OPEN"
    SCHEDULED = "SCHEDULED"
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"


EDITABLE = frozenset({State.OPEN, State.FAILED})
"""Where a draft can be edited, and be scheduled."""
PUBLISHABLE = EDITABLE | {State.SCHEDULED}
"""Where a draft can be published."""


@dataclass(frozen=True, slots=True)
class Override:
    """A finding that is published all the same.

    Attributes:
        finding: Its id.
        reason: Why, in the author's words.
    """

    finding: str
    reason: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a draft comes into force on its own, and what was said when that was decided.

    Attributes:
        time: When.
        author: Who decided it.
        note: Why; becomes the revision's note.
        overrides: The findings that are published all the same.
    """

    time: datetime
    author: str
    note: str
    overrides: Sequence[Override] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A catalog that is being written.

    Attributes:
        id: Its id.
        base_revision: The revision it started from and is held against.
        note: What it is about.
        author: Who made it.
        files: Its files, text by name; empty where they were not asked for.
        version: Rises with every edit.
        state: Where it stands.
        digest: SHA-256 over the bytes a revision of it would be; empty while its files hold no catalog.
        faults: What keeps its files from being a catalog.
        schedule: When it comes into force; None unless it is scheduled.
        published: The number of the revision it became; 0 before.
        failure: Why it could not come into force when it should have.
        create_time: When it was made.
        update_time: When it was last edited.
    """

    id: uuid.UUID
    base_revision: int
    note: str
    author: str
    files: Mapping[str, str]
    version: int
    state: State
    digest: str
    faults: Sequence[str]
    schedule: Schedule | None
    published: int
    failure: str
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"drafts/{self.id}"

    @property
    def etag(self) -> str:
        """What tells one edit from the next."""
        return f"v{self.version}"

    def require(self, states: frozenset[State], refused: str) -> None:
        """Lets a draft pass that stands in one of some states.

        Raises:
            DraftState: It stands elsewhere; ``refused`` says what therefore cannot be done.
        """
        if self.state not in states:
            raise DraftState(self.name, self.state, refused)


class Examined(StrEnum):
    """How a catalog was looked at."""

    CHECK = "check"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class Published:
    """A revision with its place in the chain and what was attached to it.

    Attributes:
        revision: Number, digest and time.
        head: Its head; empty for a revision of before heads that is not taken into the chain yet.
        parent_head: The head before it.
        signature: The head's signature.
        author: Who published it.
        note: Why.
        restores: The revision whose content it restores; 0 when it is no roll-back.
        attached: The stored bytes of what was attached to it (a `Revision` with check, preview and overrides); empty
            where nothing was, or where they were not asked for.
    """

    revision: Revision
    head: str
    parent_head: str
    signature: bytes
    author: str
    note: str
    restores: int
    attached: bytes
