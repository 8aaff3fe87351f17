"""The migrations make what the models say, on an empty database and by many processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from corpus.errors import InvalidFile, StoreTooNew
from db.schema import MIGRATIONS, SCHEMA, VERSION_TABLE
from db.session import Store, connect, open_store
from db.tables import METADATA, TABLES


def test_models_and_migrations_agree(store: Store) -> None:
    options = {"target_metadata": METADATA, "version_table": VERSION_TABLE, "compare_type": True}
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def test_the_program_knows_its_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_opening_makes_the_tables_once(bare_url: str) -> None:
    for _ in range(2):
        store = open_store(bare_url)
        assert set(inspect(store.engine).get_table_names()) == {table.name for table in TABLES} | {
            VERSION_TABLE
        }
        store.close()


def test_a_newer_store_is_refused_with_both_versions(store: Store, store_url: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0042'"))
    with pytest.raises(StoreTooNew, match=rf"schema 0042.*up to {SCHEMA}.*pip install --upgrade"):
        open_store(store_url)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.sqlite"
    theirs = connect(file)
    with theirs.engine.begin() as connection:
        connection.execute(text("CREATE TABLE bookmarks (url TEXT)"))
    theirs.close()
    with pytest.raises(InvalidFile, match="another program"):
        open_store(file)
    (tmp_path / "notes.txt").write_text("FICTIONAL notes, no database at all. " * 100)
    with pytest.raises(InvalidFile, match="not a SQLite database"):
        open_store(tmp_path / "notes.txt")


def test_many_processes_open_a_new_store_at_once(bare_url: str) -> None:
    program = "import sys; from db.session import open_store; open_store(sys.argv[1]).close()"
    opening = [subprocess.Popen([sys.executable, "-c", program, bare_url]) for _ in range(4)]
    assert [process.wait() for process in opening] == [0, 0, 0, 0]
    store = open_store(bare_url)
    with store.engine.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {VERSION_TABLE}")).scalar() == 1
    store.close()
