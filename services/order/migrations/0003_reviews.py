"""Which open orders the revision in force has not decided yet is asked all the time, so it has an index of its own."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        create index orders_decided on orders (catalog_revision, id)
        where state in ('STATE_DRAFT', 'STATE_AWAITING_FRAME', 'STATE_NEEDS_ATTENTION')
            and (catalog_revision > 0 or violations <> '')
        """,
    )
