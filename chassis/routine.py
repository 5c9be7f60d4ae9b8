"""Several statements of a store in one round trip, bound to a tenant: what the hot path sends.

As a transaction they would cost a round trip each, and one more for each of begin, tenant and commit: on the hot path
that is most of what a call costs. A routine is called by one statement, which is a transaction by itself.

Its text stands in the store that calls it. `migrate` puts it into the database, under a name that its text decides: so
replicas of two versions of the code work beside each other, each with its own. It runs with the rights of its caller,
and row-level security holds it like anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256


@dataclass(frozen=True)
class Routine:
    """A function of the database, in PL/pgSQL.

    Attributes:
        name: What it does.
        parameters: The SQL types of $2 and so on; $1 is the tenant, which is bound before anything else is done.
        returns: The columns of the row it returns, each with its type.
        body: Its statements. Each sees what was committed before it, so what follows a lock sees what it waited for. A
            bare ``return`` returns no row.
    """

    name: str
    parameters: Sequence[str]
    returns: str
    body: str

    @cached_property
    def identifier(self) -> str:
        """Its name in the database."""
        return f"{self.name}_{sha256(self._text.encode()).hexdigest()[:12]}"

    @cached_property
    def definition(self) -> str:
        """The statement that puts it into the database."""
        return f"create or replace function {self.identifier}{self._text}"

    @cached_property
    def call(self) -> str:
        """The statement that calls it."""
        places = ", ".join(f"${number}" for number in range(1, len(self.parameters) + 2))
        return f"select * from {self.identifier}({places})"  # noqa: S608 -- a name of ours

    @property
    def _text(self) -> str:
        return f"""({", ".join(("text", *self.parameters))})
            returns table ({self.returns}) language plpgsql as $routine$
            #variable_conflict use_column
            begin
                perform set_config('lensmesh.tenant', $1, true); -- until the end of the transaction, so of the call
                {self.body}
            end
            $routine$"""
