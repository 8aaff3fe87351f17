"""Hypothesis strategies for whole cases: any shape the types allow, whatever it says.

They obey the types, not the rules of `corpus.validation`: dates may run backwards and probabilities may
not sum, because such a case must be storable too. All texts are arbitrary Unicode, NUL included.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from corpus.case import (
    DEFAULT_DOMAINS,
    FULL_BP,
    Availability,
    Candidate,
    Case,
    CheckKind,
    CheckResult,
    ClaimCheck,
    ContextFact,
    Estimate,
    Evidence,
    Fate,
    Method,
    Outcome,
    Provenance,
    Remainder,
    Role,
    Source,
    Status,
    Terms,
    TextKind,
)
from corpus.dates import EventDate, Precision
from corpus.identity import case_id, slug
from tests.builders import source

SOME_SOURCES = ("s0000000001", "s0000000002")


def texts(min_size: int = 1, max_size: int = 40) -> st.SearchStrategy[str]:
    """Any text that can be encoded."""
    return st.text(min_size=min_size, max_size=max_size)


def event_dates(first_year: int = 1000, last_year: int = 2999) -> st.SearchStrategy[EventDate]:
    """Dates of every precision."""
    days = st.dates(datetime(first_year, 1, 1).date(), datetime(last_year, 12, 31).date())  # noqa: DTZ001
    return st.builds(EventDate, days, st.sampled_from(Precision))


def moments() -> st.SearchStrategy[datetime]:
    """Aware datetimes, to the microsecond, at any offset of whole minutes."""
    offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    lowest, highest = datetime(1000, 1, 2), datetime(2999, 12, 30)  # noqa: DTZ001
    return st.datetimes(lowest, highest, timezones=offsets)


def probabilities() -> st.SearchStrategy[float]:
    """Numbers from 0 to 1."""
    return st.floats(0.0, 1.0, allow_nan=False)


@st.composite
def sources(draw: st.DrawFn) -> Source:
    """A source with the id that its URL and text give it."""
    url = f"https://{draw(st.sampled_from(['example.org', 'example.com']))}/{draw(st.integers(0, 9999))}"
    return source(
        url,
        draw(texts()),
        "2000-01-01",
        title=draw(texts(0)),
        text_kind=draw(st.sampled_from(TextKind)),
        published_at=draw(st.none() | event_dates()),
        available_at=draw(st.none() | moments()),
        availability=draw(st.sampled_from(Availability)),
        captured_at=draw(st.none() | moments()),
        terms=draw(st.sampled_from(Terms)),
    )


@st.composite
def evidence(draw: st.DrawFn, source_ids: tuple[str, ...] = SOME_SOURCES) -> Evidence:
    """A quotation of one of the sources, with offsets that span it."""
    exact, start = draw(texts()), draw(st.integers(0, 100_000))
    return Evidence(
        source_id=draw(st.sampled_from(source_ids)),
        exact=exact,
        prefix=draw(texts(0, 8)),
        suffix=draw(texts(0, 8)),
        start=start,
        end=start + len(exact),
        role=draw(st.sampled_from(Role)),
        read_until=draw(st.none() | moments()),
    )


@st.composite
def estimates(draw: st.DrawFn, source_ids: tuple[str, ...] = SOME_SOURCES) -> Estimate:
    """One probability with its origin; low ≤ value ≤ high where an interval is given."""
    low, value, high = sorted(draw(st.tuples(probabilities(), probabilities(), probabilities())))
    bounded = draw(st.booleans())
    return Estimate(
        method=draw(st.sampled_from(Method)),
        value=value,
        low=low if bounded else None,
        high=high if bounded else None,
        as_of=draw(moments()),
        samples=draw(st.none() | st.integers(1, 10_000)),
        venue=draw(texts(0)),
        evidence=draw(st.none() | evidence(source_ids)),
        terms=draw(st.sampled_from(Terms)),
        recall_risk=draw(st.booleans()),
        note=draw(texts(0)),
    )


@st.composite
def candidates(draw: st.DrawFn, source_ids: tuple[str, ...] = SOME_SOURCES) -> Candidate:
    """One answer to a level question."""
    happened = draw(st.booleans())
    return Candidate(
        text=draw(texts()),
        happened=happened,
        fate=None if happened else draw(st.none() | st.sampled_from(Fate)),
        fate_date=None if happened else draw(st.none() | event_dates()),
        evidence=tuple(draw(st.lists(evidence(source_ids), max_size=1))),
        estimates=tuple(draw(st.lists(estimates(source_ids), max_size=2))),
        probability_bp=draw(st.none() | st.integers(0, FULL_BP)),
        true_probability=draw(st.none() | probabilities()),
    )


@st.composite
def outcomes(draw: st.DrawFn, depth: int = 1, source_ids: tuple[str, ...] = SOME_SOURCES) -> Outcome:
    """One level of a chain; now and then the level at which nothing followed."""
    happened = draw(st.integers(0, 4)) > 0
    return Outcome(
        depth=depth,
        event=draw(texts()) if happened else None,
        date=draw(st.none() | event_dates()) if happened else None,
        evidence=tuple(draw(st.lists(evidence(source_ids), max_size=2))) if happened else (),
        candidates=tuple(draw(st.lists(candidates(source_ids), max_size=3))),
        remainder=Remainder(
            estimates=tuple(draw(st.lists(estimates(source_ids), max_size=1))),
            probability_bp=draw(st.none() | st.integers(0, FULL_BP)),
        ),
        note=draw(texts(0)),
    )


def checks() -> st.SearchStrategy[ClaimCheck]:
    """What a verifier may have found."""
    paths = st.sampled_from(["seed_evidence[0]", "outcomes[0]", "outcomes[0].candidates[1]"])
    return st.builds(
        ClaimCheck,
        path=paths,
        check=st.sampled_from(CheckKind),
        result=st.sampled_from(CheckResult),
        note=texts(0),
    )


def provenances(run_ids: tuple[str, ...] = ("", "r20220921-120000-abcdef")) -> st.SearchStrategy[Provenance]:
    """Who may have made a revision."""
    values = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    return st.builds(
        Provenance,
        origin=st.sampled_from(["agents", "import", "curator", "starter", "synthetic"]),
        run_id=st.sampled_from(run_ids),
        created_at=moments(),
        program=texts(0),
        models=st.dictionaries(texts(), texts(), max_size=2),
        prompts=st.dictionaries(texts(), texts(), max_size=2),
        settings=st.dictionaries(texts(), values | texts(0), max_size=3),
        note=texts(0),
    )


@st.composite
def cases(draw: st.DrawFn, max_depth: int = 3) -> Case:
    """A whole case of depth 0 to `max_depth`, evidence quoting its own sources."""
    event, date = draw(texts()), draw(event_dates())
    domain = draw(st.sampled_from(DEFAULT_DOMAINS))
    own = draw(st.lists(sources(), min_size=1, max_size=3, unique_by=lambda source: source.source_id))
    ids = tuple(source.source_id for source in own)
    depth = draw(st.integers(0, max_depth))
    return Case(
        case_id=case_id(event, date, domain),
        slug=slug(event, date),
        domain=domain,
        seed_event=event,
        seed_date=date,
        summary=draw(texts(0)),
        horizon_months=draw(st.integers(1, 600)),
        seed_evidence=tuple(draw(st.lists(evidence(ids), max_size=2))),
        context=tuple(draw(st.lists(st.builds(ContextFact, text=texts()), max_size=2))),
        outcomes=tuple(draw(outcomes(level + 1, ids)) for level in range(depth)),
        sources=tuple(own),
        verification=tuple(draw(st.lists(checks(), max_size=2))),
        status=draw(st.sampled_from(Status)),
        provenance=draw(provenances()),
    )
