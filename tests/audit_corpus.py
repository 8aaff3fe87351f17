"""FICTIONAL snapshots for the audit: a clean corpus, and the same with one planted defect a rule.

Which candidate happened is drawn, so nothing in the wording tells it; every claim is quoted from two pages
that existed in time; dates, figures and probabilities are irregular.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from corpus.audit.rows import Rule
from corpus.case import (
    Candidate,
    Case,
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
from corpus.dates import EventDate
from corpus.files import file_sha256
from corpus.identity import canonical_json, case_id, slug
from corpus.pooling import pooled_outcome
from corpus.snapshot import MANIFEST, SPLITS, Manifest, SnapshotInfo, read_snapshot, write_snapshot
from tests.builders import MADE, quote, source

DOMAINS = ("economics", "health", "technology", "climate")
ACTS = ("raises", "cuts", "freezes", "reviews", "doubles", "suspends")
THINGS = ("grain levy", "port fee", "rail fare", "water tariff", "pilot licence", "harvest bonus")
BODIES = ("Treasury", "Council", "Chamber", "Assembly", "Office", "Bureau")
SYLLABLES = (
    "bel",
    "dor",
    "fen",
    "gal",
    "hin",
    "jor",
    "kal",
    "lum",
    "mir",
    "nov",
    "pra",
    "ros",
    "syl",
    "tav",
    "vor",
    "zan",
)
FIRST_DAY = date(2005, 1, 3)


class Maker:
    """Makes sound cases from a seeded generator, each about a place of its own."""

    def __init__(self, seed: int = 1, *, depth: int = 2, syllables: int = 3) -> None:
        self.dice = random.Random(seed)
        self.depth, self.syllables = depth, syllables
        self.texts: dict[str, str] = {}
        self._names: set[str] = set()

    def name(self) -> str:
        """A place that no other case has."""
        while True:
            made = "".join(self.dice.sample(SYLLABLES, self.syllables)).capitalize()
            if made not in self._names:
                self._names.add(made)
                return made

    def sentence(self, place: str) -> str:
        """Something that a body of the place may do."""
        dice = self.dice
        act, thing, body = dice.choice(ACTS), dice.choice(THINGS), dice.choice(BODIES)
        return f"The {body} of {place} {act} the {thing} by {dice.randint(2, 97)} percent"

    def page(self, host: str, text: str, day: date) -> Source:
        """A page of a made-up newspaper, published on a day."""
        number = len(self.texts)
        made = source(
            f"https://{host}/{number}", text, day.isoformat(), text_kind=TextKind.PAGE, terms=Terms.QUOTATION
        )
        self.texts[made.text_sha256] = text
        return made

    def quoted(
        self, claim: str, day: date, role: Role = Role.SUPPORTS_EVENT
    ) -> tuple[list[Source], tuple[Evidence, ...]]:
        """Two pages that state a claim, and the quotations."""
        sources, evidence = [], []
        for host in ("herald.example.com", "courier.example.org"):
            text = f"FICTIONAL report {len(self.texts)}. {claim}, as was announced."
            page = self.page(host, text, day)
            sources.append(page)
            evidence.append(quote(page, claim, role, text.index(claim)))
        return sources, tuple(evidence)

    def weights(self, count: int) -> list[float]:
        """Probabilities of the candidates in whole per mille, neither equal nor round."""
        parts = [self.dice.uniform(0.5, 3) for _ in range(count + 1)]
        return [round(part / sum(parts), 3) for part in parts[:-1]]

    def level(self, depth: int, place: str, parent: date, day: date) -> tuple[Outcome, list[Source]]:
        """A level with four candidates, one of which happened."""
        texts: list[str] = []
        while len(texts) < 4:
            said = self.sentence(place)
            if all(said.split()[4:8] != other.split()[4:8] for other in texts):
                texts.append(said)
        event = self.dice.choice(texts)
        sources, evidence = self.quoted(event, day)
        candidates = []
        for said, value in zip(texts, self.weights(4), strict=True):
            estimate = Estimate(method=Method.BASE_RATE, value=value, as_of=EventDate(parent).end())
            happened = said == event
            fate = None if happened else Fate.REFUTED
            candidates.append(Candidate(text=said, happened=happened, fate=fate, estimates=(estimate,)))
        outcome = Outcome(
            depth=depth, event=event, date=EventDate(day), evidence=evidence, candidates=tuple(candidates),
            remainder=Remainder(),
        )  # fmt: skip
        return pooled_outcome(outcome), sources

    def case(self, number: int) -> Case:
        """One case; seeds are some weeks apart."""
        place = self.name()
        event, day = self.sentence(place), FIRST_DAY + timedelta(days=23 * number + self.dice.randint(0, 9))
        sources, evidence = self.quoted(event, day)
        before = f"Traders in {place} had been told to expect a decision"
        known, fact = self.quoted(before, day - timedelta(days=9), Role.EXPECTATION)
        sources += known
        outcomes, parent = [], day
        for depth in range(1, self.depth + 1):
            following = parent + timedelta(days=self.dice.randint(11, 160))
            if following.day == day.day:
                following += timedelta(days=1)
            outcome, pages = self.level(depth, place, parent, following)
            outcomes.append(outcome)
            sources += pages
            parent = following
        when, domain = EventDate(day), DOMAINS[number % len(DOMAINS)]
        return Case(
            case_id=case_id(event, when, domain), slug=slug(event, when), domain=domain, seed_event=event,
            seed_date=when, seed_evidence=evidence, context=(ContextFact(text=before, evidence=fact),),
            outcomes=tuple(outcomes), sources=tuple(sources), status=Status.APPROVED,
            provenance=Provenance(origin="synthetic", created_at=MADE),
        )  # fmt: skip


Corpus = list[Case]
Defect = Callable[[Corpus, Maker], None]
CASES = 150


def each_level(change: Callable[[Outcome], Outcome], share: float = 1.0) -> Defect:
    """Change a share of all levels."""

    def plant(cases: Corpus, maker: Maker) -> None:
        for n, case in enumerate(cases):
            if n < share * len(cases):
                cases[n] = case.model_copy(update={"outcomes": tuple(change(o) for o in case.outcomes)})

    return plant


def reworded(outcome: Outcome, change: Callable[[str, bool], str]) -> Outcome:
    """Other words for the candidates; the event is left as it is."""
    candidates = tuple(c.model_copy(update={"text": change(c.text, c.happened)}) for c in outcome.candidates)
    return outcome.model_copy(update={"candidates": candidates})


def with_values(outcome: Outcome, values: list[int]) -> Outcome:
    """Other pooled probabilities, the last for Z."""
    candidates = tuple(
        c.model_copy(update={"probability_bp": value})
        for c, value in zip(outcome.candidates, values, strict=False)
    )
    rest = outcome.remainder.model_copy(update={"probability_bp": values[-1]})
    return outcome.model_copy(update={"candidates": candidates, "remainder": rest})


def one_case(change: Callable[[Case, Corpus, Maker], Case], number: int = 20) -> Defect:
    """Change one case."""

    def plant(cases: Corpus, maker: Maker) -> None:
        cases[number] = change(cases[number], cases, maker)

    return plant


def changed_estimate(case: Case, **changes: object) -> Case:
    """The first estimate of the case changed."""
    first, *others = case.outcomes
    head, *rest = first.candidates
    estimate = head.estimates[0].model_copy(update=changes)
    head = head.model_copy(update={"estimates": (estimate,)})
    level = first.model_copy(update={"candidates": (head, *rest)})
    return case.model_copy(update={"outcomes": (level, *others)})


def happened_first(outcome: Outcome) -> Outcome:
    """What happened at the top of the list."""
    ordered = sorted(outcome.candidates, key=lambda c: not c.happened)
    return outcome.model_copy(update={"candidates": tuple(ordered)})


def tells_what_follows(case: Case, cases: Corpus, maker: Maker) -> Case:
    """The context states the first outcome with its date."""
    outcome = case.outcomes[0]
    fact = ContextFact(text=f"{outcome.event}, it is announced on {outcome.date}")
    return case.model_copy(update={"context": (*case.context, fact)})


def tells_a_tested_answer(case: Case, cases: Corpus, maker: Maker) -> Case:
    """A case that is trained on states an outcome of the newest case."""
    outcome = cases[-1].outcomes[0]
    fact = ContextFact(text=f"{outcome.event}, it is announced on {outcome.date}")
    return case.model_copy(update={"context": (*case.context, fact)})


def tells_a_tested_answer_in_other_words(case: Case, cases: Corpus, maker: Maker) -> Case:
    """A case that is trained on states an outcome of the newest case, in another order and other signs."""
    outcome = cases[-1].outcomes[0]
    told, figure = (outcome.event or "").rsplit(" by ", 1)
    before, after = told.split(" of ", 1)
    said = f"In {after.split(' ', 1)[0]}, {before} {after.split(' ', 1)[1]}, by some {figure.replace('percent', '%')}"
    return case.model_copy(
        update={"context": (*case.context, ContextFact(text=f"{said}, on {outcome.date}"))}
    )


def late_context(case: Case, cases: Corpus, maker: Maker) -> Case:
    """A context fact quoted from a page of the outcome's day."""
    fact = ContextFact(text="Something was known", evidence=case.outcomes[0].evidence[:1])
    return case.model_copy(update={"context": (fact,)})


