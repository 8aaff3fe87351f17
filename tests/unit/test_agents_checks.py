"""The Verifier's rules: what stored texts prove, and what they cannot."""

from __future__ import annotations

from agents.checks import check_claims
from agents.reading.document import Document
from corpus.case import Case, CheckKind, CheckResult, Method
from corpus.dates import EventDate
from tests.builders import FIRST_SOURCE, TEXTS, estimate, level, quote, sound_case


def documents(case: Case, **changed: str) -> dict[str, Document]:
    return {
        s.source_id: Document(
            url=s.url, canonical_url=s.canonical_url, publisher=s.publisher, title=s.title,
            text=changed.get(s.source_id, TEXTS[s.source_id]), published_at=s.published_at,
            available_at=s.available_at, availability=s.availability,
        )
        for s in case.sources
    }  # fmt: skip


def results(case: Case, given: dict[str, Document] | None = None) -> dict[tuple[str, CheckKind], CheckResult]:
    texts = documents(case) if given is None else given
    return {(c.path, c.check): c.result for c in check_claims(case, texts)}


def note(case: Case, path: str, kind: CheckKind) -> str:
    return next(c.note for c in check_claims(case, documents(case)) if (c.path, c.check) == (path, kind))


def test_a_sound_case_passes_all_but_the_seeds_single_source() -> None:
    failed = {key for key, result in results(sound_case()).items() if result is not CheckResult.PASSED}
    assert failed == {("seed_evidence", CheckKind.INDEPENDENT_SOURCES)}


def test_a_quote_that_moved_or_a_text_that_changed_fails() -> None:
    case = sound_case()
    moved = (
        case.outcomes[0]
        .evidence[0]
        .model_copy(update={"start": 12, "end": len(TEXTS[FIRST_SOURCE.source_id]) + 1})
    )
    broken = sound_case(outcomes=(level(evidence=(moved, case.outcomes[0].evidence[1])),))
    assert results(broken)["outcomes[0].evidence[0]", CheckKind.QUOTE_IN_TEXT] is CheckResult.FAILED
    altered = documents(case, **{FIRST_SOURCE.source_id: TEXTS[FIRST_SOURCE.source_id] + "!"})
    assert results(case, altered)["outcomes[0].evidence[0]", CheckKind.QUOTE_IN_TEXT] is CheckResult.FAILED


def test_without_the_text_nothing_is_proven() -> None:
    found = results(sound_case(), {})
    assert found["outcomes[0].evidence[0]", CheckKind.QUOTE_IN_TEXT] is CheckResult.NOT_CHECKED
    assert found["outcomes[0].event", CheckKind.NAMES_AND_NUMBERS] is CheckResult.NOT_CHECKED
    assert found["outcomes[0].date", CheckKind.DATE_SUPPORTED] is CheckResult.NOT_CHECKED


def test_a_date_must_be_the_quotations() -> None:
    other = sound_case(outcomes=(level(date=EventDate.parse("2019-05-04")),))
    assert results(other)["outcomes[0].date", CheckKind.DATE_SUPPORTED] is CheckResult.FAILED
    assert "2019-05-02" in note(other, "outcomes[0].date", CheckKind.DATE_SUPPORTED)
    coarser = sound_case(outcomes=(level(date=EventDate.parse("2019-05")),))
    assert results(coarser)["outcomes[0].date", CheckKind.DATE_SUPPORTED] is CheckResult.PASSED


def test_numbers_and_names_must_stand_in_the_quoted_texts() -> None:
    where = ("outcomes[0].event", CheckKind.NAMES_AND_NUMBERS)
    for event in ("The Ruritanian crown falls 9 percent", "The crown falls 7 percent in Freedonia"):
        assert results(sound_case(outcomes=(level(event=event),)))[where] is CheckResult.FAILED
    assert "9 percent" in note(sound_case(outcomes=(level(event="The crown falls 9 percent"),)), *where)


def test_an_estimate_must_rest_on_what_could_be_read_in_time() -> None:
    late = estimate(
        0.4, "2019-03-10", Method.MARKET, evidence=quote(FIRST_SOURCE, TEXTS[FIRST_SOURCE.source_id][:9])
    )
    candidates = level().candidates
    case = sound_case(
        outcomes=(level(candidates=(candidates[0].model_copy(update={"estimates": (late,)}), candidates[1])),)
    )
    where = ("outcomes[0].candidates[0].estimates[0]", CheckKind.AVAILABLE_IN_TIME)
    assert results(case)[where] is CheckResult.FAILED
