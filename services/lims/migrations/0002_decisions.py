"""The decision a job was created by, and the account it was priced for."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # A job's decision is its evidence: written with it, and nobody is granted to change it. Jobs of before have none.
    op.execute("alter table job add column account text not null default ''")
    op.execute("alter table job add column decision bytea")