def expected_afterwards(case: Case, cases: Corpus, maker: Maker) -> Case:
    """An alternative's expectation is quoted from a page that appeared after the as-of."""
    first, *others = case.outcomes
    late = first.evidence[0].model_copy(update={"role": Role.EXPECTATION})
    k = next(k for k, candidate in enumerate(first.candidates) if not candidate.happened)
    changed = list(first.candidates)
    changed[k] = changed[k].model_copy(update={"evidence": (late,)})
    level = first.model_copy(update={"candidates": tuple(changed)})
    return case.model_copy(update={"outcomes": (level, *others)})


def rests_on_later_page(case: Case, cases: Corpus, maker: Maker) -> Case:
    """An estimate quotes a page that tells the outcome."""
    return changed_estimate(case, evidence=case.outcomes[0].evidence[0], method=Method.EXPERT)


def regular(case: Case, cases: Corpus, maker: Maker) -> Case:
    """Both outcomes on the seed's day, one and two months later."""
    day = date(case.seed_date.first_day.year, 3, 11)
    outcomes = [
        outcome.model_copy(update={"date": EventDate(date(day.year, 3 + outcome.depth, 11))})
        for outcome in case.outcomes
    ]
    return case.model_copy(update={"seed_date": EventDate(day), "outcomes": tuple(outcomes)})


