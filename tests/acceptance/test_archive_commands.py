"""`agents archive` as a user types it. All facts FICTIONAL."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pages import html_page, pdf_file

ROOT = Path(__file__).resolve().parents[2]
GERMAN = (
    "Die Notenbank hat den Zins erhöht, weil die Preise stark gestiegen sind, und sie will weiter erhöhen."
)


@pytest.fixture
def agents(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agents.cli", "archive", *arguments],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path / "home"),
                "COLUMNS": "160",
                "PSYCHOHISTORY_ARCHIVE": str(tmp_path / "mine.sqlite"),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def jsonl(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def row(number: int, **more: object) -> dict[str, object]:
    return {
        "url": f"https://example.org/{number}",
        "title": f"Rates in Freedonia, part {number}",
        "text": "The bank of Freedonia raised its rate.",
        "published_at": f"2022-06-{number:02d}",
        **more,
    }


def test_a_mixed_folder_is_read_and_what_is_broken_is_named(agents, tmp_path):
    folder = tmp_path / "news"
    (folder / "deep").mkdir(parents=True)
    jsonl(
        folder / "rows.txt",
        row(1),
        '{"url": "https://example.org/9", "text": "The ba',
        row(2, published_at="20222-01-01"),
    )
    (folder / "page.pdf").write_bytes(html_page())
    (folder / "deep" / "report.html").write_bytes(pdf_file("Rates rise", "The bank acted."))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    (folder / "fremd.txt").write_text(GERMAN)
    (folder / ".hidden").write_text("never read")
    first = agents("add", str(folder))
    assert first.returncode == 1
    assert "4 new documents, 0 known, 3 refused; 4 in" in first.stdout
    assert "1 in another language than English are kept but not read for events." in first.stdout
    assert "3 have no certain date" in first.stdout
    named = first.stderr.splitlines()
    assert len(named) == 3
    assert named[0].startswith("rows.txt, line 2: the line is not JSON")
    assert "rows.txt, line 3: published_at: '20222-01-01' is not a date" in named[1]
    assert "broken.pdf" in named[2]
    again = agents("add", str(folder), "--json")
    answer = json.loads(again.stdout)
    assert (answer["new"], answer["known"], answer["refused"], answer["total"]) == (0, 4, 3, 4)


def test_a_declared_date_makes_documents_available(agents, tmp_path):
    (tmp_path / "page.html").write_bytes(html_page())
    assert agents("add", str(tmp_path / "page.html"), "--published", "2022-06-15").returncode == 0
    (found,) = json.loads(agents("list", "--json").stdout)["documents"]
    assert (found["availability"], found["available_at"]) == ("declared", "2022-06-15T23:59:59+00:00")


def test_search_and_list_show_what_fits(agents, tmp_path):
    agents("add", str(jsonl(tmp_path / "a.jsonl", *(row(n) for n in range(1, 6)))))
    table = agents("list", "--limit", "2")
    assert table.returncode == 0
    assert "2 of 5" in table.stdout
    assert "part 1" in table.stdout
    assert "part 3" not in table.stdout
    found = agents(
        "search", "raising rates", "--since", "2022-06-02", "--available-by", "2022-06-03", "--json"
    )
    documents = json.loads(found.stdout)["documents"]
    assert [d["url"][-1] for d in documents] == ["2", "3"]
    nothing = agents("search", "football")
    assert (nothing.returncode, nothing.stdout) == (0, "No document fits; try fewer or other words.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("list",), 1, "does not exist; fill it first"),
        (("search", "rates"), 1, "does not exist; fill it first"),
        (("add", "nowhere.jsonl"), 2, "nowhere.jsonl does not exist"),
        (("search", "rates", "--since", "20222-01-01"), 2, "'20222-01-01' is not a date"),
        (("add",), 2, "Missing argument"),
    ],
)
def test_wrong_input_ends_in_one_sentence(agents, arguments, code, says):
    done = agents(*arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_archive_without_documents_says_so(agents, tmp_path):
    done = agents("add", str(jsonl(tmp_path / "empty.jsonl", "{}")))
    assert done.returncode == 1
    empty = agents("search", "rates")
    assert (empty.returncode, empty.stderr.count("\n")) == (1, 1)
    assert "holds no document" in empty.stderr


def test_a_page_of_200_mb_is_refused_quickly_and_its_neighbours_are_kept(agents, tmp_path):
    folder = tmp_path / "big"
    folder.mkdir()
    (folder / "good.html").write_bytes(html_page())
    with (folder / "huge.html").open("wb") as file:
        file.write(b"<html><body><p>")
        file.truncate(200_000_000)
    begun = time.monotonic()
    done = agents("add", str(folder), "--json")
    assert time.monotonic() - begun < 15
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["new"], answer["refused"]) == (1, 1, 1)
    assert "has 200,000,000 bytes; the limit is" in answer["bad"][0]["message"]
    assert "Traceback" not in done.stderr


def test_help_shows_an_example_for_every_command(agents):
    for command in ((), ("add",), ("list",), ("search",)):
        done = agents(*command, "--help")
        assert done.returncode == 0
        assert "Example:" in done.stdout
