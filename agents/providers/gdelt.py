"""GDELT: counted news events of a day from its bulk files; article lists from its search interface.

Bulk: one file every 15 minutes since 2015-02. A stated sample of a day's files is read (`SAMPLE_HOURS`, one
file an hour of those listed), rows of one event (same actors, same kind of action, same place, same day) are
added up over the files, and groups below `FEWEST_ARTICLES` are dropped. A file that is listed and missing
(some answer 404) is skipped and counted. DATEADDED says when a row became available; SQLDATE, which GDELT
guesses, says when the event is said to have happened. Machine-coded and noisy: a source of seeds to rank,
never evidence.

Search (DOC 2.0): one request in five seconds; answers prose under status 200 when it is asked too often.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from agents.fetching.result import FetchProblem
from agents.fetching.sniff import MediaType
from agents.providers.base import Access, DatedItem, Hit, ProviderFailure, ProviderInfo, Query
from agents.providers.searching import at, hits_in
from agents.reading.address import is_web_address
from corpus.case import Terms

INFO = ProviderInfo(
    name="gdelt",
    gives="counted news events of a day (since 2015-02) as seeds; article search",
    services=("gdelt", "gdelt_doc"),
    terms=Terms.OPEN,
    terms_note="free for any use with a citation; article search 1 request in 5 s",
)
FIRST_DAY = date(2015, 2, 19)
SAMPLE_HOURS = tuple(range(0, 24, 3))
"""The rule of the sample: the file of the first quarter of every third hour, eight of a day's ninety-six."""
FEWEST_ARTICLES = 20
MOST_ITEMS = 40
_COLUMNS = 61
_LONGEST_FILE = 40_000_000
_ROOTS = {
    "01": "makes a statement about", "02": "appeals to", "03": "signals willingness to cooperate with",
    "04": "consults with", "05": "engages in diplomacy with", "06": "cooperates materially with",
    "07": "gives aid to", "08": "yields to", "09": "investigates", "10": "demands of", "11": "disapproves of",
    "12": "rejects", "13": "threatens", "14": "protests against", "15": "shows force against",
    "16": "reduces relations with", "17": "coerces", "18": "assaults", "19": "fights",
    "20": "uses mass violence against",
}  # fmt: skip


@dataclass(frozen=True)
class EventRow:
    """The columns of one row that are used."""

    day: date
    actor1: str
    actor2: str
    root: str
    """CAMEO root code, 01 to 20."""
    articles: int
    sources: int
    tone: float
    added: datetime
    place: str
    url: str


