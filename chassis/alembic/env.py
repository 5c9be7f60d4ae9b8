"""Alembic's entry point, one for all services: `chassis.migrate` hands it the connection and the service's versions."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
