"""The archive file: what is added is there once, found by words, bounded by time. All facts FICTIONAL."""

import json
import sqlite3
import threading
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.archive import Archive, starter_archive
from agents.archive_records import Record
from corpus.dates import EventDate
from corpus.errors import InvalidFile, StoreFull, StoreTooNew


def document(number, text="The central bank of Freedonia raised its rate.", published="2022-06-15", **more):
    return Record(
        url=f"https://example.org/{number}", title=f"Note {number}", text=text, published_at=published, **more
    ).document()


def test_adding_again_changes_nothing_and_a_changed_text_stands_beside_the_old(tmp_path):
    with Archive.open(tmp_path / "a.sqlite") as archive:
        assert archive.add([document(1), document(2)]).new == 2
        again = archive.add([document(1), document(2), document(2)])
        assert (again.new, again.known) == (0, 3)
        assert archive.add([document(1, text="Another text.")]).new == 1
        assert archive.count() == 3


def test_what_was_added_comes_back_equal_after_reopening(tmp_path):
    kept = [document(1, terms="open"), document(2, published=None), document(3, published="2022-Q2")]
    with Archive.open(tmp_path / "a.sqlite") as archive:
        archive.add(kept)
    with Archive.open(tmp_path / "a.sqlite", read_only=True) as archive:
        assert sorted(archive.all(), key=lambda d: d.url) == kept
        assert archive.get(kept[0].url) == kept[0]
        assert archive.get(kept[0].url, kept[0].text_sha256) == kept[0]
        assert archive.get(kept[0].url, "0" * 64) is None
        assert archive.get("https://example.org/none") is None


def test_search_ranks_by_words_and_bounds_by_publication():
    archive = Archive.in_memory(
        [
            document(1, "Inflation rose. The rate was raised by 75 basis points.", "2022-06-15"),
            document(2, "The rate was left alone while the harvest came in.", "2021-01-05"),
            document(3, "A football match was lost.", "2022-06-20"),
            document(4, "Rates will be raised, basis points unknown.", None),
        ]
    )
    assert [d.url[-1] for d in archive.search("raising rates by 75 basis points")] == ["1", "4", "2"]
    assert [d.url[-1] for d in archive.search("rate", since=date(2022, 1, 1))] == ["1"]
    assert [d.url[-1] for d in archive.search("rate", until=EventDate.parse("2021"))] == ["2"]
    assert archive.search("rate", limit=0) == []
    assert [d.url[-1] for d in archive.published_between(date(2022, 6, 1), date(2022, 6, 30))] == ["1", "3"]


def test_a_cut_off_leaves_out_whatever_is_not_shown_available():
    archive = Archive.in_memory(
        [
            document(1, published="2022-06-15"),
            document(2, published="2022-06-15", available_at="2022-06-15T12:00:00Z"),
            document(3, published=None),
        ]
    )
    noon = datetime(2022, 6, 15, 12, tzinfo=UTC)
    assert [d.url[-1] for d in archive.search("bank", available_by=noon)] == ["2"]
    night = datetime(2022, 6, 15, 23, 59, 59, tzinfo=UTC)
    assert [d.url[-1] for d in archive.search("bank", available_by=night)] == ["1", "2"]
    assert all(d.available_by(night) for d in archive.search("bank", available_by=night))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=60))
def test_no_query_is_an_error(query):
    assert len(_SHARED.search(query)) <= 1


_SHARED = Archive.in_memory([document(1)])


def test_equal_ranks_come_in_the_same_order_whatever_was_added_first():
    items = [document(n) for n in range(20)]
    forwards, backwards = Archive.in_memory(items), Archive.in_memory(items[::-1])
    assert forwards.search("Freedonia bank") == backwards.search("Freedonia bank")
    assert forwards.all() == backwards.all()


def test_several_writers_at_once_lose_nothing(tmp_path):
    def add(first: int) -> None:
        with Archive.open(tmp_path / "a.sqlite") as mine:
            for number in range(first, first + 20):
                mine.add([document(number)])

    threads = [threading.Thread(target=add, args=(start,)) for start in (0, 20, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Archive.open(tmp_path / "a.sqlite") as archive:
        assert archive.count() == 60


def test_a_file_of_another_kind_is_refused_in_one_sentence(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, just words " * 50)
    with pytest.raises(InvalidFile, match="no archive or is damaged"):
        Archive.open(text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE things (id INTEGER)")
    connection.close()
    with pytest.raises(InvalidFile, match="another kind"):
        Archive.open(other)


def test_an_archive_of_a_newer_program_is_refused(tmp_path):
    Archive.open(tmp_path / "a.sqlite").close()
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreTooNew, match="archive version 99"):
        Archive.open(tmp_path / "a.sqlite")


def test_a_full_disk_adds_nothing_and_says_so(tmp_path):
    with Archive.open(tmp_path / "a.sqlite") as archive:
        archive.add([document(1)])
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0] + 1}")
    with Archive(connection, "a.sqlite") as small, pytest.raises(StoreFull, match="nothing was added"):
        small.add(document(n, text=f"Words of note {n}. " * 200) for n in range(2, 60))
    with Archive.open(tmp_path / "a.sqlite") as archive:
        assert archive.count() == 1


def _shipped(folder, count):
    source = folder / "archive.jsonl"
    rows = ({"url": f"https://example.org/{n}", "text": f"FICTIONAL note {n}.", "published_at": "2020-01-01"}
            for n in range(count))  # fmt: skip
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return source


def test_the_starter_archive_is_built_once_within_a_second(tmp_path):
    source = _shipped(tmp_path, 1000)
    begun = time.process_time()
    with starter_archive(source, tmp_path / "cache") as archive:
        assert archive.count() == 1000
    assert time.process_time() - begun < 1.0
    (built,) = (tmp_path / "cache").iterdir()
    stamp = built.stat().st_mtime_ns
    starter_archive(source, tmp_path / "cache").close()
    assert built.stat().st_mtime_ns == stamp


def test_a_changed_starter_file_is_built_anew_and_an_unwritable_cache_does_no_harm(tmp_path):
    cache = tmp_path / "cache"
    starter_archive(_shipped(tmp_path, 3), cache).close()
    with starter_archive(_shipped(tmp_path, 4), cache) as archive:
        assert archive.count() == 4
    (tmp_path / "file").write_text("in the way")
    with starter_archive(tmp_path / "archive.jsonl", tmp_path / "file" / "cache") as archive:
        assert (archive.count(), archive.name) == (4, ":memory:")


def test_a_missing_or_damaged_starter_file_is_one_sentence(tmp_path):
    with pytest.raises(InvalidFile, match="install the program anew"):
        starter_archive(tmp_path / "none.jsonl", tmp_path)
    (tmp_path / "bad.jsonl").write_text('{"url": ')
    with pytest.raises(InvalidFile, match="line 1"):
        starter_archive(tmp_path / "bad.jsonl", tmp_path)
