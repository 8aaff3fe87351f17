"""Documents from bytes: one with `read_document`, many in a pool of processes with `read_many`.

A page is parsed once for text and dates. What cannot be read is a value (`Unreadable`), so that one
broken file stops nobody. Each file is read by its own process; pages do not share state. Does not fetch.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from agents.fetching.sniff import MediaType
from agents.reading.address import LOCAL_PUBLISHER, is_web_address, publisher_of
from agents.reading.document import Document
from agents.reading.page import MAX_PDF_BYTES, Extracted, checked_media, extract, extract_tree, parse_html
from agents.reading.publication import (
    DatedPublication,
    address_signals,
    judge,
    page_signals,
    publication_date,
)
from corpus.case import Availability
from corpus.dates import EventDate
from corpus.errors import DocumentError, DocumentTooLarge

_CHUNK = 8
_AHEAD = 64
"""Files handed to the pool at a time for each process, so that a folder of any size fits in memory."""


@dataclass(frozen=True)
class Unreadable:
    """A file that was not read, and why."""

    place: str
    message: str


def read_document(content: bytes, url: str, *, published: EventDate | None = None) -> Document:
    """A document from a page's, PDF's or text's bytes.

    It counts as available from the end of its checked publication, or of `published`, the caller's own
    word (declared); else it is undated. A saved page that names its own web address is known by it.
    Raises the errors of `agents.reading.page.extract`.
    """
    extracted, dated = _read(content, url)
    when, available, proof = dated.date, dated.available_at, Availability.CHECKED_PUBLICATION
    if published:
        when, available, proof = published, published.end(), Availability.DECLARED
    address = url if is_web_address(url) else extracted.canonical_url
    return Document(
        url=address,
        canonical_url=extracted.canonical_url,
        publisher=publisher_of(address) if is_web_address(address) else LOCAL_PUBLISHER,
        title=extracted.title,
        text=extracted.text,
        language=extracted.language,
        published_at=when,
        available_at=available,
        availability=proof if available else Availability.UNDATED,
    )


def _read(content: bytes, url: str) -> tuple[Extracted, DatedPublication]:
    """Text and dates; a page is parsed once. The signals come first, extraction prunes the tree."""
    media = checked_media(content, url)
    if media in (MediaType.PDF, MediaType.TEXT):
        return extract(content, url), publication_date(content, url)
    tree = parse_html(content, url)
    signals = page_signals(tree, url)
    extracted = extract_tree(tree, url)
    if not is_web_address(url) and is_web_address(extracted.canonical_url):
        signals = (*signals, *address_signals(extracted.canonical_url))
    return extracted, judge(dict.fromkeys(signals), extracted.text)


def read_file(path: Path, *, published: EventDate | None = None) -> Document | Unreadable:
    """The document in a file, or why it cannot be read."""
    try:
        size = path.stat().st_size
        if size > MAX_PDF_BYTES:
            raise DocumentTooLarge(f"{path} has {size:,} bytes; the limit is {MAX_PDF_BYTES:,}.")
        return read_document(path.read_bytes(), path.absolute().as_uri(), published=published)
    except DocumentError as fault:
        return Unreadable(path.name, str(fault))
    except OSError as fault:
        return Unreadable(path.name, f"{path} cannot be read: {fault.strerror or fault}.")


def read_many(
    paths: Iterable[Path], *, published: EventDate | None = None, workers: int | None = None
) -> Iterator[Document | Unreadable]:
    """As `read_file` for many files, in their order, over `workers` processes (default: one a core).

    With one worker everything happens in this process.
    """
    count = workers or os.cpu_count() or 1
    job = partial(read_file, published=published)
    if count == 1:
        yield from map(job, paths)
        return
    waiting = iter(paths)
    # spawn: a fork of a process with threads (a progress bar has one) can hang
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        while batch := list(islice(waiting, _AHEAD * count)):
            yield from pool.map(job, batch, chunksize=_CHUNK)
