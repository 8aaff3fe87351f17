"""Can what happened be told from its alternatives by wording alone, or by length, specificity or place?

Every figure is a share of pairs: in how many pairs of what happened and an alternative of the same level does
a score rank what happened first (ties count half)? That is the area under the ROC curve within levels; 0.5 is
chance, and differences between levels cannot help. The classifier never sees the question, the seed or the
evidence; it is fitted on other event families than those it ranks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.audit.facts import Facts
from corpus.audit.rows import EXAMPLES, Example, Group, Row, Rule, Verdict, below, within
from corpus.identity import text_sha256
from corpus.intervals import Floats, Interval, Ints, bootstrap, family_sums, undefined
from corpus.text import names, quantities

TOLD_LIMIT = 0.60
"""Share of pairs from which a classifier tells too much: it then orders one pair in five by more than chance. Some
signal is honest (what is likelier happens more often); a tell goes beyond it."""
BAND = (0.40, 0.60)
"""Share of pairs within which length, specificity and place may lean."""
FOLDS = 5
MOST_LEVELS = 10_000
"""Levels the classifier is fitted on at most, drawn at random: beyond, the interval hardly narrows."""
MOST_FEATURES = 50_000
_FIGURE = re.compile(r"\d")


@dataclass(frozen=True)
class Pairs:
    """Pairs of what happened and an alternative of the same level: indices into the candidates (P,)."""

    happened: Ints
    other: Ints
    families: npt.NDArray[np.str_]

    def share(self, scores: Floats) -> Interval:
        """In how many pairs what happened has the higher score (N candidates' scores), ties half."""
        if not self.happened.size:
            return undefined()
        gap = scores[self.happened] - scores[self.other]
        wins = (gap > 0) + 0.5 * (gap == 0)
        sums, _ = family_sums(np.column_stack([wins, np.ones(wins.size)]), self.families)
        return bootstrap(sums, int(wins.size), lambda totals: totals[:, :1] / totals[:, 1:])[0]


def wording_rows(facts: Facts) -> list[Row]:
    """The four rows on wording."""
    pairs = _pairs(facts)
    return [
        _classifier_row(facts, pairs),
        _lean_row(facts, pairs, Rule.LENGTH, lambda text: float(len(text)), "longer"),
        _lean_row(facts, pairs, Rule.SPECIFICITY, _specificity, "richer in names and figures"),
        _position_row(facts, pairs),
    ]


def _pairs(facts: Facts) -> Pairs:
    happened, other, families = [], [], []
    for level in facts.levels:
        told = [k for k, c in enumerate(facts.of_level(level), start=level.first) if c.happened]
        if len(told) != 1:
            continue
        for k in range(level.first, level.first + level.count):
            if k != told[0]:
                happened.append(told[0])
                other.append(k)
                families.append(facts.family(level.case))
    return Pairs(np.array(happened, dtype=int), np.array(other, dtype=int), np.array(families, dtype=np.str_))


def _specificity(text: str) -> float:
    return float(len(quantities(text)) + sum(len(name.split()) for name in names(text)))


def _lean_row(facts: Facts, pairs: Pairs, rule: Rule, score: Callable[[str], float], word: str) -> Row:
    scores = np.array([score(c.text) for c in facts.candidates])
    figure = pairs.share(scores)
    verdict = within(figure, *BAND)
    return Row(
        Group.WORDING, rule, verdict, figure, f"{BAND[0]:.0%} to {BAND[1]:.0%} of pairs",
        f"What happened is {word} than an alternative in {_percent(figure)} of pairs; chance is 50 %.",
        () if verdict is Verdict.PASS else _extremes(facts, pairs, scores, figure),
    )  # fmt: skip


def _classifier_row(facts: Facts, pairs: Pairs) -> Row:
    scores, used = _cross_validated(facts, pairs, _text_features)
    figure = used.share(scores)
    verdict = below(figure, TOLD_LIMIT)
    drawn = "" if used is pairs else f" ({MOST_LEVELS} levels drawn at random)"
    return Row(
        Group.WORDING, Rule.CLASSIFIER, verdict, figure, f"below {TOLD_LIMIT:.0%} of pairs",
        f"Reading the candidates alone, a classifier puts what happened first in {_percent(figure)} of pairs{drawn}; "
        "chance is 50 %.",
        () if verdict is Verdict.PASS else _extremes(facts, used, scores, figure),
    )  # fmt: skip


def _position_row(facts: Facts, pairs: Pairs) -> Row:
    scores, used = _cross_validated(facts, pairs, _place_features)
    figure = used.share(scores)
    firsts = [facts.candidates[i].place for i in pairs.happened]
    first = firsts.count(0) / len(firsts) if firsts else 0.0
    return Row(
        Group.WORDING, Rule.POSITION, below(figure, TOLD_LIMIT), figure, f"below {TOLD_LIMIT:.0%} of pairs",
        f"By its place in the list alone, what happened is put first in {_percent(figure)} of pairs; it stands at the "
        f"top in {first:.0%}.",
    )  # fmt: skip


def _extremes(facts: Facts, pairs: Pairs, scores: Floats, figure: Interval) -> tuple[Example, ...]:
    """The pairs that the score tells apart most clearly."""
    sign = 1.0 if (figure.value or 0.0) >= 0.5 else -1.0
    gap = sign * (scores[pairs.happened] - scores[pairs.other])
    found: list[Example] = []
    seen: set[int] = set()
    for p in np.argsort(-gap, kind="stable"):
        candidate = facts.candidates[pairs.happened[p]]
        level = facts.levels[candidate.level]
        if candidate.level not in seen and len(found) < EXAMPLES and gap[p] > 0:
            seen.add(candidate.level)
            found.append(
                Example(
                    facts.cases[level.case].case_id, f"outcomes[{level.depth - 1}].candidates[{candidate.place}]",
                    f"{candidate.text} | {facts.candidates[pairs.other[p]].text}",
                )
            )  # fmt: skip
    return tuple(found)


def _cross_validated(facts: Facts, pairs: Pairs, features: Callable[[Facts], Any]) -> tuple[Floats, Pairs]:
    """Scores of all candidates (N,), each from a model fitted on other families; and the pairs it ranks."""
    from sklearn.linear_model import LogisticRegression

    pairs = _drawn(facts, pairs)
    scores = np.zeros(len(facts.candidates))
    if np.unique(pairs.families).size < FOLDS:
        return scores, Pairs(pairs.happened[:0], pairs.other[:0], pairs.families[:0])
    matrix = features(facts)
    difference = matrix[pairs.happened] - matrix[pairs.other]
    fold = _folds(pairs.families)
    for number in range(FOLDS):
        train, test = fold != number, fold == number
        if not train.any() or not test.any():
            continue
        weight = _weight_vector(LogisticRegression, difference[train])
        ranked = np.unique(np.concatenate([pairs.happened[test], pairs.other[test]]))
        scores[ranked] = np.asarray(matrix[ranked] @ weight).ravel()
    return scores, pairs


def _weight_vector(regression: Any, difference: Any) -> Floats:
    """Weights (F,) of a logistic regression on differences (P, F): each pair in both directions, no intercept."""
    from scipy.sparse import vstack

    labels = np.repeat([1, 0], difference.shape[0])
    fitted = regression(C=1.0, fit_intercept=False, solver="liblinear")
    fitted.fit(vstack([difference, -difference]).tocsr(), labels)
    return np.asarray(fitted.coef_).ravel()


def _folds(families: npt.NDArray[np.str_]) -> Ints:
    """Fold of each pair by a hash of its family, so that it does not depend on the other cases."""
    names_, index = np.unique(families, return_inverse=True)
    number = np.array([int(text_sha256(str(name))[:8], 16) % FOLDS for name in names_])
    return np.asarray(number[index])


def _drawn(facts: Facts, pairs: Pairs) -> Pairs:
    levels = sorted({facts.candidates[i].level for i in pairs.happened})
    if len(levels) <= MOST_LEVELS:
        return pairs
    chosen = set(random.Random(0).sample(levels, MOST_LEVELS))
    kept = np.array([facts.candidates[i].level in chosen for i in pairs.happened])
    return Pairs(pairs.happened[kept], pairs.other[kept], pairs.families[kept])


def _text_features(facts: Facts) -> Any:
    """Words, word pairs and style of each candidate's text (N, F)."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [c.text for c in facts.candidates]
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=2,
        max_features=MOST_FEATURES,
        sublinear_tf=True,
        token_pattern=r"[^\W_]+|[%$€£]",  # noqa: S106 - words, not a secret
    )
    try:
        words = vectorizer.fit_transform(texts)
    except ValueError:  # no word stands in two texts
        words = csr_matrix((len(texts), 0))
    return hstack([words, csr_matrix(_style(texts))]).tocsr()


def _style(texts: list[str]) -> Floats:
    """Length, words, figures, capitals and punctuation of each text (N, 5), in standard deviations."""
    rows = np.array(
        [
            (
                len(t),
                t.count(" "),
                len(_FIGURE.findall(t)),
                sum(c.isupper() for c in t),
                sum(c in ",;:()'" for c in t),
            )
            for t in texts
        ],
        dtype=float,
    ).reshape(-1, 5)
    spread = rows.std(axis=0)
    return np.asarray((rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _place_features(facts: Facts) -> Any:
    """One column for each place in a list of each length (N, F)."""
    from scipy.sparse import csr_matrix

    column: dict[tuple[int, int], int] = {}
    places = [
        column.setdefault((facts.levels[c.level].count, c.place), len(column)) for c in facts.candidates
    ]
    rows = np.arange(len(places))
    return csr_matrix((np.ones(len(places)), (rows, places)), shape=(len(places), len(column)))


def _percent(figure: Interval) -> str:
    return "an unknown share" if figure.value is None else f"{figure.value:.1%}"
