"""What past decisions were made of, so that other rules can be tried on them; and the attempts that were refused."""

from alembic import op

from chassis.schema import own_rows

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # The facts of a job's decision (rules.replay.record). They are read by the million: as they stand, and in the row
    # itself. Jobs of before have none, and are decided by their specs.
    op.execute("alter table job add column replay bytea")
    op.execute("alter table job alter column replay set storage plain")
    # The demand that was turned away: what was asked for and refused, without a word of whose it was. One row for each
    # spec, however often it was tried.
    op.execute(
        """
        create table attempt (
            tenant text not null,
            number bigint not null generated always as identity,
            spec_digest bytea not null check (spec_digest = sha256(spec)),
            spec bytea not null,
            replay bytea not null,
            violations bytea not null,
            count bigint not null check (count > 0),
            first_time timestamptz not null default clock_timestamp(),
            last_time timestamptz not null default clock_timestamp(),
            catalog_revision bigint not null,
            primary key (number),
            constraint attempt_spec unique (tenant, spec_digest)
        )
        """,
    )
    op.execute("alter table attempt alter column replay set storage plain")
    own_rows(
        "attempt",
        "lims",
        service_grants="select, insert, update (replay, violations, count, last_time, catalog_revision)",
        relay_grants="select",
    )
