"""What VerifyHistory finds when whoever administers the database lays hands on the history."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from hashlib import sha256

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runtime.postgres import Server
from services.lims.rulebook import chain, keys
from services.lims.rulebook.chain import Place
from tests.contract.rulebook.conftest import Engineer, Works, files
from tests.support.rulebook import LIMITS

_TABLES = ("revision_head", "revision")


@pytest.fixture(scope="module")
def historian(at_work: Works) -> Iterator[Engineer]:
    """An engineer of a lab with three revisions, which each test finds as they were."""
    with at_work("labs/history") as engineer:
        yield _with_three(engineer)


def _with_three(engineer: Engineer) -> Engineer:
    for _ in range(2):
        engineer.published(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n"))
    assert engineer.verify().intact
    return engineer


@pytest.fixture
async def superuser(postgres: Server, historian: Engineer) -> AsyncIterator[asyncpg.Connection]:
    """Somebody whom no grant, no foreign key and no check of the table stops; all is put back afterwards."""
    connection = await asyncpg.connect(postgres.url("lims"))
    await connection.execute("set session_replication_role = replica")
    checks = await connection.fetch(
        "select conname, pg_get_constraintdef(oid) as says from pg_constraint"
        " where conrelid = 'revision'::regclass and contype = 'c'"
    )
    for check in checks:
        await connection.execute(f"alter table revision drop constraint {check['conname']}")
    for table in _TABLES:
        await connection.execute(f"create temp table kept_{table} as select * from {table}")  # noqa: S608 -- ours
    yield connection
    for table in _TABLES:
        await connection.execute(f"delete from {table} where tenant = '{historian.lab}'")  # noqa: S608 -- ours
        await connection.execute(
            f"insert into {table} select * from kept_{table} where tenant = '{historian.lab}'"  # noqa: S608 -- ours
        )
    for check in checks:
        await connection.execute(f"alter table revision add constraint {check['conname']} {check['says']} not valid")
    await connection.close()
    assert historian.verify().intact


async def test_an_untouched_history_is_intact(historian: Engineer) -> None:
    """Every revision is counted, and every head is kept outside."""
    verified = historian.verify()
    assert (verified.revisions, verified.heads_kept, list(verified.faults)) == (3, 3, [])
    last = json.loads(historian.heads.read_text().splitlines()[-1])
    assert (last["number"], last["head"]) == (3, verified.head)


async def test_one_altered_byte_is_found(historian: Engineer, superuser: asyncpg.Connection) -> None:
    """Whether the digest beside it is left as it was, or altered as well."""
    await superuser.execute(
        "update revision set content = set_byte(content, 40, get_byte(content, 40) # 1)"
        " where tenant = $1 and number = 2",
        historian.lab,
    )
    found = historian.verify()
    assert not found.intact
    assert any(fault.startswith("revision 2: its stored bytes have the digest") for fault in found.faults)
    await superuser.execute(
        "update revision set digest = encode(sha256(content), 'hex') where tenant = $1 and number = 2", historian.lab
    )
    assert any("something of it was changed" in fault for fault in historian.verify().faults)


@pytest.mark.parametrize(
    "change",
    [
        "note = 'Nothing to see here'",
        "author = 'users/mallory'",
        "publish_time = publish_time - interval '1 microsecond'",
        "restores = 1",
        "attached = ''",
    ],
)
async def test_whatever_is_said_of_a_revision_is_covered(
    historian: Engineer, superuser: asyncpg.Connection, change: str
) -> None:
    """Who, why, when, what it restores, and what the check found."""
    await superuser.execute(f"update revision set {change} where tenant = $1 and number = 3", historian.lab)  # noqa: S608 -- of this test
    (fault, *_) = historian.verify().faults
    assert fault.startswith("revision 3: its head is")


async def test_a_removed_revision_is_found(historian: Engineer, superuser: asyncpg.Connection) -> None:
    """From the middle as well as from the end."""
    await _remove(superuser, historian.lab, 2)
    found = historian.verify().faults
    assert any("what was between them is missing" in fault for fault in found)
    assert any(fault.startswith("revision 2: is missing; its head is kept") for fault in found)
    await _remove(superuser, historian.lab, 3)
    assert any(fault.startswith("revision 3: is missing; its head is kept") for fault in historian.verify().faults)


async def test_an_inserted_revision_is_found(historian: Engineer, superuser: asyncpg.Connection) -> None:
    """It has no head, or one that nobody signed."""
    await superuser.execute(
        "insert into revision (tenant, number, digest, parent_digest, content, author, note)"
        " select tenant, 4, digest, digest, content, 'users/mallory', 'mine' from revision"
        " where tenant = $1 and number = 2",
        historian.lab,
    )
    assert any(fault == "revision 4: has no head" for fault in historian.verify().faults)


async def test_another_signature_is_found(historian: Engineer, superuser: asyncpg.Connection) -> None:
    """The head may be right; it is not the lab that says so."""
    other = Ed25519PrivateKey.generate()
    head = historian.verify().head
    await superuser.execute(
        "update revision_head set signature = $2 where tenant = $1 and number = 3",
        historian.lab,
        other.sign(head.encode()),
    )
    assert list(historian.verify().faults) == ["revision 3: its head is not signed by the lab's key"]


@pytest.mark.parametrize("has_the_key", [False, True])
async def test_a_chain_rewritten_whole_is_found(
    historian: Engineer, superuser: asyncpg.Connection, *, has_the_key: bool
) -> None:
    """Also when who rewrote it has the signing key: the heads that are kept outside are others."""
    key = keys.read(historian.key) if has_the_key else Ed25519PrivateKey.generate()
    await _rewrite(superuser, historian.lab, key)
    found = historian.verify().faults
    assert any("kept outside the database is" in fault for fault in found)
    assert any("not signed" in fault for fault in found) != has_the_key
    assert not any("something of it was changed" in fault for fault in found)


async def test_a_head_that_does_not_follow_is_not_kept_outside(at_work: Works, superuser: asyncpg.Connection) -> None:
    """What was kept stays what was published, whatever is in the database later."""
    with at_work("labs/rewritten") as engineer:
        _with_three(engineer)
        kept = engineer.heads.read_text()
        await _rewrite(superuser, engineer.lab, keys.read(engineer.key))
        engineer.published(files(limits_yaml=LIMITS + f"# {uuid.uuid4()}\n"))
        engineer.process.wait_for("head_not_kept")
        assert engineer.heads.read_text() == kept
        assert any("its head is not kept outside" in fault for fault in engineer.verify().faults)


async def _remove(superuser: asyncpg.Connection, lab: str, number: int) -> None:
    for table in _TABLES:
        await superuser.execute(f"delete from {table} where tenant = $1 and number = $2", lab, number)  # noqa: S608


async def _rewrite(superuser: asyncpg.Connection, lab: str, key: Ed25519PrivateKey) -> None:
    """Writes the first revision's note anew, and every head after it, as who knows how would."""
    rows = await superuser.fetch(
        "select number, digest, author, note, publish_time, restores, attached from revision"
        " where tenant = $1 order by number",
        lab,
    )
    parent = ""
    for row in rows:
        place = Place(
            number=row["number"],
            digest=row["digest"],
            parent_head=parent,
            author=row["author"],
            note=row["note"],
            publish_time=row["publish_time"],
            restores=row["restores"],
            attached=sha256(row["attached"]).hexdigest() if row["attached"] else "",
        )
        if place.number == 1:
            place = replace(place, note="It was always like this")
            await superuser.execute("update revision set note = $2 where tenant = $1 and number = 1", lab, place.note)
        head = chain.signed(place, key)
        await superuser.execute(
            "update revision_head set head = $3, parent_head = $4, signature = $5 where tenant = $1 and number = $2",
            lab,
            place.number,
            head.head,
            parent,
            head.signature,
        )
        parent = head.head
