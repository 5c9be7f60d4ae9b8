"""What the lab would ask for an order, and the accounts it is ordered under."""

from alembic import op

revision = "0002"
down_revision = "0001"

SERVICE = "order"


def upgrade() -> None:
    op.execute("alter table orders add column quote bytea not null default ''")
    op.execute("alter table handoff add column account text not null default ''")
    # A number belongs to one practice, whoever looks: the primary key holds across what row-level security hides.
    op.execute(
        """
        create table account (
            lab text not null,
            number text collate "C" not null,
            tenant text not null,
            is_default boolean not null,
            create_time timestamptz not null default now(),
            primary key (lab, number)
        )
        """,
    )
    op.execute("create index account_of_practice on account (tenant, lab, number)")
    op.execute("create unique index account_default on account (tenant, lab) where is_default")
    # Two tenants may look at a row, the practice it belongs to and the lab that gave it; the lab alone writes it.
    bound = "nullif(current_setting('lensmesh.tenant', true), '')"
    allowed = f"using ({bound} in (tenant, lab)) with check (lab = {bound})"
    for statement in (
        "alter table account enable row level security",
        "alter table account force row level security",
        f"create policy account_tenant on account to {SERVICE}_service {allowed}",
        f"create policy account_relay on account to {SERVICE}_relay using (true) with check (true)",
        f"grant select, insert, update, delete on account to {SERVICE}_service",
        f"grant select on account to {SERVICE}_relay",
    ):
        op.execute(statement)
