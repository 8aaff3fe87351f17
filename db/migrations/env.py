"""Alembic's entry: runs the migrations on the connection that `db.schema` hands in."""

from __future__ import annotations

from alembic import context

from db.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