def without_second_page(cases: Corpus, maker: Maker) -> None:
    """One publisher for every outcome."""
    each_level(lambda o: o.model_copy(update={"evidence": o.evidence[:1]}))(cases, maker)


def all_summaries(cases: Corpus, maker: Maker) -> None:
    """No text of a page anywhere."""
    for n, case in enumerate(cases):
        sources = tuple(s.model_copy(update={"text_kind": TextKind.SUMMARY}) for s in case.sources)
        cases[n] = case.model_copy(update={"sources": sources})


def broken_text(cases: Corpus, maker: Maker) -> None:
    """One stored text is no longer what was quoted from."""
    sha = cases[7].sources[0].text_sha256
    maker.texts[sha] = maker.texts[sha].replace("FICTIONAL", "fictional")


def twice(cases: Corpus, maker: Maker) -> None:
    """The same seed under another id."""
    cases.append(cases[30].model_copy(update={"case_id": "c000000000000001"}))


def twice_in_other_words(cases: Corpus, maker: Maker) -> None:
    """The same seed with its words in another order."""
    first = cases[31]
    body, rest = first.seed_event.split(" of ", 1)
    place, said = rest.split(" ", 1)
    event = f"{place}'s {body.removeprefix('The ')} {said}"
    cases.append(first.model_copy(update={"case_id": "c000000000000002", "seed_event": event}))


def contradicting(cases: Corpus, maker: Maker) -> None:
    """What happened in one case is an alternative that was refuted over the same time in another."""
    told, other = cases[40].outcomes[0], cases[39]
    level = other.outcomes[0]
    wrong = [c.model_copy(update={"text": told.event}) if not c.happened else c for c in level.candidates[:2]]
    changed = level.model_copy(update={"candidates": (*wrong, *level.candidates[2:])})
    cases[39] = other.model_copy(update={"outcomes": (changed, *other.outcomes[1:])})


def shallow(cases: Corpus, maker: Maker) -> None:
    """No case goes beyond its first outcome."""
    for n, case in enumerate(cases):
        cases[n] = case.model_copy(update={"outcomes": case.outcomes[:1]})


def one_domain(cases: Corpus, maker: Maker) -> None:
    """Every case is of one domain."""
    for n, case in enumerate(cases):
        cases[n] = case.model_copy(update={"domain": "economics"})


