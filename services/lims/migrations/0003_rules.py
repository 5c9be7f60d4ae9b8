"""Drafts, what was found out about them, and the chain of revisions."""

from alembic import op

from chassis.schema import create_requests, own_rows

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_requests("lims")
    # Whose content a revision restores, and the checks and previews it was published by: written with it, as stored.
    op.execute("alter table revision add column restores bigint not null default 0 check (restores >= 0)")
    op.execute("alter table revision add column attached bytea not null default ''")
    # A table of its own, so that a revision of before heads can be taken into the chain without being changed: nobody
    # is granted more than to read and to add.
    op.execute(
        """
        create table revision_head (
            tenant text not null,
            number bigint not null,
            head text not null,
            parent_head text not null check ((parent_head = '') = (number = 1)),
            signature bytea not null,
            primary key (tenant, number),
            foreign key (tenant, number) references revision (tenant, number)
        )
        """,
    )
    own_rows("revision_head", "lims", service_grants="select, insert", relay_grants="select")
    op.execute(
        """
        create table draft (
            tenant text not null,
            id uuid not null default uuidv7(),
            base_revision bigint not null,
            note text not null,
            author text not null,
            files jsonb not null,
            version bigint not null default 1,
            state text not null default 'OPEN' check (state in ('OPEN', 'SCHEDULED', 'PUBLISHED', 'FAILED')),
            digest text not null,
            faults text[] not null,
            schedule_time timestamptz check ((schedule_time is null) = (state <> 'SCHEDULED')),
            schedule jsonb,
            published bigint not null default 0 check ((published = 0) = (state <> 'PUBLISHED')),
            failure text not null default '',
            create_time timestamptz not null default statement_timestamp(),
            update_time timestamptz not null default statement_timestamp(),
            primary key (tenant, id),
            foreign key (tenant, base_revision) references revision (tenant, number)
        )
        """,
    )
    op.execute("create index draft_edited on draft (tenant, update_time desc, id desc)")
    op.execute("create index draft_due on draft (tenant, schedule_time) where state = 'SCHEDULED'")
    own_rows("draft", "lims", service_grants="select, insert, update, delete", relay_grants="select")
    # What was found out about some content: the latest report of its kind, as it will be attached.
    op.execute(
        """
        create table examination (
            tenant text not null,
            digest text not null,
            kind text not null check (kind in ('check', 'preview')),
            base_revision bigint not null,
            engine text not null,
            report bytea not null,
            time timestamptz not null default statement_timestamp(),
            primary key (tenant, digest, kind)
        )
        """,
    )
    own_rows("examination", "lims", service_grants="select, insert, update", relay_grants="select")
