"""Orders, their hand-offs, notes, remembered lens names and answered requests; the log."""

from alembic import op

from chassis.schema import create_log, create_requests, own_rows

revision = "0001"
down_revision = None

SERVICE = "order"


def upgrade() -> None:
    create_log(SERVICE)
    create_requests(SERVICE)
    op.execute(
        """
        create table orders (
            id uuid primary key default uuidv7(),
            tenant text not null,
            state text not null,
            version bigint not null default 1,
            sequence bigint not null default 1,
            content bytea not null,
            violations bytea not null default '',
            handoff uuid,
            job text not null default '',
            job_sequence bigint not null default 0,
            lab_status text not null default '',
            catalog_revision bigint not null default 0,
            create_time timestamptz not null default now(),
            update_time timestamptz not null default now(),
            submit_time timestamptz,
            unique (tenant, id)
        )
        """,
    )
    own_rows("orders", SERVICE, service_grants="select, insert, update", relay_grants="select, update")
    op.execute(
        """
        create table handoff (
            id uuid primary key default uuidv7(),
            tenant text not null,
            order_id uuid not null,
            lab text not null,
            spec bytea not null,
            came_from text not null,
            request uuid,
            outcome text check (outcome in ('ACCEPTED', 'REFUSED')),
            tries integer not null default 0,
            next_try timestamptz not null,
            create_time timestamptz not null default now(),
            foreign key (tenant, order_id) references orders (tenant, id)
        )
        """,
    )
    op.execute("create index handoff_pending on handoff (next_try) where outcome is null")
    own_rows("handoff", SERVICE, service_grants="select, insert, update", relay_grants="select, update")
    op.execute(
        """
        create table note (
            tenant text not null,
            order_id uuid not null,
            number integer not null,
            author text not null,
            text text not null,
            create_time timestamptz not null default now(),
            primary key (tenant, order_id, number),
            foreign key (tenant, order_id) references orders (tenant, id)
        )
        """,
    )
    own_rows("note", SERVICE, service_grants="select, insert", relay_grants="select")
    # what a practice decided a partner's lens name means
    op.execute(
        """
        create table lens_name (
            tenant text not null,
            label text not null,
            code text not null,
            entry text not null,
            update_time timestamptz not null default now(),
            primary key (tenant, label, code)
        )
        """,
    )
    own_rows("lens_name", SERVICE, service_grants="select, insert, update", relay_grants="select")
