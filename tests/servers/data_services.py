"""GDELT, FRED, the World Bank, the survey's spreadsheet, two markets and fact checks, with FICTIONAL data."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.servers.loopback import NOT_FOUND, Answer, Seen, as_json


def gdelt_row(day: str, actor1: str, actor2: str, root: str, articles: int, url: str, place: str = "") -> str:
    """One line of an export file: 61 columns, most of them empty."""
    cells = [""] * 61
    cells[0], cells[1], cells[6], cells[16] = "1", day, actor1, actor2
    cells[28], cells[29], cells[30] = root, "4", "-5.0"
    cells[31], cells[32], cells[33], cells[34] = str(articles), "3", str(articles), "-2.5"
    cells[52], cells[59], cells[60] = place, "20210301000000", url
    return "\t".join(cells)


def zipped(text: str, name: str = "export.CSV") -> bytes:
    """A zip archive with one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


class GdeltFiles:
    """Export files of one day; every second listed file answers 404, as some of the real ones do."""

    def __init__(self, lines: list[str]) -> None:
        self.body = zipped("\n".join([*lines, "half a line\tof three\tcells", "x" * 10]))

    def __call__(self, seen: Seen) -> Answer:
        hour = int(seen.path.removeprefix("/gdeltv2/")[8:10])
        if hour % 6:
            return NOT_FOUND
        return Answer(self.body, content_type="application/zip")


def fred(seen: Seen) -> Answer:
    """Observations of one series, by vintage; the figure was revised in April."""
    query = seen.query
    if query.get("api_key") != "right":
        return as_json(
            {
                "error_code": 400,
                "error_message": "Bad Request. The value for variable api_key is not registered.",
            },
            status=400,
        )
    if query["series_id"] != "RURGDP":
        return as_json(
            {"error_code": 400, "error_message": "Bad Request. The series does not exist."}, status=400
        )
    revised = query["realtime_start"] >= "2021-04-15"
    start = "2021-04-15" if revised else "2021-01-28"
    rows = [
        {"realtime_start": start, "realtime_end": "9999-12-31", "date": "2020-07-01", "value": "2.1"},
        {
            "realtime_start": start,
            "realtime_end": "9999-12-31",
            "date": "2020-10-01",
            "value": "9.9" if revised else "1.0",
        },
        {"realtime_start": start, "realtime_end": "9999-12-31", "date": "2021-01-01", "value": "."},
    ]
    return as_json({"realtime_start": query["realtime_start"], "count": 3, "observations": rows})


def world_bank(seen: Seen) -> Answer:
    """Rows, newest first, or the array of one element that stands for an error."""
    if "BAD" in seen.path:
        return as_json(
            [
                {
                    "message": [
                        {
                            "id": "120",
                            "key": "Invalid value",
                            "value": "The provided parameter value is not valid",
                        }
                    ]
                }
            ]
        )
    if "EMPTY" in seen.path:
        return as_json([{"page": 0, "pages": 0, "per_page": 0, "total": 0}, None])
    meta = {"page": 1, "pages": 1, "per_page": 1000, "total": 2}
    rows = [
        {"date": "2020", "value": 5.5, "countryiso3code": "RUR"},
        {"date": "2019", "value": None},
        {"date": "2018", "value": 4},
    ]
    return as_json([meta, rows])


def survey_sheet(rows: list[list[Any]]) -> bytes:
    """The survey's spreadsheet."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(["YEAR", "QUARTER", "RECESS1", "RECESS2", "RECESS3", "RECESS4", "RECESS5"])
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def polymarket(seen: Seen) -> Answer:
    """Markets with arrays inside strings; prices by either interface."""
    if seen.path == "/markets":
        rows = [
            {"conditionId": "0x1", "slug": "rate-up", "question": "Will the Bank of Ruritania raise its rate in May?",
             "outcomes": '["Yes", "No"]', "outcomePrices": '["1", "0"]', "clobTokenIds": '["t1", "t2"]',
             "startDate": "2023-01-01T00:00:00Z", "endDate": "2023-05-31T00:00:00Z"},
            {"conditionId": "0x2", "slug": "later", "question": "Will the Bank of Ruritania raise its rate in July?",
             "outcomes": '["Yes", "No"]', "clobTokenIds": '["t3", "t4"]',
             "startDate": "2023-06-01T00:00:00Z", "endDate": "2023-07-31T00:00:00Z"},
            {"question": "Broken", "outcomes": "not json", "clobTokenIds": "[]"},
            {"question": "Uneven", "outcomes": '["Yes", "No"]', "clobTokenIds": '["t9"]'},
        ]  # fmt: skip
        return as_json(rows if seen.query["offset"] == "0" else [])
    if seen.path == "/v2/prices-history" and seen.query["token_id"] == "t1":
        points = [{"t": 1680300000, "p": 0.62}, {"t": 1684000000, "p": 0.97}]
        return as_json({"history": points})
    if seen.path == "/prices-history" and seen.query["market"] == "t2":
        return as_json({"history": [{"t": 1680300000, "p": 0.38}]})
    return NOT_FOUND


def manifold(seen: Seen) -> Answer:
    """Resolved markets and their last bets before a moment."""
    if seen.path == "/v0/search-markets":
        assert seen.query["filter"] == "resolved"
        rows = [
            {"id": "m1", "question": "Will Ruritania raise its rate?", "createdTime": 1640000000000,
             "closeTime": 1655000000000, "resolutionTime": 1655000000000, "uniqueBettorCount": 12,
             "url": "https://manifold.markets/a/m1", "resolution": "YES"},
            {"id": "m2", "question": "Made later", "createdTime": 1660000000000, "resolutionTime": 1670000000000},
            {"id": "m3", "question": "Resolved before", "createdTime": 1600000000000, "resolutionTime": 1610000000000},
            {"id": "m4", "question": "No bets yet", "createdTime": 1640000000000, "resolutionTime": 1655000000000},
        ]  # fmt: skip
        return as_json(rows)
    bets = {"m1": [(1641000000000, 0.4), (1645000000000, 0.55), (1654999999999, 0.99)]}.get(
        seen.query["contractId"], []
    )
    before = [bet for bet in bets if bet[0] < int(seen.query["beforeTime"])]
    return as_json([{"id": "b", "createdTime": made, "probAfter": prob} for made, prob in before[-1:]])


def fact_checks(seen: Seen) -> Answer:
    """Claims with their reviews; an empty object where there is none; a wrong key is a 400 in Google's shape."""
    if seen.query.get("key") != "right":
        return as_json({"error": {"code": 403, "message": "API key not valid."}}, status=403)
    if "bank" not in seen.query["query"]:
        return as_json({})
    review = {"publisher": {"name": "FICTIONAL Checks", "site": "checks.example"}, "url": "https://checks.example/1",
              "textualRating": "Mostly false", "reviewDate": "2022-07-01T00:00:00Z"}  # fmt: skip
    return as_json(
        {"claims": [{"text": "The bank failed", "claimReview": [review, {"url": "javascript:x"}]}]}
    )


def as_text(value: Any) -> Answer:
    """JSON under the wrong content type, as several services send it."""
    return Answer(json.dumps(value).encode(), content_type="text/plain")
