"""When a page was published, and whether that is certain.

Signals are gathered from the page's structured metadata, its address, its visible text and, as a further
opinion, htmldate; all are listed. Certain means: two independent origins agree on the day and nothing
contradicts, neither another signal, nor a modification on a later day, nor a text that tells of later days
as past. htmldate reads the same places as the others and errs early on 5 % of pages, so it can contradict
but never prove. Says nothing about earlier versions of the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from agents.fetching.sniff import MediaType
from agents.reading.page import checked_media, decode, parse_html
from agents.reading.periods import Tense
from agents.reading.tense import tense_at
from corpus.dates import EventDate, Precision
from corpus.datetext import MONTH_PATTERN, MONTHS, explicit_dates
from corpus.errors import InvalidDate

EARLIEST = date(1900, 1, 1)


class Origin(StrEnum):
    """Where a date of a page stands; signals of one origin are not independent."""

    METADATA = "metadata"
    """JSON-LD, Open Graph, Dublin Core and other meta elements; a PDF's information."""
    URL = "url"
    """The page's address."""
    TEXT = "text"
    """A time element or the lines around the title."""
    EXTRACTOR = "extractor"
    """htmldate's opinion; it reads the other three."""


PROVING = (Origin.METADATA, Origin.URL, Origin.TEXT)


@dataclass(frozen=True)
class DateSignal:
    """One date that a page carries."""

    origin: Origin
    date: EventDate
    modified: bool = False
    """It says when the page was last changed."""
    name: str = ""
    """Where exactly, such as `datePublished`."""


@dataclass(frozen=True)
class DatedPublication:
    """What the signals say together."""

    date: EventDate | None
    """The likeliest date of publication; None where there is none or the signals are worlds apart."""
    checked: bool
    """Two independent origins agree and nothing contradicts."""
    reason: str
    """Why it is not checked, in one sentence; empty where it is."""
    signals: tuple[DateSignal, ...]

    @property
    def available_at(self) -> datetime | None:
        """From when on the page is shown to have been readable: the end of its checked period; else None."""
        return self.date.end() if self.checked and self.date else None


def publication_date(content: bytes, url: str) -> DatedPublication:
    """The publication date of a page, PDF or text, with every signal it rests on.

    The main text of a page is not at hand here; `agents.reading.bulk.read_document` also holds it against
    the date.
    Raises the errors of `agents.reading.page.extract` for content that cannot be read.
    """
    media = checked_media(content, url)
    if media is MediaType.PDF:
        return judge((*address_signals(url), *_pdf_signals(content)), "")
    if media is MediaType.TEXT:
        text = decode(content)
        return judge((*address_signals(url), *_byline_signals(text[:_HEAD_CHARACTERS])), text)
    return judge(page_signals(parse_html(content, url), url), "")


def page_signals(tree: Any, url: str) -> tuple[DateSignal, ...]:
    """Every date signal of a parsed page, equal ones once."""
    found = (
        *address_signals(url),
        *_metadata_signals(tree),
        *_visible_signals(tree),
        *_extractor_signal(tree, url),
    )
    return tuple(dict.fromkeys(found))


def judge(signals: Iterable[DateSignal], text: str) -> DatedPublication:
    """Weigh signals against each other and against what the text tells as past."""
    listed = tuple(signals)
    published = [signal for signal in listed if not signal.modified]
    date_found = _likeliest(published)
    reason = _doubt(date_found, published, listed, text)
    return DatedPublication(date_found, not reason, reason, listed)


_SLACK = timedelta(days=1)
"""Time zones: the same moment falls on two days."""
_WORLDS_APART = 366


def _likeliest(published: list[DateSignal]) -> EventDate | None:
    """The finest date of the most trusted origin; None where the proving origins lie over a year apart."""
    if not published:
        return None
    proving = [s.date for s in published if s.origin in PROVING]
    if proving and max(proving).first_day - min(proving).last_day > timedelta(days=_WORLDS_APART):
        return None
    order, origins = list(Precision), list(Origin)
    return min(published, key=lambda s: (order.index(s.date.precision), origins.index(s.origin), s.date)).date


def _doubt(
    found: EventDate | None, published: list[DateSignal], listed: tuple[DateSignal, ...], text: str
) -> str:
    """Why a date is not certain, in one sentence; empty where it is."""
    if not published:
        return "Nothing dates the page."
    if found is None:
        return f"The signals are worlds apart: {_shown(published)}."
    for signal in published:
        if not _near(signal.date, found):
            return f"The signals disagree: {_shown(published)}."
    origins = {signal.origin for signal in published if signal.origin in PROVING}
    if len(origins) < 2:
        only = next(iter(origins), Origin.EXTRACTOR)
        return f"Only one origin ({only}) dates the page, and one signal is no proof."
    for signal in listed:
        if signal.modified and signal.date.last_day > found.last_day + _SLACK:
            return f"The page was changed later, on {signal.date} by its {signal.name or signal.origin}."
    told = _told_after(text, found)
    return f"The text tells of {told} as past." if told else ""


