"""Documents as JSON lines: defaults, contradictions, lines that cannot be read. All facts FICTIONAL."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.archive_records import BadRow, Record, read_lines
from agents.reading.document import Document
from corpus.case import Availability, TextKind

GOOD = {
    "url": "https://www.example.co.uk/news/a/?utm_source=mail&id=7#top",
    "title": "Bank acts",
    "publisher": "claimed.example",
    "published_at": "2022-06-15",
    "text": "The bank of Freedonia raised its rate.",
    "text_kind": "summary",
    "language": "en",
}


def read(*lines):
    raw = [line if isinstance(line, bytes) else json.dumps({**GOOD, **line}).encode() for line in lines]
    return list(read_lines(raw, "news.jsonl"))


def test_a_record_becomes_a_document_that_counts_from_the_end_of_its_published_day():
    (document,) = read({})
    assert isinstance(document, Document)
    assert document.publisher == "example.co.uk"
    assert document.canonical_url == "https://www.example.co.uk/news/a?id=7"
    assert document.available_at == datetime(2022, 6, 15, 23, 59, 59, tzinfo=UTC)
    assert document.availability is Availability.DECLARED
    assert document.text_kind is TextKind.SUMMARY


def test_a_month_counts_from_its_last_day_and_no_date_never():
    month, undated = read({"published_at": "2022-06"}, {"published_at": None})
    assert month.available_at == datetime(2022, 6, 30, 23, 59, 59, tzinfo=UTC)
    assert undated.availability is Availability.UNDATED
    assert not undated.available_by(datetime(2030, 1, 1, tzinfo=UTC))


def test_language_is_detected_where_it_is_not_given():
    (document,) = read({"language": "", "text": "Die Bank hat den Zins erhöht, weil die Preise stiegen."})
    assert document.language == "de"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"published_at": "20222-06-15"}, "'20222-06-15' is not a date"),
        ({"published_at": "2022-13-15"}, "'2022-13-15' is not a date"),
        ({"available_at": "2022-06-15T10:00:00"}, "has no time zone"),
        ({"available_at": "2021-06-15T10:00:00Z"}, "lies before published_at"),
        ({"url": "javascript:alert(1)"}, "no http(s) address"),
        ({"text": "  "}, "text is empty"),
        ({"text": "x" * 5_000_001}, "the limit is 5,000,000"),
        ({"terms": "free"}, "found 'free'"),
        ({"colour": "red"}, "colour"),
        (b'{"url": "https://example.org/a", "text": "The ba', "seems to be cut off"),
        (b"[1]", "holds no object"),
        (b"\xff\xfe", "not UTF-8 (byte 0)"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_is_one_sentence_and_its_neighbours_are_kept(row, says):
    first, bad, last = read({}, row, {"url": "https://example.org/last"})
    assert isinstance(first, Document)
    assert last.url == "https://example.org/last"
    assert bad.place == "news.jsonl, line 2"
    assert says in bad.message
    assert "\n" not in str(bad)
    assert bad.message.endswith(".")


@given(st.binary(max_size=80))
def test_any_bytes_give_a_document_or_a_bad_row(line):
    assert all(isinstance(row, Document | BadRow) for row in read_lines([line], "x"))


@given(st.text(min_size=1).filter(str.strip), st.text(max_size=30))
def test_the_text_is_stored_as_it_came(text, title):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert Record(url="https://example.org/a", title=title, text=text).document().text == text
