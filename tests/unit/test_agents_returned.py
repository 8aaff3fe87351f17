"""What goes back to research: which note stands, what the rules do with it, who supplied the evidence. FICTIONAL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agents.archive import PROVIDER
from agents.commands.returned import seed_of
from agents.commands.texts import read_back, stored_document
from agents.curator.digests import digest
from agents.library import ArchiveLibrary, View
from agents.offline.base_rates import BaseRates
from agents.offline.chronicler import search_noted
from agents.offline.roles import offline_roles
from agents.researcher import Origin, Researcher
from agents.state import Seed
from corpus.case import Method, Provenance, Status
from corpus.dates import EventDate
from db.mapping import Event
from db.returning import sent_back
from db.tables import EventKind
from tests.builders import BEFORE_SOURCE, SEED_SOURCE, estimate, level, quote, sound_case
from tests.fictional import archive, documents
from tests.roles import settings

AT = datetime(2024, 1, 1, tzinfo=UTC)


def event(key: str, kind: EventKind, after: Status, reason: str = "", undoes: str = "") -> Event:
    details = {"undoes": undoes} if undoes else {}
    return Event(key, "c1", 1, kind, Status.PENDING, after, "Ann", reason, details, AT)


def note(*events: Event) -> str | None:
    found = sent_back(events)
    return found.note.reason if found else None


def test_the_newest_note_that_was_not_taken_back_stands() -> None:
    stored = event("s", EventKind.STORED, Status.PENDING, "No dated evidence of what followed.")
    first = event("a", EventKind.DECIDED, Status.NEEDS_WORK, "find a second source")
    edited = event("t", EventKind.STORED, Status.PENDING, "clearer")
    second = event("b", EventKind.DECIDED, Status.NEEDS_WORK, "the date is wrong")
    back = event("u", EventKind.UNDONE, Status.PENDING, undoes="b")
    approved = event("c", EventKind.DECIDED, Status.APPROVED)
    assert note(stored) is None
    assert note(stored, first, edited) == "find a second source"
    assert note(stored, first, edited, second) == "the date is wrong"
    assert note(stored, first, edited, second, back) == "find a second source"
    assert note(stored, first, edited, approved) is None


def test_what_a_run_came_to_answers_a_note_and_a_curators_edit_does_not() -> None:
    sent = event("a", EventKind.DECIDED, Status.NEEDS_WORK, "find a second source")
    edited = event("t", EventKind.STORED, Status.PENDING, "clearer")
    revised = replace(event("r", EventKind.STORED, Status.PENDING), author="agents")
    same = event("f", EventKind.RESEARCHED, Status.PENDING, "the same")
    for later, answer in (((edited,), None), ((edited, revised), revised), ((revised, same), same)):
        found = sent_back([sent, *later])
        assert found is not None
        assert found.answer == answer


def test_a_returned_seed_brings_its_id_horizon_and_sources() -> None:
    case = sound_case(horizon_months=9, case_id="c-kept")
    made = seed_of(case, [event("a", EventKind.DECIDED, Status.NEEDS_WORK, "more")])
    assert (made.case_id, made.horizon_months, made.note, made.chosen) == ("c-kept", 9, "more", "named")
    assert made.sources == (SEED_SOURCE,)


def test_rules_search_what_a_note_names() -> None:
    view, parent = View(ArchiveLibrary(archive()), None), EventDate.parse("2019-03-10")
    last = parent.last_day + timedelta(days=400)
    found = asyncio.run(search_noted(view, "look for the loan of the Strelsau Fund", parent, last))
    assert {d.publisher for d in found} >= {"example.com", "example.org"}
    assert any("loan" in d.text for d in found)
    assert asyncio.run(search_noted(view, " … ", parent, last)) == ()


def test_a_researched_case_names_who_supplied_its_evidence() -> None:
    worker = Researcher(
        offline_roles(BaseRates([])), ArchiveLibrary(archive()), settings(), Origin("r", "0", lambda: AT)
    )
    seed = Seed(
        event="The Bank of Ruritania raises its policy rate by 250 basis points",
        date=EventDate.parse("2019-03-10"), domain="economics", chosen="named",
    )  # fmt: skip
    case = asyncio.run(worker.research(seed)).case
    assert case is not None
    assert case.provenance.settings["providers"] == PROVIDER
    assert digest(case).providers == (PROVIDER,)


def test_markets_and_surveys_count_as_providers_and_a_missing_record_says_so() -> None:
    assert digest(sound_case()).providers == ("not recorded (agents)",)
    assert digest(sound_case()).models == ("offline rules",)
    by_hand = Provenance(origin="starter", created_at=AT)
    assert digest(sound_case(provenance=by_hand)).models == ("no model (starter)",)
    priced = estimate(0.6, "2019-03-09", Method.MARKET, venue="Example Exchange")
    read = quote(BEFORE_SOURCE, "x")
    quoted = estimate(0.6, "2019-03-09", Method.SURVEY, venue="example.info", evidence=read)
    outcome = level()
    first = outcome.candidates[0].model_copy(
        update={"estimates": (*outcome.candidates[0].estimates, priced, quoted)}
    )
    made = sound_case(outcomes=(outcome.model_copy(update={"candidates": (first, *outcome.candidates[1:])}),))
    assert digest(made).providers == ("Example Exchange",)


def test_a_document_comes_back_from_the_store_as_it_was_quoted() -> None:
    for document in documents():
        again = read_back(stored_document(document))
        assert (again.as_source(), again.text) == (document.as_source(), document.text)