def _shown(signals: list[DateSignal]) -> str:
    return ", ".join(f"{signal.date} ({signal.name or signal.origin})" for signal in signals[:4])


def _near(a: EventDate, b: EventDate) -> bool:
    return a.overlaps(b) or timedelta(days=a.days_to(b)) <= _SLACK


def _told_after(text: str, found: EventDate) -> EventDate | None:
    """The first day or month after publication that the text speaks of in the past tense."""
    lowered = text.lower()
    for mention in explicit_dates(text):
        later = mention.date.first_day > found.last_day + _SLACK
        if later and tense_at(lowered, mention.start, mention.end) is Tense.PAST:
            return mention.date
    return None


_URL_DAY = re.compile(
    rf"(?<!\d)(?P<y>19\d\d|20\d\d)(?P<s>[-/_.]?)(?P<m>0[1-9]|1[0-2]|{MONTH_PATTERN})(?P=s)(?P<d>0[1-9]|[12]\d|3[01])(?!\d)",
    re.IGNORECASE,
)
_URL_MONTH = re.compile(r"/(?P<y>19\d\d|20\d\d)[/-](?P<m>0[1-9]|1[0-2])(?=[/-]|$)")


def address_signals(url: str) -> Iterator[DateSignal]:
    """`/2022/06/15/`, `2022-06-15`, `20220615`, `/2022/jun/15/`, `/2022/06/`."""
    for pattern, precision in ((_URL_DAY, Precision.DAY), (_URL_MONTH, Precision.MONTH)):
        match = pattern.search(url)
        if match:
            word = match["m"].lower().rstrip(".")
            month = MONTHS.get(word) or int(word)
            day = int(match["d"]) if precision is Precision.DAY else 1
            yield from _signal(Origin.URL, _calendar(int(match["y"]), month, day, precision), name="address")
            return


def _calendar(year: int, month: int, day: int, precision: Precision) -> EventDate | None:
    try:
        return EventDate(date(year, month, day), precision)
    except (ValueError, InvalidDate):
        return None


def _signal(
    origin: Origin, when: EventDate | None, *, modified: bool = False, name: str = ""
) -> Iterator[DateSignal]:
    """The signal, unless the date is missing or impossible for a page: before 1900 or in days to come."""
    if when and EARLIEST <= when.first_day <= date.today() + _SLACK:  # noqa: DTZ011
        yield DateSignal(origin, when, modified, name)


_PUBLISHED_NAMES = frozenset(
    """article:published_time og:published_time og:article:published_time article:published datepublished
    date dc.date dc.date.issued dc.date.created dcterms.created dcterms.issued dcterms.date pubdate
    publishdate publish_date publish-date publication_date publicationdate sailthru.date parsely-pub-date
    citation_publication_date citation_date citation_online_date cxenseparse:recs:publishtime
    article.published bt:pubdate originalpublicationdate shareaholic:article_published_time
    rnews:datepublished datecreated dc.created""".split()
)
_MODIFIED_NAMES = frozenset(
    """article:modified_time og:updated_time og:article:modified_time article:modified datemodified
    last-modified lastmod last_modified lastmodified dcterms.modified dc.date.modified dc.modified revised
    updated_time shareaholic:article_modified_time""".split()
)
_LD_PUBLISHED, _LD_MODIFIED = ("datePublished", "dateCreated", "uploadDate"), ("dateModified",)


def _metadata_signals(tree: Any) -> Iterator[DateSignal]:
    for meta in tree.iter("meta"):
        for key in ("property", "name", "itemprop", "http-equiv"):
            name = (meta.get(key) or "").strip().lower()
            if name in _PUBLISHED_NAMES or name in _MODIFIED_NAMES:
                when = _read_stamp(meta.get("content") or meta.get("datetime") or "")
                yield from _signal(Origin.METADATA, when, modified=name in _MODIFIED_NAMES, name=name)
    for script in tree.xpath("//script[@type='application/ld+json']"):
        yield from _linked_data_signals(script.text or "")


def _linked_data_signals(source: str) -> Iterator[DateSignal]:
    try:
        value = json.loads(source, strict=False)
    except (ValueError, RecursionError):
        return  # broken linked data is common; the other signals remain
    for item in _articles(value):
        for key in (*_LD_PUBLISHED, *_LD_MODIFIED):
            when = _read_stamp(item[key]) if isinstance(item.get(key), str) else None
            yield from _signal(Origin.METADATA, when, modified=key in _LD_MODIFIED, name=key)


