"""Storing: tables, mapping, repository, journal, migrations. SQLite and Postgres pass the same tests."""
