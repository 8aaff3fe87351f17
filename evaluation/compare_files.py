"""Two prediction files compared mode by mode; modes are never compared with each other.

Does not cover: the statistics (`evaluation.compare`).
"""

from __future__ import annotations

from collections.abc import Sequence

from corpus.errors import InvalidInput
from corpus.intervals import REPLICATES
from evaluation.compare import GENERATED_FIGURES, GIVEN_FIGURES, Difference, compare
from evaluation.generated import generated_table, match_pairs
from evaluation.levels import Level, LevelSet
from evaluation.matching import Matcher
from evaluation.pairing import check_same_set, pair_generated, pair_given
from evaluation.prediction import Mode, Predictions
from evaluation.scoring import given_table


def compare_files(
    first: Predictions,
    second: Predictions,
    asked: LevelSet,
    levels: Sequence[Level],
    matcher: Matcher,
    *,
    replicates: int = REPLICATES,
) -> dict[Mode, list[Difference]]:
    """Mode → differences, for `given` and `generated` where both files hold them.

    Raises InvalidInput where the files share no mode, or answer another snapshot.
    """
    for found in (first, second):
        check_same_set(found, asked)
    shared = [mode for mode in (Mode.GIVEN, Mode.GENERATED) if mode in first.modes and mode in second.modes]
    if not shared:
        raise InvalidInput(
            f"{first.origin} holds mode {_listed(first)} and {second.origin} holds {_listed(second)}: "
            "modes are never compared with each other; predict both in the same mode."
        )
    result: dict[Mode, list[Difference]] = {}
    figures: Sequence[str]
    for mode in shared:
        if mode is Mode.GIVEN:
            tables = [given_table(pair_given(found.of(mode), levels), {}) for found in (first, second)]
            figures = GIVEN_FIGURES
        else:
            pairs = [pair_generated(found.of(mode), levels) for found in (first, second)]
            tables = [generated_table(pair, match_pairs(pair, matcher)) for pair in pairs]
            figures = GENERATED_FIGURES
        result[mode] = compare(tables[0], tables[1], figures, replicates=replicates)
    return result


def _listed(found: Predictions) -> str:
    return " and ".join(mode.value for mode in found.modes)
