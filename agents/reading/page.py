"""From bytes to text: HTML pages, PDF files and plain text, told apart by their content.

`extract` gives the final text of a document, its title, its own address and its language. What a page
hides (scripts, menus, comments) is left out. Does not run scripts, read scanned pictures, or guess missing
text; a document that cannot be read is a `DocumentError` in one sentence. PDF reading is serialised,
because pdfium is not safe in several threads.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from agents.fetching.sniff import MediaType, sniff
from agents.reading.address import canonical_url, is_web_address, publisher_of
from agents.reading.language import detect_language
from corpus.errors import DocumentError, DocumentTooLarge, UnsupportedDocument

MAX_PAGE_BYTES = 20_000_000
"""HTML and plain text; lxml needs some ten times as much memory as a page is long."""
MAX_PDF_BYTES = 60_000_000
MAX_TEXT_CHARACTERS = 5_000_000
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PDFIUM = threading.Lock()
_READABLE = {MediaType.HTML, MediaType.XML, MediaType.PDF, MediaType.TEXT}


@dataclass(frozen=True)
class Extracted:
    """What a document's bytes say."""

    text: str
    title: str
    media: MediaType
    canonical_url: str
    """The address the page gives itself where it stays with its publisher, else its own in canonical form."""
    language: str
    """Two letters, or `und`; only English is read further."""


def extract(content: bytes, url: str) -> Extracted:
    """Text, title, address and language of a document.

    Raises DocumentTooLarge over the size limits, UnsupportedDocument for other types, DocumentError for a
    damaged document or one without text.
    """
    media = checked_media(content, url)
    if media is MediaType.PDF:
        title, text = _pdf(content, url)
        return _extracted(text, title, media, canonical_url(url), url)
    if media is MediaType.TEXT:
        text = decode(content)
        return _extracted(text, _first_line(text), media, canonical_url(url), url)
    return extract_tree(parse_html(content, url), url)


def extract_tree(tree: Any, url: str) -> Extracted:
    """As `extract`, for a page that `parse_html` has parsed."""
    title, address = _title(tree), _own_address(tree, url)
    return _extracted(_page_text(tree), title, MediaType.HTML, address, url)


def checked_media(content: bytes, url: str) -> MediaType:
    """The type of readable content; raises DocumentTooLarge or UnsupportedDocument for the rest."""
    wide = content.startswith(_UTF16)
    media = sniff(decode(content[:4096]).encode() if wide else content)
    limit = MAX_PDF_BYTES if media is MediaType.PDF else MAX_PAGE_BYTES
    if len(content) > limit:
        raise DocumentTooLarge(f"{url} has {len(content):,} bytes; the limit is {limit:,}.")
    if media is MediaType.EMPTY:
        raise DocumentError(f"{url} is empty.")
    if media not in _READABLE:
        raise UnsupportedDocument(f"{url} is {media}; HTML, PDF and plain text are read.")
    return media


def parse_html(content: bytes, url: str) -> Any:
    """An lxml tree of a page; raises DocumentError where nothing can be parsed."""
    from trafilatura.utils import load_html  # imported late: 0.5 s

    try:
        tree = load_html(content)
    except (ValueError, RecursionError) as fault:
        raise DocumentError(f"{url} is no readable page ({fault}).") from fault
    if tree is None:
        raise DocumentError(f"{url} is no readable page; save it anew and try again.")
    return tree


def decode(content: bytes) -> str:
    """Plain text: UTF-8 or, by its mark, UTF-16; else Windows-1252, in which every byte is a character."""
    if content.startswith(_UTF16):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _extracted(text: str, title: str, media: MediaType, address: str, url: str) -> Extracted:
    clean = _without_control(text)
    if not clean:
        raise DocumentError(f"{url} holds no readable text.")
    if len(clean) > MAX_TEXT_CHARACTERS:
        raise DocumentTooLarge(
            f"{url} holds {len(clean):,} characters of text; the limit is {MAX_TEXT_CHARACTERS:,}."
        )
    return Extracted(clean, " ".join(title.split())[:300], media, address, detect_language(clean))


def _without_control(text: str) -> str:
    """One kind of line break, no control characters, no stray surrogates: text that every store keeps."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]", "", text)
    return text.strip()


def _page_text(tree: Any) -> str:
    from trafilatura import extract as main_text

    try:
        text = main_text(tree, include_comments=False, include_tables=True)
    except RecursionError:
        text = None  # nested deeper than trafilatura can walk: the plain paragraphs are still there
    return text or "\n".join(_paragraphs(tree))


def _paragraphs(tree: Any) -> list[str]:
    """The text of paragraphs and headings, where no main part of the page could be made out."""
    found = (" ".join(node.itertext()) for node in tree.iter("h1", "h2", "h3", "p", "li", "td", "pre"))
    return [folded for piece in found if (folded := " ".join(piece.split()))]


def _title(tree: Any) -> str:
    for path in ("//meta[@property='og:title']/@content", "//h1[1]//text()", "//title//text()"):
        found = " ".join(" ".join(str(piece) for piece in tree.xpath(path)).split())
        if found:
            return found
    return ""


def _own_address(tree: Any, url: str) -> str:
    for path in ("//link[@rel='canonical']/@href", "//meta[@property='og:url']/@content"):
        for found in tree.xpath(path)[:1]:
            address = urljoin(url, str(found).strip()) if is_web_address(url) else str(found).strip()
            stays = not is_web_address(url) or publisher_of(address) == publisher_of(url)
            if is_web_address(address) and stays:
                return canonical_url(address)
    return canonical_url(url)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _pdf(content: bytes, url: str) -> tuple[str, str]:
    """Title and text of a PDF file, pages apart by a blank line."""
    import pypdfium2

    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as fault:
            raise DocumentError(f"{url} is a PDF that cannot be read ({_reason(fault)}).") from fault
        try:
            title = str(document.get_metadata_dict().get("Title", ""))
            text = "\n\n".join(_pdf_page(document, number) for number in range(len(document)))
        except pypdfium2.PdfiumError as fault:
            raise DocumentError(f"{url} is a damaged PDF ({_reason(fault)}).") from fault
        finally:
            document.close()
    return title or _first_line(text), text


def _pdf_page(document: Any, number: int) -> str:
    """Text of one page; pdfium marks a hyphen at a line's end by U+FFFE."""
    page = document[number]
    text_page = page.get_textpage()
    try:
        raw = str(text_page.get_text_bounded())
    finally:
        text_page.close()
        page.close()
    return re.sub(r"\ufffe\s*", "", raw.replace("\r\n", "\n"))


def _reason(fault: Exception) -> str:
    return str(fault).rstrip(".").removeprefix("Failed to load document ").strip("() ") or "unknown reason"
