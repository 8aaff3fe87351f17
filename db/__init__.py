"""Storing: tables, mapping, repository, journal, migrations. SQLite and Postgres pass the same tests.

Synchronous throughout; asynchronous callers use `asyncio.to_thread`. Nothing here measures or trains,
and only the command lines, the curator's application and `training export-and-train` open a store.
"""
