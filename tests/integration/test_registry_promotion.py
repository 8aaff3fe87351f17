"""Who is in use: promotion by paired intervals, rollback, history, proposals. FICTIONAL runs and forecasts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from corpus.errors import InvalidFile, InvalidInput, NotPromoted
from tests.forecasts import hedging, honest, knowing, make_snapshot, overconfident
from tests.registry_runs import answers, finished_run
from training.registry.promotion import BASE, compare_models, promote, propose, register_and_propose, rollback
from training.registry.records import EventKind
from training.registry.registering import Answers, add_evaluation, register_run
from training.registry.store import Registry


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_snapshot(tmp_path_factory.mktemp("snapshot") / "fictional", count=90)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_the_first_must_beat_its_base_and_the_next_the_one_in_use(
    registry: Registry, snapshot: Path, tmp_path: Path
) -> None:
    runs = [finished_run(tmp_path / f"run{k}", k) for k in range(4)]
    register_run(registry, runs[0], "worse", answers(snapshot, tmp_path / "a", overconfident, hedging))
    register_run(registry, runs[1], "better", answers(snapshot, tmp_path / "b", honest, hedging))
    register_run(registry, runs[2], "best", answers(snapshot, tmp_path / "c", knowing))
    register_run(registry, runs[3], "unknown")
    with pytest.raises(
        NotPromoted, match=r"worse was not promoted: worse minus base: log_loss .*base is better"
    ):
        promote(registry, "worse")
    with pytest.raises(InvalidInput, match="no forecasts of the base"):
        promote(registry, "best")
    assert registry.current is None
    first = promote(registry, "better")
    assert (first.against, first.forced) == (BASE, False)
    assert first.differences[0]["difference"]["high"] < 0
    with pytest.raises(InvalidInput, match="in use already"):
        promote(registry, "better")
    assert promote(registry, "best").against == "better"
    with pytest.raises(NotPromoted, match="best is better"):
        promote(registry, "better")
    with pytest.raises(InvalidInput, match="have forecast no snapshot in common"):
        promote(registry, "unknown")
    with pytest.raises(InvalidInput, match="needs a reason"):
        promote(registry, "unknown", force=True)
    forced = promote(registry, "unknown", force=True, reason="a trial by ada")
    assert (forced.forced, forced.differences, forced.reason) == (True, (), "a trial by ada")
    overruled = promote(registry, "worse", force=True, reason="to see")
    assert overruled.forced
    assert [event.model for event in registry.history()] == ["better", "best", "unknown", "worse"]


def test_models_are_compared_as_they_are_served(registry: Registry, snapshot: Path, tmp_path: Path) -> None:
    """The same overconfident forecasts, once with a calibration that cools them."""
    hot, cool = finished_run(tmp_path / "hot", 1), finished_run(tmp_path / "cool", 1, temperature=4.0)
    register_run(registry, hot, "hot", answers(snapshot, tmp_path / "a", overconfident, overconfident))
    register_run(registry, cool, "cool", answers(snapshot, tmp_path / "b", overconfident, overconfident))
    with pytest.raises(NotPromoted, match="no difference shown"):
        promote(registry, "hot")
    assert compare_models(registry, "cool", "hot").allows
    assert promote(registry, "cool").differences


def test_four_families_promote_nobody(registry: Registry, tmp_path: Path) -> None:
    """All four better, so the interval of four leaves out 0; chance does that once in eight times."""
    small = make_snapshot(tmp_path / "small", count=12, depth=1)
    register_run(
        registry, finished_run(tmp_path / "run"), "m", answers(small, tmp_path / "a", knowing, hedging)
    )
    found = compare_models(registry, "m").differences[0]
    assert found.difference.families == 4
    assert found.difference.high is not None
    assert found.difference.high < 0
    with pytest.raises(NotPromoted, match="no difference shown"):
        promote(registry, "m")


def test_better_lists_are_reason_enough_unless_given_ones_are_worse(
    registry: Registry, snapshot: Path, tmp_path: Path
) -> None:
    """GRPO trains the lists a model writes: event loss then shows what log loss cannot."""
    foreseen = {"plain": 0.2, "lists": 0.9, "both": 0.9}
    rules = {"plain": honest, "lists": honest, "both": overconfident}
    for k, name in enumerate(foreseen):
        run = finished_run(tmp_path / name, k)
        register_run(
            registry, run, name, answers(snapshot, tmp_path / f"of_{name}", rules[name], share=foreseen[name])
        )
    promote(registry, "plain", force=True, reason="to begin with")
    found = compare_models(registry, "both", "plain")
    assert [one.figure for one in found.differences] == ["log_loss", "event_loss"]
    assert "plain is better; event_loss" in found.sentence
    with pytest.raises(NotPromoted, match="both is better"):
        promote(registry, "both")
    assert len(promote(registry, "lists").differences) == 2


def test_forecasts_come_later_are_kept_and_never_replaced(
    registry: Registry, snapshot: Path, tmp_path: Path
) -> None:
    register_run(registry, finished_run(tmp_path / "run"), "m")
    given = answers(snapshot, tmp_path / "a", honest, hedging)
    stored = add_evaluation(registry, "m", given)
    assert add_evaluation(registry, "m", given) == stored
    slower = tmp_path / "slower.jsonl"
    slower.write_text(given.predictions.read_text().replace('"seconds":0.5', '"seconds":0.7'))
    assert slower.read_bytes() != given.predictions.read_bytes()
    assert add_evaluation(registry, "m", Answers(snapshot, slower, given.base_predictions)) == stored
    with pytest.raises(InvalidInput, match="never replaced"):
        add_evaluation(registry, "m", answers(snapshot, tmp_path / "b", knowing, hedging))
    place = registry.checked_evaluation("m", stored)
    figures = json.loads((place / "evaluation.json").read_text())
    assert figures["model"] == "m"
    assert figures["modes"]["given"]["figures"]["log_loss"]["low"] > 0
    assert "base_model: Fictional/base-1B" in (place / "card.md").read_text()
    other = make_snapshot(tmp_path / "other", count=40, seed=5)
    with pytest.raises(InvalidInput, match="answers snapshot"):
        add_evaluation(registry, "m", Answers(other, given.predictions))
    (place / "predictions.jsonl").write_text("")
    with pytest.raises(InvalidFile, match=r"predictions\.jsonl was altered"):
        promote(registry, "m")


def test_forecasts_of_other_weights_are_refused(registry: Registry, snapshot: Path, tmp_path: Path) -> None:
    record = register_run(registry, finished_run(tmp_path / "run"), "m")
    given = answers(snapshot, tmp_path / "a", honest)
    written = given.predictions.read_text()
    given.predictions.write_text(written.replace('"weights_hash":""', f'"weights_hash":"{"f" * 64}"'))
    with pytest.raises(InvalidInput, match=r"forecast by the weights f{12}…, not by m \("):
        add_evaluation(registry, "m", given)
    assert registry.evaluations("m") == []
    given.predictions.write_text(written.replace('"weights_hash":""', f'"weights_hash":"{record.content}"'))
    assert add_evaluation(registry, "m", given) == registry.evaluations("m")[0]


def test_a_snapshot_that_moved_is_asked_for(registry: Registry, snapshot: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(snapshot, tmp_path / "before")
    given = answers(moved, tmp_path / "a", honest, hedging)
    register_run(registry, finished_run(tmp_path / "run"), "m", given)
    moved.rename(tmp_path / "after")
    with pytest.raises(InvalidInput, match="is gone; say where it lies now with --snapshot"):
        promote(registry, "m")
    with pytest.raises(InvalidInput, match="but the forecasts answer"):
        promote(registry, "m", make_snapshot(tmp_path / "other", count=40, seed=5))
    assert promote(registry, "m", tmp_path / "after").model == "m"


def test_rollback_goes_back_step_by_step_and_history_only_grows(registry: Registry, tmp_path: Path) -> None:
    for k, name in enumerate("abc"):
        register_run(registry, finished_run(tmp_path / name, k), name)
    with pytest.raises(InvalidInput, match="none was promoted"):
        rollback(registry)
    lines = []
    for name in "abc":
        promote(registry, name, force=True, reason="trial")
        lines.append(registry.history_file.read_text())
    assert rollback(registry, "worse on elections").model == "b"
    assert (registry.current, registry.history()[-1].against) == ("b", "c")
    assert rollback(registry).model == "a"
    with pytest.raises(InvalidInput, match="only a was promoted"):
        rollback(registry)
    whole = registry.history_file.read_text()
    assert all(whole.startswith(before) for before in lines)
    assert [event.kind for event in registry.history()] == [EventKind.PROMOTED] * 3 + [
        EventKind.ROLLED_BACK
    ] * 2


@pytest.mark.parametrize("edit", ["change", "drop", "swap", "garbage"])
def test_an_edited_history_is_refused(registry: Registry, tmp_path: Path, edit: str) -> None:
    for k, name in enumerate("abc"):
        register_run(registry, finished_run(tmp_path / name, k), name)
        promote(registry, name, force=True, reason="trial")
    first, second, third = registry.history_file.read_text().splitlines()
    edited = {
        "change": [first.replace("trial", "a win"), second, third], "drop": [first, third],
        "swap": [second, first, third], "garbage": [first, second[:40], third],
    }[edit]  # fmt: skip
    registry.history_file.write_text("\n".join(edited) + "\n")
    with pytest.raises(InvalidFile, match=r"history\.jsonl:\d"):
        promote(registry, "a", force=True, reason="trial")


def test_what_is_proposed_is_the_best_shown_not_the_last(
    registry: Registry, snapshot: Path, tmp_path: Path
) -> None:
    rules = {"sft": honest, "score": knowing, "grpo": hedging}
    runs = []
    for k, (name, rule) in enumerate(rules.items()):
        run = finished_run(tmp_path / name, k, stage=name, parent=runs[-1][0] if runs else None)
        runs.append((run, answers(snapshot, tmp_path / f"of_{name}", rule, hedging)))
    proposal = register_and_propose(registry, runs)
    sft, score, grpo = (model.name for model in reversed(registry.models()))
    assert register_and_propose(registry, runs) == proposal
    assert len(registry.models()) == 3
    assert (proposal.model, proposal.against) == (score, BASE)
    assert f"{score} is better" in proposal.reason
    pairs = [(one.model, one.against) for one in proposal.comparisons]
    assert pairs == [(sft, BASE), (score, sft), (grpo, score)]
    promote(registry, score)
    again = propose(registry, [sft, score, grpo])
    assert (again.model, again.against) == (None, score)
    assert again.reason.startswith(f"nothing is shown to be better than {score}")
    assert propose(registry, [score]).reason == "there is no new model to compare."
