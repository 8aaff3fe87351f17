"""From bytes to text: types by content, titles, languages, everything that cannot be read."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fetching.sniff import MediaType
from agents.reading.page import MAX_PAGE_BYTES, MAX_PDF_BYTES, extract
from corpus.errors import DocumentError, DocumentTooLarge, UnsupportedDocument
from tests.pages import PARAGRAPHS, html_page, pdf_file

URL = "https://www.example.com/a.bin"


def test_the_article_is_read_and_the_menus_are_not():
    found = extract(html_page(), URL)
    assert all(paragraph in found.text for paragraph in PARAGRAPHS)
    assert "Home" not in found.text
    assert (found.title, found.media, found.language) == ("Rates rise in Freedonia", MediaType.HTML, "en")


def test_a_pdf_is_known_by_its_content_whatever_its_address_ends_in():
    found = extract(
        pdf_file("Rates rise", "The bank acted on June 15, 2022."), "https://example.com/page.html"
    )
    assert found.media is MediaType.PDF
    assert found.title == "Rates rise"
    assert "The bank acted on June 15, 2022." in found.text


def test_plain_text_is_kept_as_it_is_whatever_its_encoding():
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        found = extract("Zürich voted.\r\nThe result: “yes”.".encode(encoding), URL)
        assert found.text == "Zürich voted.\nThe result: “yes”."


def test_another_language_is_kept_and_marked():
    german = (
        "Die Notenbank hat den Zins erhöht, weil die Preise stark gestiegen sind, und will weiter erhöhen."
    )
    assert extract(html_page(paragraphs=(german,) * 3), URL).language == "de"
    assert extract("Центральный банк повысил ставку.".encode(), URL).language == "ru"


def test_a_page_is_known_by_the_address_it_gives_itself_unless_that_is_somebody_elses():
    own = html_page(head='<link rel="canonical" href="https://example.com/rates/?utm_source=x">')
    assert extract(own, URL).canonical_url == "https://example.com/rates"
    foreign = html_page(head='<link rel="canonical" href="https://other.org/rates">')
    assert extract(foreign, URL).canonical_url == "https://www.example.com/a.bin"


@pytest.mark.parametrize(
    ("content", "fault", "says"),
    [
        (b"", DocumentError, "is empty"),
        (b"%PDF-1.7 this is no PDF at all", DocumentError, "PDF that cannot be read"),
        (pdf_file("Rates rise")[:300], DocumentError, "PDF"),
        (pdf_file(), DocumentError, "no readable text"),
        (b"PK\x03\x04 a spreadsheet", UnsupportedDocument, "zip"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", UnsupportedDocument, "binary"),
        (b'{"a": 1}', UnsupportedDocument, "json"),
        (b"<html><body></body></html>", DocumentError, "no readable"),
        (b"<html>" + b" " * MAX_PAGE_BYTES, DocumentTooLarge, "the limit is 20,000,000"),
        (b"%PDF-" + b" " * MAX_PDF_BYTES, DocumentTooLarge, "the limit is 60,000,000"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)
def test_what_cannot_be_read_ends_in_one_sentence(content, fault, says):
    with pytest.raises(fault, match=says) as raised:
        extract(content, URL)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(URL)


def test_a_page_nested_absurdly_deep_is_read_or_refused():
    deep = (
        b"<html><body>" + b"<div>" * 5000 + b"<p>Deep words here.</p>" + b"</div>" * 5000 + b"</body></html>"
    )
    with contextlib.suppress(DocumentError):
        assert extract(deep, URL).text


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.sampled_from([b"", b"%PDF-1.4\n", b"<html><body><p>", b"<!doctype html>"]))
def test_any_bytes_are_read_or_refused_as_a_document_error(content, start):
    with contextlib.suppress(DocumentError):
        assert extract(start + content, URL).text