class Gdelt:
    """The GDELT project's files and search."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small file of a fixed day."""
        found = await self._rows(datetime(2021, 3, 1, tzinfo=UTC))
        missing = isinstance(found, ProviderFailure) and found.problem is not FetchProblem.NOT_FOUND
        return found if missing and isinstance(found, ProviderFailure) else None

    async def events(self, day: date) -> Sequence[DatedItem] | ProviderFailure:
        """The most written-about events of a day's sample, most articles first."""
        if day < FIRST_DAY:
            message = f"GDELT's files begin on {FIRST_DAY}; {day} lies before."
            return self._access.failure(FetchProblem.NOT_FOUND, message)
        rows: list[EventRow] = []
        failures: list[ProviderFailure] = []
        for hour in SAMPLE_HOURS:
            found = await self._rows(datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
            if isinstance(found, ProviderFailure):
                failures.append(found)
            else:
                rows += found
        if len(failures) == len(SAMPLE_HOURS):
            return failures[0]
        return aggregate(rows, day)

    async def search(self, query: Query) -> Sequence[Hit] | ProviderFailure:
        """Articles that GDELT saw; the dates are honoured by the time of seeing, in UTC."""
        words = query.words
        if query.domains:
            words += f" ({' OR '.join(f'domainis:{domain}' for domain in query.domains)})"
        params = {
            "query": words,
            "mode": "artlist",
            "format": "json",
            "maxrecords": str(min(query.count, 250)),
        }
        if query.since:
            params["startdatetime"] = query.since.strftime("%Y%m%d000000")
        if query.before:
            params["enddatetime"] = query.before.strftime("%Y%m%d235959")
        answer = await self._access.json("/api/v2/doc/doc", params, service="gdelt_doc")
        if isinstance(answer, ProviderFailure):
            return answer
        rows = at(answer, "articles") if at(answer, "articles") is not None else [] if answer == {} else None
        rows = (
            [{**row, "seen": _seen(row)} for row in rows if isinstance(row, dict)]
            if isinstance(rows, list)
            else None
        )
        hits = hits_in(rows, INFO.name, query.count, snippet="domain", date_fields=["seen"])
        return self._access.unreadable("articles") if hits is None else hits

    async def _rows(self, quarter: datetime) -> list[EventRow] | ProviderFailure:
        path = f"/gdeltv2/{quarter:%Y%m%d%H%M%S}.export.CSV.zip"
        found = await self._access.fetch(path, expect=frozenset({MediaType.ZIP}))
        if isinstance(found, ProviderFailure):
            return found
        try:
            return list(_parse(_unzipped(found.content)))
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
            return self._access.failure(
                FetchProblem.WRONG_TYPE, f"GDELT's {path} cannot be unpacked: {error}."
            )


def aggregate(rows: Iterable[EventRow], day: date) -> tuple[DatedItem, ...]:
    """Rows of one event added up, the most written-about first; rows about other days are left out."""
    groups: dict[tuple[str, str, str, str], list[EventRow]] = {}
    for row in rows:
        if row.day == day and (row.actor1 or row.actor2):
            groups.setdefault((row.actor1, row.actor2, row.root, row.place), []).append(row)
    items = [
        _item(group, day) for group in groups.values() if sum(r.articles for r in group) >= FEWEST_ARTICLES
    ]
    return tuple(sorted(items, key=lambda item: (-item.weight, item.text))[:MOST_ITEMS])


def _item(group: list[EventRow], day: date) -> DatedItem:
    first = group[0]
    action = _ROOTS.get(first.root, "acts towards")
    text = " ".join(part for part in (first.actor1 or "Someone", action, first.actor2 or "others") if part)
    if first.place:
        text += f" in {first.place}"
    links = dict.fromkeys(
        row.url for row in sorted(group, key=lambda row: -row.articles) if is_web_address(row.url)
    )
    return DatedItem(
        day, text, f"CAMEO {first.root}", tuple(links)[:5], weight=float(sum(r.articles for r in group))
    )


def _unzipped(content: bytes) -> str:
    """The one table of an archive, not unpacked beyond a limit."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if len(names) != 1 or archive.getinfo(names[0]).file_size > _LONGEST_FILE:
            raise ValueError("it does not hold one table of a usual size")
        with archive.open(names[0]) as table:
            raw = table.read(_LONGEST_FILE + 1)
    if len(raw) > _LONGEST_FILE:
        raise ValueError("its table is larger than it says")
    return raw.decode("utf-8", "replace")


def _parse(text: str) -> Iterator[EventRow]:
    """Rows with all their columns and readable figures; the rest is left out, as GDELT's own tools do."""
    for cells in csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE):
        if len(cells) != _COLUMNS:
            continue
        try:
            yield EventRow(
                day=datetime.strptime(cells[1], "%Y%m%d").replace(tzinfo=UTC).date(),
                actor1=cells[6].title(),
                actor2=cells[16].title(),
                root=cells[28],
                articles=int(cells[33]),
                sources=int(cells[32]),
                tone=float(cells[34]),
                added=datetime.strptime(cells[59], "%Y%m%d%H%M%S").replace(tzinfo=UTC),
                place=cells[52],
                url=cells[60],
            )
        except ValueError:
            continue


def _seen(row: dict[str, object]) -> str:
    """`20210301T080000Z` as ISO 8601."""
    text = str(row.get("seendate", ""))
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) >= 8 else ""
