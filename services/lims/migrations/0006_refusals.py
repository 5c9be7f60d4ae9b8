"""Hand-offs that were refused: the first answer is the answer, also when it is no job."""

from alembic import op

from chassis.schema import own_rows

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Append-only. By spec and account as well: a hand-off that was refused may be made after it was mended.
    op.execute(
        """
        create table refusal (
            tenant text not null,
            handoff_id uuid not null,
            spec_digest bytea not null,
            account text not null,
            violations bytea not null,
            catalog_revision bigint not null,
            create_time timestamptz not null default statement_timestamp(),
            primary key (tenant, handoff_id, spec_digest, account)
        )
        """,
    )
    own_rows("refusal", "lims", service_grants="select, insert", relay_grants="select")