def cut_figures(text: str, happened: bool) -> str:
    """Alternatives lose their figure and their body."""
    return text if happened else "Ministers there " + " ".join(text.split()[4:-3]) + " a little somewhat"


DEFECTS: dict[str, tuple[Rule, Defect]] = {
    "a word that only true candidates use": (
        Rule.CLASSIFIER,
        each_level(lambda o: reworded(o, lambda t, yes: t.replace(" of ", " in ") if yes else t), 0.6),
    ),
    "what happened is told at length": (
        Rule.LENGTH, each_level(lambda o: reworded(o, lambda t, yes: t + " for the year" if yes else t), 0.6)),
    "alternatives are vague": (Rule.SPECIFICITY, each_level(lambda o: reworded(o, cut_figures), 0.6)),
    "what happened comes first": (Rule.POSITION, each_level(happened_first)),
    "the context tells the end": (Rule.ANSWER_IN_CONTEXT, one_case(tells_what_follows)),
    "training tells a test answer": (Rule.ANSWER_ACROSS_SPLITS, one_case(tells_a_tested_answer)),
    "training tells a test answer in other words": (
        Rule.ANSWER_ACROSS_SPLITS, one_case(tells_a_tested_answer_in_other_words)),
    "evidence from afterwards": (Rule.EVIDENCE_TOO_LATE, one_case(rests_on_later_page)),
    "an estimate from afterwards": (
        Rule.AS_OF_TOO_LATE, one_case(lambda c, _, __: changed_estimate(c, as_of=c.outcomes[0].date.end()))),
    "a context fact from afterwards": (Rule.CONTEXT_TOO_LATE, one_case(late_context)),
    "an expectation from afterwards": (Rule.EXPECTATION_TOO_LATE, one_case(expected_afterwards)),
    "a text that was changed": (Rule.QUOTE_IN_TEXT, broken_text),
    "one publisher": (Rule.TWO_PUBLISHERS, without_second_page),
    "summaries alone": (Rule.PAGE_TEXT, all_summaries),
    "dates by the calendar": (Rule.REGULAR_DATES, one_case(regular)),
    "all equal": (Rule.UNIFORM, each_level(lambda o: with_values(o, [2000] * 5), 0.3)),
    "all round": (Rule.ROUND, each_level(lambda o: with_values(o, [3500, 1500, 2500, 500, 2000]), 0.7)),
    "one seed twice": (Rule.DUPLICATES, twice),
    "one seed twice in other words": (Rule.DUPLICATES, twice_in_other_words),
    "contradicting labels": (Rule.CONTRADICTIONS, contradicting),
    "shallow": (Rule.DEPTH, shallow),
    "one domain": (Rule.DOMAINS, one_domain),
}  # fmt: skip


def clean_corpus() -> tuple[Corpus, Maker]:
    """Cases without a defect, by seed date."""
    maker = Maker()
    return [maker.case(n) for n in range(CASES)], maker


def freeze(folder: Path, cases: Corpus, maker: Maker) -> Path:
    """A snapshot with texts."""
    texts = [{"sha256": sha, "text": text} for sha, text in sorted(maker.texts.items())]
    write_snapshot(folder, cases, SnapshotInfo({}), texts=texts)
    return folder


def misplace(folder: Path) -> Path:
    """Move a training case into the test split, in the files: its family then stands in two splits."""
    snapshot = read_snapshot(folder)
    splits = snapshot.splits
    family = next(f for f in splits.families.values() if sum(g == f for g in splits.families.values()) > 1)
    members = [c for c, f in splits.families.items() if f == family]
    moved = splits.model_copy(
        update={
            "train": tuple(sorted({*splits.train, members[0]} - set(members[1:]))),
            "test": tuple(sorted({*splits.test, *members[1:]} - {members[0]})),
            "validation": tuple(c for c in splits.validation if c not in members),
            "left_out": {c: why for c, why in splits.left_out.items() if c not in members},
        }
    )
    (folder / SPLITS).write_text(canonical_json(moved.model_dump(mode="json")) + "\n")
    manifest: Manifest = snapshot.manifest
    entry = manifest.files[SPLITS].model_copy(update={"sha256": file_sha256(folder / SPLITS)})
    files = manifest.files | {SPLITS: entry}
    (folder / MANIFEST).write_text(manifest.model_copy(update={"files": files}).model_dump_json())
    return folder
