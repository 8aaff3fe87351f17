"""Full disks, locked stores, dead servers, wrong names: one clear sentence each, and nothing lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from corpus.errors import InvalidInput, StoreBusy, StoreError, StoreFull
from db.repository import Cases
from db.session import Store, open_store
from db.tables import CaseRow
from tests.postgres import PostgresServer
from tests.storing import case

FILL = """
import sys
from pathlib import Path
from corpus.errors import StoreFull
from db.putting import PutResult
from db.repository import Cases
from db.session import open_store
from tests.storing import case

file = Path(sys.argv[1])
stored = []
try:
    store = open_store(file)
    for number in range(2_000):
        stored.append(Cases(store).put(case(f"FICTIONAL {number}")).case_id)
except StoreFull as error:
    assert str(file) in str(error), error
    store.close()
    again = open_store(file)
    assert set(stored) <= {found.case_id for found in Cases(again).list_cases()}, "something stored was lost"
    assert Cases(again).count() <= len(stored) + 1
    print(f"full after {len(stored)}: {error}")
"""


def on_a_small_disk(folder: Path) -> list[str]:
    """The start of a command that sees `folder` as a disk of 1 MB: in a namespace of its own, as root or not."""
    mount = f'mount -t tmpfs -o size=1m tmpfs "{folder}" && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]


def test_a_full_disk_ends_in_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    small = on_a_small_disk(folder)
    if subprocess.run([*small, "true"], capture_output=True).returncode:
        small = []  # no namespaces here: the quota below is what fills up
    program = FILL if small else FILL.replace("    for number", f"{QUOTA}\n    for number", 1)
    ended = subprocess.run(
        [*small, sys.executable, "-W", "error", "-c", program, str(folder / "cases.sqlite")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "No space is left for" in ended.stdout
    assert int(ended.stdout.split()[2].rstrip(":")) > 10


QUOTA = """
    from sqlalchemy import event
    event.listen(store.engine, "checkout", lambda c, *_: c.execute("PRAGMA max_page_count = 300"))
"""


def put_many(cases: Cases) -> None:
    for number in range(100):
        cases.put(case(f"FICTIONAL {number}"))


def test_a_sqlite_file_at_its_limit_is_full(tmp_path: Path) -> None:
    store = open_store(tmp_path / "cases.sqlite")
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(store.engine, "checkout", limit)
    with pytest.raises(StoreFull, match=r"No space is left for .*cases\.sqlite"):
        put_many(Cases(store))
    event.remove(store.engine, "checkout", limit)
    store.close()
    again = open_store(tmp_path / "cases.sqlite")
    for found in Cases(again).list_cases():
        assert Cases(again).get(found.case_id).case.seed_event == found.seed_event
    again.close()


def test_a_full_postgres_is_named(postgres: PostgresServer, postgres_template: str) -> None:
    name = postgres.create(postgres_template)
    store = open_store(postgres.url(name))
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
            )
        )
        connection.execute(
            text("CREATE TRIGGER f BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION full_disk()")
        )
    with pytest.raises(StoreFull, match=f"No space is left for postgresql.*{name}"):
        Cases(store).put(case())
    assert Cases(store).count() == 0
    store.close()
    postgres.drop(name)


def test_a_lock_that_does_not_come_free_is_busy(store: Store, store_url: str) -> None:
    cases, made = Cases(store), case()
    cases.put(made)
    hasty = open_store(store_url)

    def no_patience(connection: Any, *_: object) -> None:
        if hasty.is_sqlite:
            connection.execute("PRAGMA busy_timeout = 50")
        else:
            connection.execute("SET lock_timeout = '50ms'")
            connection.commit()

    event.listen(hasty.engine, "checkout", no_patience)
    with store.writing() as session:
        session.get_one(CaseRow, made.case_id, with_for_update=True)
        with pytest.raises(StoreBusy, match="held by another process"):
            Cases(hasty).put(made.model_copy(update={"summary": "2"}))
        assert Cases(hasty).count() == 1  # reading goes on
    assert Cases(hasty).put(made.model_copy(update={"summary": "2"})).revision == 2
    hasty.close()


def test_a_dead_server_is_named_without_a_password() -> None:
    with pytest.raises(StoreError, match=r"postgresql\S*//ann:\*\*\*@127\.0\.0\.1:1/cases cannot be reached"):
        open_store("postgresql://ann:secret@127.0.0.1:1/cases")


@pytest.mark.parametrize("name", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "://"])
def test_a_database_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="name a file or postgresql://"):
        open_store(name)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file cannot be made: File exists"):
        open_store(tmp_path / "file" / "cases.sqlite")


def test_the_environment_names_the_default(tmp_path: Path) -> None:
    program = "from db.session import open_store; print(open_store().place)"
    for named in ({"PSYCHOHISTORY_DB": str(tmp_path / "named.sqlite")}, {"XDG_DATA_HOME": str(tmp_path)}):
        ended = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"HOME": "/", **named},
        )
        assert ended.stdout.startswith(str(tmp_path))


def test_postgres_without_its_package_names_the_command() -> None:
    program = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'psycopg': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from db.session import open_store\n"
        "try: open_store('postgresql://localhost/x')\n"
        "except ImportError as error: print(type(error).__name__, error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == (
        "MissingExtra Postgres needs one more package: pip install 'psychohistory[postgres]'"
    )
