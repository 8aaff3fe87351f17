"""A FICTIONAL collection: two countries that do not exist, one chain of events, noise around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.archive import Archive
from agents.archive_records import BadRow, read_lines
from agents.reading.document import Document

ROWS: list[dict[str, Any]] = [
    {"url": "https://outlook.example.com/odds", "published_at": "2019-03-08", "title": "Markets before the decision",
     "text": "Economists expect the Bank of Ruritania to raise its policy rate. Futures put a 63 % chance on the crown "
     "falling below four to the dollar. Analysts said that Ruritania could ask the Strelsau Fund for a loan."},
    {"url": "https://herald.example.com/rate", "published_at": "2019-03-11", "title": "Bank of Ruritania raises rates",
     "text": "The Bank of Ruritania raised its policy rate by 250 basis points to 12 percent on 10 March 2019 to "
     "stop the slide of the crown. Inflation in Ruritania was 9.4 percent in February 2019."},
    {"url": "https://courier.example.org/rate", "published_at": "2019-03-11", "title": "Policy rate lifted",
     "text": "The central bank of Ruritania lifted the policy rate by 250 basis points to 12 percent on 10 March 2019. "
     "Governor Rudolf Elphberg said the crown had lost too much."},
    {"url": "https://herald.example.com/crown", "published_at": "2019-05-03", "title": "Crown of Ruritania tumbles",
     "text": "The crown of Ruritania fell 7 percent against the dollar on 2 May 2019, after the Bank of Ruritania had "
     "raised its policy rate in March. Traders in Strelsau spoke of capital flight."},
    {"url": "https://gazette.example.net/crown", "published_at": "2019-05-03", "title": "Ruritanian crown slides",
     "text": "Ruritania's crown lost 7 percent to the dollar on 2 May 2019, dealers said. The Bank of Ruritania did "
     "not comment. Reserves have shrunk since the rate rise."},
    {"url": "https://outlook.example.com/fund", "published_at": "2019-05-01", "title": "What comes next",
     "text": "A poll of economists put a 40 % chance on Ruritania imposing capital controls. Investors expect the "
     "crown of Ruritania to weaken further against the dollar."},
    {"url": "https://herald.example.com/loan", "published_at": "2019-08-21", "title": "Ruritania turns to the Fund",
     "text": "Ruritania agreed on a loan of $4 billion with the Strelsau Fund on 20 August 2019, after the crown had "
     "lost a third of its value. The Bank of Ruritania will keep its policy rate high."},
    {"url": "https://courier.example.org/loan", "published_at": "2019-08-21", "title": "Strelsau Fund lends",
     "text": "The Strelsau Fund and Ruritania signed a loan of $4 billion on 20 August 2019. The crown of Ruritania "
     "recovered a little after the news."},
    {"url": "https://gazette.example.net/controls", "published_at": "2020-02-14", "title": "Ruritania shuts the gates",
     "text": "Ruritania imposed capital controls on 13 February 2020, half a year after its loan from the Strelsau "
     "Fund. The crown may trade within a band only."},
    {"url": "https://gazette.example.net/freedonia", "published_at": "2019-04-02", "title": "Freedonia elects a mayor",
     "text": "The voters of Freedonia elected Rufus Firefly as mayor on 1 April 2019. Turnout was 71 percent."},
    {"url": "https://courier.example.org/stocks", "published_at": "2019-06-12", "title": "Freedonia shares rise",
     "text": "Shares in Freedonia rose 3 percent on 11 June 2019 as banks reported higher profits. The index of the "
     "Freedonia exchange stands at its highest level in a year."},
    {"url": "https://revue.example.fr/banque", "published_at": "2019-03-12", "title": "La banque", "language": "fr",
     "text": "La banque centrale de Ruritanie a relevé son taux directeur de 250 points de base le 10 mars 2019. "
     "Les économistes attendent une nouvelle hausse au cours de l'été."},
]  # fmt: skip


def lines() -> list[str]:
    """The collection as JSON lines, each marked as FICTIONAL in its title."""
    return [json.dumps(row | {"title": f"FICTIONAL. {row['title']}", "text_kind": "summary"}) for row in ROWS]


def documents() -> list[Document]:
    """The collection as documents."""
    rows = list(read_lines([f"{line}\n".encode() for line in lines()], "fictional"))
    assert not [row for row in rows if isinstance(row, BadRow)]
    return [row for row in rows if isinstance(row, Document)]


def archive() -> Archive:
    """The collection as an archive in memory."""
    return Archive.in_memory(documents())


def archive_file(folder: Path) -> Path:
    """The collection as an archive file."""
    path = folder / "fictional.sqlite"
    with Archive.open(path) as made:
        made.add(documents())
    return path
