"""Editing a case by its form, from a first draft to a further revision, on both databases. All facts FICTIONAL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from agents.curator.editing import EDITABLE
from agents.curator.places import value_at
from agents.curator.wording import part, where
from corpus.case import Status
from db.repository import Cases
from db.session import Store
from tests.reviewing import (
    Person,
    cases,
    decide,
    put,
    status,
)
from tests.storing import case


def test_an_edit_with_faults_stores_nothing_and_keeps_what_was_typed(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    answer = ann.post(
        f"/cases/{made.case_id}/edit", revision=1, seed_date="the 5th", summary="FICTIONAL kept",
        **{"outcomes[0].evidence[0].exact": "words that stand nowhere", "outcomes[0].candidates[1].fate": "maybe"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert "is not a date" in answer.text
    assert "do not stand in the stored text" in answer.text
    assert "is none of refuted" in answer.text
    assert 'value="the 5th"' in answer.text
    assert "FICTIONAL kept" in answer.text
    assert Cases(store).get(made.case_id).case.revision == 1


def test_parts_are_added_and_removed(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    at = f"/cases/{made.case_id}/edit"
    form = {
        "add.context": "FICTIONAL fact", "add.candidate[0]": "The crown stays where it is",
        "add.quote.outcomes[0].candidates[1].evidence": "lost 7 percent",
        "new.quote.outcomes[0].candidates[1].evidence.source": made.sources[2].source_id,
        "new.quote.outcomes[0].candidates[1].evidence.role": "refutes", "remove.context[0]": "context[0]",
    }  # fmt: skip
    assert ann.post(at, revision=1, **form).status_code == 303
    newest = Cases(store).get(made.case_id)
    assert [fact.text for fact in newest.case.context] == ["FICTIONAL fact"]
    level = newest.case.outcomes[0]
    assert [c.text for c in level.candidates][2:] == ["The crown stays where it is"]
    assert level.candidates[1].evidence[0].start == 34
    assert (
        level.remainder.probability_bp is None
    )  # the new candidate has no value yet: a problem, not a guess
    assert "undistributed" in {problem.code.value for problem in newest.problems}
    back = {"remove.x": "outcomes[0].candidates[2]"}
    assert ann.post(at, revision=2, **back).status_code == 303
    assert Cases(store).get(made.case_id).case.outcomes[0].remainder.probability_bp == 2000


def test_a_case_by_hand_from_seed_to_queue(store: Store, ann: Person) -> None:
    assert ann.post("/new", seed_event="", seed_date="x", domain="economics").status_code == 422
    begun = ann.post("/new", seed_event="FICTIONAL bank fails", seed_date="2019-03", domain="economics")
    key = begun.headers["location"].split("/")[2]
    source = {
        "url": "https://herald.example.com/bank", "title": "Bank", "published_at": "2019-03-20", "kind": "page",
        "text": "FICTIONAL. The bank failed in March 2019.",
    }  # fmt: skip
    assert (
        ann.post(f"/cases/{key}/sources", revision=1, **(source | {"url": "javascript:1"})).status_code == 422
    )
    assert ann.post(f"/cases/{key}/sources", revision=1, **source).status_code == 303
    held = Cases(store).get(key).case.sources[0]
    form = {
        "add.quote.seed_evidence": "The bank failed", "new.quote.seed_evidence.source": held.source_id,
        "add.outcome": "FICTIONAL depositors are paid", "new.outcome.date": "2019-06-01",
    }  # fmt: skip
    assert ann.post(f"/cases/{key}/edit", revision=2, **form).status_code == 303
    stored = Cases(store).get(key).case
    assert (stored.status, stored.depth, stored.seed_evidence[0].start) == (Status.DRAFT, 1, 11)
    assert decide(ann, key, "submit", revision=3).status_code == 303
    assert status(store, key) is Status.PENDING


def test_going_back_to_an_earlier_text_is_a_new_revision(store: Store, ann: Person) -> None:
    made = case("FICTIONAL of a run", "2019-03-10")
    made = put(
        store, made.model_copy(update={"provenance": made.provenance.model_copy(update={"run_id": "r1"})})
    )
    at = f"/cases/{made.case_id}/edit"
    assert ann.post(at, revision=1, summary="FICTIONAL other").status_code == 303
    assert ann.post(at, revision=2, summary="").status_code == 303
    newest = Cases(store).get(made.case_id).case
    assert (newest.revision, newest.summary) == (3, "")


def leaves(value: object, path: str = "") -> Iterator[str]:
    """The paths of all single values of a case's JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{n}]")
    else:
        yield path


