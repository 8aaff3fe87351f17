"""Survey of Professional Forecasters: the mean probability that US real GDP declines, quarter by quarter.

One spreadsheet of the Federal Reserve Bank of Philadelphia holds all surveys since 1968: for each, the
probability (in percent) of a decline in the quarter of the survey and in the four after it. A survey is
counted as known from the end of the second month of its quarter: results come out in that month's middle,
and the file does not say on which day. Other variables of the survey are point forecasts, not
probabilities, and are not read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from agents.fetching.result import FetchProblem
from agents.fetching.sniff import MediaType
from agents.providers.base import Access, Forecast, ProviderFailure, ProviderInfo
from corpus.case import Terms
from corpus.dates import EventDate, Precision, add_months, end_of_day
from corpus.text import content_words

INFO = ProviderInfo(
    name="spf",
    gives="probabilities that US real GDP declines, from a survey of forecasters",
    services=("spf",),
    terms=Terms.OPEN,
    terms_note="Federal Reserve Bank of Philadelphia, public data",
)
PATH = (
    "/-/media/FRBP/Assets/Surveys-And-Data/survey-of-professional-forecasters/data-files/files/"
    "Mean_RECESS_Level.xlsx"
)
PAGE = "https://www.philadelphiafed.org/surveys-and-data/recess"
_TOPIC = frozenset(content_words("recession GDP economy growth decline contraction output shrinks"))
_MOST_UNPACKED = 50_000_000
_HORIZONS = 5


class ProfessionalForecasters:
    """The survey's spreadsheet of recession probabilities."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """The spreadsheet itself: there is nothing smaller."""
        found = await self._rows()
        return found if isinstance(found, ProviderFailure) else None

    async def forecasts(
        self, words: str, as_of: datetime, count: int = 5
    ) -> Sequence[Forecast] | ProviderFailure:
        """The newest survey known at `as_of`: one forecast a quarter; none where the words are of something else."""
        if not _TOPIC & set(content_words(words)):
            return ()
        rows = await self._rows()
        if isinstance(rows, ProviderFailure):
            return rows
        known = [row for row in rows if known_from(row[0]) <= as_of]
        return _forecasts(*max(known, key=lambda row: row[0]))[:count] if known else ()

    async def _rows(self) -> list[tuple[EventDate, list[float | None]]] | ProviderFailure:
        """Quarter of the survey and its five probabilities in percent."""
        found = await self._access.fetch(PATH, expect=frozenset({MediaType.ZIP}))
        if isinstance(found, ProviderFailure):
            return found
        try:
            return list(_read(found.content))
        except (zipfile.BadZipFile, LookupError, TypeError, ValueError, OSError) as error:
            message = f"The survey's spreadsheet cannot be read: {error}."
            return self._access.failure(FetchProblem.WRONG_TYPE, message)


def known_from(quarter: EventDate) -> datetime:
    """The last second of the second month of a survey's quarter."""
    second_month = EventDate(add_months(quarter.first_day, 1), Precision.MONTH)
    return end_of_day(second_month.last_day)


def _forecasts(quarter: EventDate, percents: list[float | None]) -> list[Forecast]:
    found = []
    for ahead, percent in enumerate(percents):
        if percent is None:
            continue
        target = EventDate(add_months(quarter.first_day, 3 * ahead), Precision.QUARTER)
        found.append(
            Forecast(
                question=f"Does US real GDP decline in {target}, quarter over quarter?",
                option="It declines",
                probability=percent / 100,
                at=known_from(quarter),
                venue=f"Survey of Professional Forecasters, {quarter}, mean",
                url=PAGE,
                terms=Terms.OPEN,
                closes=datetime.combine(target.last_day, datetime.max.time(), tzinfo=UTC),
            )
        )
    return found


def _read(content: bytes) -> Iterator[tuple[EventDate, list[float | None]]]:
    from openpyxl import load_workbook

    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        if sum(part.file_size for part in parts.infolist()) > _MOST_UNPACKED:
            raise ValueError(f"it unpacks to more than {_MOST_UNPACKED:,} bytes")
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        head = [str(cell or "").strip().upper() for cell in next(rows, ())]
        columns = [head.index(f"RECESS{number}") for number in range(1, _HORIZONS + 1)]
        year, quarter = head.index("YEAR"), head.index("QUARTER")
        for row in rows:
            if isinstance(row[year], int | float) and isinstance(row[quarter], int | float):
                first = date(int(row[year]), 3 * int(row[quarter]) - 2, 1)
                yield EventDate(first, Precision.QUARTER), [_percent(row[column]) for column in columns]
    finally:
        book.close()


def _percent(cell: Any) -> float | None:
    """A percentage from 0 to 100; None for `#N/A` and the like."""
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if 0 <= value <= 100 else None
