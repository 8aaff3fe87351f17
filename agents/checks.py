"""What stored texts prove of a case: each claim checked against its quotations, without a model.

For every quotation: does it stand in the stored text, at its place, under its hash? For every outcome: does
a quotation's date agree with the claimed one, do the quotations carry its names and numbers, do two
publishers stand behind it? For every estimate that cites: could its source be read in time? A check with
nothing to check against is `not_checked`, which is never counted as passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents.reading.dates import find_dates, statement_date
from agents.reading.document import Document
from corpus.case import (
    Case,
    CheckKind,
    CheckResult,
    ClaimCheck,
    Evidence,
    Method,
    Outcome,
    Role,
    all_evidence,
)
from corpus.dates import EventDate
from corpus.identity import text_sha256
from corpus.text import agree, names, quantities, stem

Documents = Mapping[str, Document]
EVENT_ROLES = (Role.SUPPORTS_EVENT, Role.SUPPORTS_DATE)


def check_claims(case: Case, documents: Documents) -> tuple[ClaimCheck, ...]:
    """All checks of a case; `documents` maps source ids to stored texts, which may be missing."""
    found = [_quote(case, path, item, documents) for path, item in all_evidence(case)]
    found += _seed(case, documents)
    for i, outcome in enumerate(case.outcomes):
        found += _outcome(case, outcome, f"outcomes[{i}]", documents)
    return tuple(found)


def check(path: str, kind: CheckKind, passed: bool | None, note: str = "") -> ClaimCheck:
    """A check's record; `passed` None means that there was nothing to check against."""
    result = {True: CheckResult.PASSED, False: CheckResult.FAILED, None: CheckResult.NOT_CHECKED}[passed]
    return ClaimCheck(path=path, check=kind, result=result, note=note)


def _quote(case: Case, path: str, item: Evidence, documents: Documents) -> ClaimCheck:
    document, source = documents.get(item.source_id), case.source(item.source_id)
    if document is None or source is None:
        return check(path, CheckKind.QUOTE_IN_TEXT, None, "the text is not stored")
    if text_sha256(document.text) != source.text_sha256:
        return check(path, CheckKind.QUOTE_IN_TEXT, False, "the stored text has another hash than the source")
    if document.text[item.start : item.end] != item.exact:
        return check(path, CheckKind.QUOTE_IN_TEXT, False, f"at {item.start}..{item.end} stands another text")
    return check(path, CheckKind.QUOTE_IN_TEXT, True)


def _seed(case: Case, documents: Documents) -> Iterator[ClaimCheck]:
    yield _date(case.seed_evidence, case.seed_date, "seed_date", documents)
    yield _names_and_numbers(case.seed_evidence, case.seed_event, "seed_event", documents)
    yield _independence(case, case.seed_evidence, "seed_evidence")


def _outcome(case: Case, outcome: Outcome, path: str, documents: Documents) -> Iterator[ClaimCheck]:
    if outcome.event is not None:
        yield _date(outcome.evidence, outcome.date, f"{path}.date", documents)
        yield _names_and_numbers(outcome.evidence, outcome.event, f"{path}.event", documents)
        yield _independence(case, outcome.evidence, f"{path}.evidence")
    for k, candidate in enumerate(outcome.candidates):
        for j, estimate in enumerate(candidate.estimates):
            if estimate.evidence is not None and estimate.method is not Method.RETROSPECTIVE:
                where = f"{path}.candidates[{k}].estimates[{j}]"
                yield _in_time(case, outcome, estimate.evidence, where)


def _date(
    evidence: tuple[Evidence, ...], claimed: EventDate | None, path: str, documents: Documents
) -> ClaimCheck:
    """Some quotation, read in its text and against its publication, must give the claimed date."""
    if claimed is None:
        return check(path, CheckKind.DATE_SUPPORTED, None, "no date is claimed")
    found = [when for item in evidence if (when := quoted_date(item, documents)) is not None]
    if not found:
        return check(path, CheckKind.DATE_SUPPORTED, None, "no quotation gives a date")
    if any(claimed.contains(when) or when == claimed for when in found):
        return check(path, CheckKind.DATE_SUPPORTED, True)
    if any(when.contains(claimed) for when in found):
        finest = min((w for w in found if w.contains(claimed)), key=lambda w: w.last_day - w.first_day)
        return check(
            path, CheckKind.DATE_SUPPORTED, False, f"the quotations say {finest}, less finely than {claimed}"
        )
    return check(path, CheckKind.DATE_SUPPORTED, False, f"the quotations say {', '.join(map(str, found))}")


def quoted_date(item: Evidence, documents: Documents) -> EventDate | None:
    """The date that a quotation gives, read where it stands and against its text's publication."""
    document = documents.get(item.source_id)
    if document is None or item.role not in EVENT_ROLES:
        return None
    inside = [
        m
        for m in find_dates(document.text, document.published_at)
        if item.start <= m.start and m.end <= item.end
    ]
    return statement_date(item.start, item.end, inside, document.published_at)


def _names_and_numbers(
    evidence: tuple[Evidence, ...], claim: str, path: str, documents: Documents
) -> ClaimCheck:
    """Every name and number of the claim must stand in a quoted text."""
    texts = [documents[item.source_id].text for item in evidence if item.source_id in documents]
    if not texts:
        return check(path, CheckKind.NAMES_AND_NUMBERS, None, "no quoted text is stored")
    missing = [*missing_numbers(claim, texts), *missing_names(claim, texts)]
    if missing:
        return check(
            path, CheckKind.NAMES_AND_NUMBERS, False, f"not in the quoted texts: {', '.join(missing)}"
        )
    return check(path, CheckKind.NAMES_AND_NUMBERS, True)


def missing_numbers(claim: str, texts: list[str]) -> list[str]:
    """Numbers of a claim that no text holds, as they are written in it."""
    there = [quantity for text in texts for quantity in quantities(text)]
    return [
        claim[q.start : q.end].strip()
        for q in quantities(claim)
        if not any(agree(q, other) for other in there)
    ]


def missing_names(claim: str, texts: list[str]) -> list[str]:
    """Proper names of a claim that no text holds, sorted."""
    there = {
        stem(word) for text in texts for word in text.casefold().replace("’s", "").replace("'s", "").split()
    }
    there = {word.strip(".,;:!?()\"“”'’") for word in there}
    joined = " ".join(texts).casefold()
    return sorted(
        name
        for name in names(claim)
        if name not in joined and not all(part in joined or stem(part) in there for part in name.split())
    )


def _independence(case: Case, evidence: tuple[Evidence, ...], path: str) -> ClaimCheck:
    publishers = sorted(case.publishers(evidence))
    if not publishers:
        return check(path, CheckKind.INDEPENDENT_SOURCES, None, "no source")
    note = "" if len(publishers) > 1 else f"only {publishers[0]}"
    return check(path, CheckKind.INDEPENDENT_SOURCES, len(publishers) > 1, note)


def _in_time(case: Case, outcome: Outcome, item: Evidence, path: str) -> ClaimCheck:
    limit, source = case.reading_limit(outcome.depth), case.source(item.source_id)
    if limit is None or source is None:
        return check(path, CheckKind.AVAILABLE_IN_TIME, None, "as-of or source unknown")
    note = "" if source.available_by(limit) else f"not shown available by {limit:%Y-%m-%d}"
    return check(path, CheckKind.AVAILABLE_IN_TIME, source.available_by(limit), note)
