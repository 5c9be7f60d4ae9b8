"""Pieces of DDL that every service's migrations share.

Called from a migration's ``upgrade()``; they run as the service's owner role. The names of the service's two other
roles follow from the database's name, which is the service's.
"""

from alembic import op


def own_rows(table: str, service: str, *, service_grants: str, relay_grants: str) -> None:
    """Puts a table behind row-level security and grants the service's roles what they need.

    The service role sees and writes rows of the transaction's tenant (column ``tenant``) and none without one; the
    relay role sees all. ``force`` binds the owner too, so that not even a migration reads across by accident.
    """
    bound = "tenant = nullif(current_setting('lensmesh.tenant', true), '')"
    for statement in (
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy {table}_tenant on {table} to {service}_service using ({bound}) with check ({bound})",
        f"create policy {table}_relay on {table} to {service}_relay using (true) with check (true)",
        f"grant {service_grants} on {table} to {service}_service",
        f"grant {relay_grants} on {table} to {service}_relay",
    ):
        op.execute(statement)


def create_log(service: str) -> None:
    """Creates the service's commit-ordered log, and the tables by which relays and followers keep their places."""
    op.execute(
        """
        create table log (
            transaction xid8 not null default pg_current_xact_id(),
            position bigint not null generated always as identity,
            id uuid not null default uuidv7(),
            tenant text not null,
            aggregate text not null,
            sequence bigint not null check (sequence > 0),
            kind text not null,
            schema_version integer not null default 1,
            traceparent text not null,
            time timestamptz not null default clock_timestamp(),
            payload bytea not null,
            primary key (transaction, position),
            constraint log_sequence unique (aggregate, sequence)
        )
        """,
    )
    own_rows("log", service, service_grants="select, insert", relay_grants="select, insert")
    # Where a relay or follower stands. Moved by compare-and-swap, so that a deposed leader cannot move it.
    op.execute(
        "create table place (name text primary key, cursor text not null, moved timestamptz not null default now())"
    )
    op.execute(f"grant select, insert, update on place to {service}_relay")
    # Who leads. Held for seconds, renewed while alive; times are the database's own.
    op.execute(
        "create table lease"
        " (name text primary key, holder uuid not null, term bigint not null, expires timestamptz not null)",
    )
    op.execute(f"grant select, insert, update, delete on lease to {service}_relay")
    # Which events a consumer applied, written with their effect.
    op.execute(
        "create table applied"
        " (consumer text, event uuid, time timestamptz not null default now(), primary key (consumer, event))",
    )
    op.execute(f"grant select, insert on applied to {service}_relay")


def create_requests(service: str) -> None:
    """Creates the table of answered requests: one row per request id, what was asked and what was answered first."""
    op.execute(
        """
        create table request (
            tenant text not null,
            id uuid not null,
            digest bytea not null,
            subject text not null default '',
            answer bytea,
            create_time timestamptz not null default now(),
            primary key (tenant, id)
        )
        """,
    )
    own_rows("request", service, service_grants="select, insert, update, delete", relay_grants="select")