NOT_TYPED = (
    "case_id", "slug", "revision", "status", "provenance", "schema_version",  # given by the store
    "depth", "start", "end", "prefix", "suffix", "probability_bp", "happened",  # worked out; what happened is a choice
    "source_id", "text_sha256", "canonical_url", "read_until", "captured_at", "available_at", "availability",  # proven
    "method", "as_of", "recall_risk", "evidence", "true_probability",  # how a value came about: remove it, add another
)  # fmt: skip


def test_there_is_a_typed_field_for_everything_that_is_not_worked_out_or_proven(
    store: Store, ann: Person
) -> None:
    (made,) = cases(store, 1)
    page = ann.get(f"/cases/{made.case_id}/edit?reveal=1")
    fields = set(re.findall(r'name="([^"]+)"', page))
    missing = {path for path in leaves(made.model_dump(mode="json")) if path not in fields}
    assert {path for path in missing if re.split(r"[.\[]", path)[0] not in NOT_TYPED
            and path.rpartition(".")[2] not in NOT_TYPED} == set()  # fmt: skip
    for pattern, _ in EDITABLE:
        assert any(pattern.match(name) for name in fields), pattern.pattern


TYPED = {
    "seed_event": "FICTIONAL other seed", "seed_date": "2019-03-11", "domain": "finance", "summary": "FICTIONAL",
    "horizon_months": "24", "context[0].text": "FICTIONAL fact", "outcomes[0].event": "FICTIONAL outcome",
    "outcomes[0].date": "2019-05", "outcomes[0].note": "FICTIONAL note",
    "outcomes[0].candidates[1].text": "FICTIONAL alternative", "outcomes[0].candidates[1].fate": "happened_later",
    "outcomes[0].candidates[1].fate_date": "2020-01-02", "outcomes[0].evidence[0].exact": "FICTIONAL. The Ruritanian",
    "outcomes[0].evidence[0].role": "supports_date", "outcomes[0].candidates[0].estimates[0].venue": "Exchange",
    "outcomes[0].candidates[0].estimates[0].note": "why", "outcomes[0].candidates[0].estimates[0].samples": "12",
    "outcomes[0].candidates[0].estimates[0].terms": "no_training", "sources[0].url": "https://other.example.com/x",
    "sources[0].publisher": "other.example", "sources[0].title": "FICTIONAL other",
    "sources[0].published_at": "2019-03",    "sources[0].terms": "quotation", "sources[0].text_kind": "page",
}  # fmt: skip
SHARES = {"value": "30", "low": "20", "high": "40"}


def test_every_field_can_be_changed_and_shows_what_the_agents_had(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    shares = {f"outcomes[0].remainder.estimates[0].{name}": typed for name, typed in SHARES.items()}
    at = f"/cases/{made.case_id}"
    assert ann.post(f"{at}/edit", revision=1, reason="all of it", **TYPED, **shares).status_code == 303
    stored = Cases(store).get(made.case_id).case.model_dump(mode="json")
    for path, typed in TYPED.items():
        assert str(value_at(stored, path)) == typed, path
    assert [value_at(stored, path) for path in shares] == [0.3, 0.2, 0.4]
    page, history = unescape(ann.get(f"{at}/edit?reveal=1")), unescape(ann.get(f"{at}/history"))
    before = made.model_dump(mode="json")
    for path in (*TYPED, *shares):
        was = part(value_at(before, path), path)
        assert f"at first: {was}" in page, path
        assert f'<td>{where(path)}</td><td class="old">{was}</td>' in history, path
    assert "all of it" in history
    assert "revision 2 · FICTIONAL Ann" in history
