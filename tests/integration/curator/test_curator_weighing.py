"""Probabilities by a curator: the own estimate and values of dated sources, on both databases. All facts FICTIONAL."""

from __future__ import annotations

from corpus.case import Method
from db.repository import Cases
from db.session import Store
from tests.reviewing import (
    ANN,
    Person,
    cases,
    field,
)


def test_the_own_estimate_comes_first_and_only_at_exactly_100(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    at = f"/cases/{made.case_id}"
    before = ann.get(at)
    assert "after yours" in before
    assert "retrospective" not in before
    assert "55 %" not in before
    assert "55 %" not in ann.get(f"{at}/evidence?path=outcomes[0].candidates[1]")
    assert "55 %" in ann.get(f"{at}?reveal=1")
    assert "estimates[0].value" not in ann.get(f"{at}/edit")
    assert "estimates[0].value" in ann.get(f"{at}/edit?reveal=1")
    assert f'action="{at}/edit?reveal=1"' in ann.get(f"{at}/edit?reveal=1"), "a fault shows them again"
    own = f"{at}/levels/1/own"
    wrong = ann.post(own, revision=1, action="save", **{"own.0": "30", "own.1": "60", "own.z": "5"})
    assert wrong.status_code == 422
    assert "sum to exactly 100 %" in wrong.text
    assert Cases(store).get(made.case_id).case.revision == 1
    scaled = ann.post(own, revision=1, action="rescale", **{"own.0": "30", "own.1": "60", "own.z": "5"})
    assert scaled.status_code == 200
    shares = {name: field(scaled.text.replace(' class="share" inputmode="decimal" autocomplete="off" ', ""), name)
              for name in ("own.0", "own.1", "own.z")}  # fmt: skip
    assert sum(round(100 * float(value)) for value in shares.values()) == 10_000
    assert ann.post(own, revision=1, action="save", **shares).status_code == 303
    newest = Cases(store).get(made.case_id).case
    estimate = newest.outcomes[0].candidates[0].estimates[-1]
    assert (estimate.method, estimate.venue, estimate.value) == (Method.RETROSPECTIVE, ANN, 0.3158)
    assert estimate.as_of == newest.as_of(1)
    assert "55 %" in ann.get(at)
    again = {"own.0": "20", "own.1": "70", "own.z": "10"}
    assert ann.post(own, revision=2, action="save", **again).status_code == 303
    values = [e.value for e in Cases(store).get(made.case_id).case.outcomes[0].candidates[0].estimates]
    assert values == [0.25, 0.2]


def test_a_value_of_a_dated_source(store: Store, ann: Person) -> None:
    (made,) = cases(store, 1)
    at = f"/cases/{made.case_id}/levels/1/values"
    form = {
        "candidate": "1", "method": "expert", "value": "60", "low": "50", "high": "70", "as_of": "2019-03-08",
        "source": made.sources[3].source_id, "quote": "Analysts expect the crown to rise", "venue": "", "samples": "",
    }  # fmt: skip
    assert "do not stand" in ann.post(at, revision=1, **(form | {"quote": "60 %"})).text
    assert ann.post(at, revision=1, **(form | {"value": "160"})).status_code == 422
    assert ann.post(at, revision=1, **form).status_code == 303
    newest = Cases(store).get(made.case_id).case
    estimate = newest.outcomes[0].candidates[1].estimates[-1]
    assert (estimate.method, estimate.low, estimate.venue) == (Method.EXPERT, 0.5, "example.info")
    assert newest.outcomes[0].candidates[1].probability_bp == 6000
