"""The catalog's revisions, the jobs, and the log of both."""

from alembic import op

from chassis.schema import create_log, own_rows

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_log("lims")
    # Append-only: nobody is granted more than to read and to add. A roll-back is a new revision with old content, so a
    # digest may come again; a number may not.
    op.execute(
        """
        create table revision (
            tenant text not null,
            number bigint not null check (number > 0),
            digest text not null check (digest = encode(sha256(content), 'hex')),
            parent_digest text check ((parent_digest is null) = (number = 1)),
            content bytea not null,
            author text not null,
            note text not null,
            publish_time timestamptz not null default statement_timestamp(),
            primary key (tenant, number)
        )
        """,
    )
    own_rows("revision", "lims", service_grants="select, insert", relay_grants="select")
    op.execute(
        """
        create table job (
            tenant text not null,
            number bigint not null generated always as identity (start with 100001),
            handoff_id uuid not null,
            spec bytea not null,
            spec_digest bytea not null check (spec_digest = sha256(spec)),
            state text not null check (state in ('RECEIVED', 'IN_PRODUCTION', 'ON_HOLD', 'SHIPPED', 'CANCELLED')),
            station text not null,
            route text[] not null check (cardinality(route) > 0),
            catalog_revision bigint not null,
            sequence bigint not null check (sequence > 0),
            create_time timestamptz not null default statement_timestamp(),
            update_time timestamptz not null default statement_timestamp(),
            primary key (number),
            -- one job for each hand-off: this, and no look before the leap, is what makes CreateJob idempotent
            constraint job_handoff unique (tenant, handoff_id),
            foreign key (tenant, catalog_revision) references revision (tenant, number)
        )
        """,
    )
    op.execute("create index job_state on job (tenant, state, number)")
    # What a job is made of is pinned at its creation; only where it stands may change.
    own_rows(
        "job",
        "lims",
        service_grants="select, insert, update (state, station, sequence, update_time)",
        relay_grants="select",
    )
