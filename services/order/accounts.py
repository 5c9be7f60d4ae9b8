"""Accounts: which customer number of the lab is which practice's.

The lab gives them, so the lab is the tenant of what is done here; a practice reads its own as its own tenant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.database import Database
from chassis.errors import NotFound
from services.order import store
from services.order.errors import AccountIsDefault, AccountTaken
from services.order.model import Account


@dataclass(frozen=True, slots=True)
class Accounts:
    """The use cases of a lab's accounts."""

    database: Database
    lab: str

    async def give(self, number: str, practice: str, *, is_default: bool) -> Account:
        """Gives an account to a practice, or makes it the practice's usual one; returns it.

        Raises:
            AccountTaken: It is another practice's.
        """
        async with self.database.transaction(self.lab) as connection:
            await store.lock_accounts(connection, self.lab)
            known = await store.account(connection, self.lab, number)
            if known and known.practice != practice:
                raise AccountTaken(number, known.practice)
            return await store.put_account(connection, self.lab, number, practice=practice, is_default=is_default)

    async def give_first(self, given: Sequence[tuple[str, str]]) -> None:
        """Gives (number, practice) of accounts when the lab has given none yet; else changes nothing."""
        async with self.database.transaction(self.lab) as connection:
            await store.lock_accounts(connection, self.lab)  # of several replicas that start at once, one gives them
            if await store.list_accounts(connection, self.lab, practice=None, after=None, limit=1):
                return
            for number, practice in given:
                await store.put_account(connection, self.lab, number, practice=practice, is_default=False)

    async def take_away(self, number: str) -> None:
        """Takes an account away from its practice.

        Raises:
            NotFound: The lab has given no such account.
            AccountIsDefault: It is the usual one of a practice that has others.
        """
        async with self.database.transaction(self.lab) as connection:
            await store.lock_accounts(connection, self.lab)
            known = await store.account(connection, self.lab, number)
            if known is None:
                raise NotFound(f"{self.lab} has given no account {number}")
            if known.is_default and len(await store.own_accounts(connection, known.practice, self.lab)) > 1:
                raise AccountIsDefault(number, known.practice)
            await store.delete_account(connection, self.lab, number)

    async def owner(self, number: str) -> str | None:
        """Returns the practice that has an account; None when nobody does."""
        async with self.database.transaction(self.lab) as connection:
            known = await store.account(connection, self.lab, number)
        return known.practice if known else None

    async def page(self, *, practice: str, after: str | None, limit: int) -> Sequence[Account]:
        """Returns up to ``limit`` of the lab's accounts by number, after a number; of one practice or of all."""
        async with self.database.transaction(self.lab) as connection:
            return await store.list_accounts(connection, self.lab, practice=practice or None, after=after, limit=limit)

    async def page_of_practice(self, practice: str, *, after: str | None, limit: int) -> Sequence[Account]:
        """Returns up to ``limit`` of a practice's own accounts by number, after a number; seen as that practice."""
        async with self.database.transaction(practice) as connection:
            return await store.list_accounts(connection, self.lab, practice=practice, after=after, limit=limit)
