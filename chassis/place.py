"""Where a relay or follower stands in a stream, moved by compare-and-swap.

Moving the place in the same transaction as the effect makes the effect happen once: of two who both believe to lead,
the second finds the place moved and its whole transaction undone.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.driver import Driver

_READ = text("select cursor from place where name = :name")
_BEGIN = text("insert into place (name, cursor) values (:name, :cursor) on conflict do nothing")
_MOVE = text("update place set cursor = :cursor, moved = now() where name = :name and cursor = :expected")
_MOVE_AT_ONCE = "update place set cursor = $3, moved = now() where name = $1 and cursor = $2 returning true"


class PlaceTakenError(Exception):
    """Somebody else moved the place: this process does not lead any longer."""


async def read(connection: AsyncConnection, name: str, *, beginning: str) -> str:
    """Returns the cursor of a place, which is made at ``beginning`` the first time."""
    await connection.execute(_BEGIN, {"name": name, "cursor": beginning})
    return str((await connection.execute(_READ, {"name": name})).scalar_one())


async def move(connection: AsyncConnection, name: str, *, expected: str, to: str) -> None:
    """Moves a place on.

    Raises:
        PlaceTakenError: It does not stand where it was expected; the transaction must not commit.
    """
    moved = await connection.execute(_MOVE, {"name": name, "cursor": to, "expected": expected})
    if moved.rowcount != 1:
        raise PlaceTakenError(_taken(name))


async def move_at_once(driver: Driver, name: str, *, expected: str, to: str) -> None:
    """Moves a place on whose effect is elsewhere, in a transaction of its own.

    Raises:
        PlaceTakenError: As `move`.
    """
    async with driver.across_tenants() as connection:
        if not await connection.fetchval(_MOVE_AT_ONCE, name, expected, to):
            raise PlaceTakenError(_taken(name))


def _taken(name: str) -> str:
    return f"{name} was moved on by another process"