def _articles(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The objects of a page's linked data that describe the page itself, not what it lists or comments."""
    if depth > 3:
        return
    if isinstance(value, list):
        for item in value[:20]:
            yield from _articles(item, depth + 1)
    elif isinstance(value, dict):
        kind = value.get("@type")
        kinds = kind if isinstance(kind, list) else [kind]
        if any(
            isinstance(k, str) and re.search(r"Article|Posting|Report|WebPage|NewsItem|CreativeWork", k)
            for k in kinds
        ):
            yield value
        yield from _articles(value.get("@graph"), depth + 1)


def _read_stamp(value: str) -> EventDate | None:
    """The date of a machine-readable stamp, or of a date in words; the time of day is not used."""
    text = value.strip()[:60]
    stamp = re.match(r"(\d{4})-(\d{2})(?:-(\d{2}))?(?![\d-])", text) or re.match(
        r"(\d{4})(\d{2})(\d{2})(?!\d)", text
    )
    if stamp:
        precision = Precision.DAY if stamp[3] else Precision.MONTH
        return _calendar(int(stamp[1]), int(stamp[2]), int(stamp[3] or 1), precision)
    found = explicit_dates(text)
    return found[0].date if found else None


_HEAD_CHARACTERS = 600
_CHANGED = re.compile(
    r"\b(?:updated?|modified|revised|changed|corrected|reviewed|last\sup-?date)\b[^.]{0,24}$", re.I
)
_BYLINE_CLASS = (
    "contains(@class,'publish') or contains(@class,'byline') or contains(@class,'dateline') or "
    "contains(@class,'timestamp') or contains(@class,'post-date') or contains(@class,'entry-date') or "
    "contains(@class,'article-date') or contains(@class,'article__time') or contains(@class,'lastUpdate') or "
    "contains(@class,'updated') or contains(@id,'lastUpdate') or @class='date'"
)
_ASIDE = "ancestor::aside or ancestor::footer or ancestor::nav or ancestor::*[contains(@class,'related')]"


def _visible_signals(tree: Any) -> Iterator[DateSignal]:
    """Time elements of the article, lines whose class says byline, and dates right after the heading."""
    for node in tree.xpath(f"//time[not({_ASIDE})]")[:4]:
        text = " ".join(node.itertext())
        label = f"{node.get('itemprop') or ''} {node.get('class') or ''} {_before(node)} {text}"
        when = _read_stamp(node.get("datetime") or "") or _read_stamp(text)
        changed = bool(re.search(r"modif|updat|revis", label, re.IGNORECASE))
        yield from _signal(Origin.TEXT, when, modified=changed, name="time element")
    for node in tree.xpath(f"//*[self::p or self::div or self::span][{_BYLINE_CLASS}][not({_ASIDE})]")[:6]:
        line = " ".join(" ".join(node.itertext()).split())
        if len(line) <= 200:
            yield from _byline_signals(line, always=True)
    for heading in tree.xpath("//h1")[:1]:
        yield from _byline_signals(_following_text(heading))


def _before(node: Any) -> str:
    """The words right before an element, such as "Updated"."""
    previous = node.getprevious()
    near = (
        previous.tail
        if previous is not None
        else node.getparent().text
        if node.getparent() is not None
        else ""
    ) or ""
    return near[-30:]


def _following_text(heading: Any) -> str:
    """The first characters of text after the heading."""
    pieces: list[str] = []
    length = 0
    for node in heading.xpath("following::text()[not(ancestor::script or ancestor::style)]"):
        piece = " ".join(str(node).split())
        if piece:
            pieces.append(piece)
            length += len(piece)
        if length > _HEAD_CHARACTERS // 2:
            break
    return "\n".join(pieces)[: _HEAD_CHARACTERS // 2]


def _byline_signals(head: str, *, always: bool = False) -> Iterator[DateSignal]:
    """Full dates in lines that consist of little more than a date; in a byline wherever they stand."""
    for mention in explicit_dates(head):
        if mention.date.precision is not Precision.DAY:
            continue
        start = head.rfind("\n", 0, mention.start) + 1
        stop = head.find("\n", mention.end)
        line = head[start : stop if stop >= 0 else len(head)]
        if always or len(line) - len(mention.text) <= 60:
            changed = bool(_CHANGED.search(head[start : mention.start])) or bool(
                re.match(r"updated|last update", line, re.IGNORECASE)
            )
            yield from _signal(Origin.TEXT, mention.date, modified=changed, name="byline")


def _extractor_signal(tree: Any, url: str) -> Iterator[DateSignal]:
    """htmldate with its search widened to 1900 (by itself it ignores dates before 1995)."""
    from htmldate import find_date

    found = find_date(tree, url=url, min_date=EARLIEST.isoformat(), original_date=True)
    if found:
        yield from _signal(Origin.EXTRACTOR, _read_stamp(found), name="htmldate")


def _pdf_signals(content: bytes) -> Iterator[DateSignal]:
    """A PDF's own creation and modification time."""
    for key, modified in ((b"CreationDate", False), (b"ModDate", True)):
        found = re.search(key + rb"\s*\(D:(\d{4})(\d{2})(\d{2})", content)
        if found:
            year, month, day = (int(part) for part in found.groups())
            when = _calendar(year, month, day, Precision.DAY)
            yield from _signal(Origin.METADATA, when, modified=modified, name=key.decode())
