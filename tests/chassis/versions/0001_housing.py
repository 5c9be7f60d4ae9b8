"""A service's usual tables, and one of its own: things, each with the sequence of its last event."""

from alembic import op
from sqlalchemy import text

from chassis.schema import create_log, create_requests, own_rows

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates them, for the service whose database this is."""
    service = op.get_bind().execute(text("select current_database()")).scalar_one()
    create_log(service)
    create_requests(service)
    op.execute(
        "create table thing (tenant text not null, name text primary key,"
        " sequence bigint not null default 0, note text not null default '')"
    )
    own_rows("thing", service, service_grants="select, insert, update", relay_grants="select, insert, update")
