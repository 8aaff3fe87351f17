"""Parts of the registry that touch no disk: names, promotions, calibrated forecasts, lineage. FICTIONAL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import DiskFull, InvalidInput
from evaluation.calibrating import bent
from evaluation.calibration import CalibrationFile, RemainderShift, TemperatureCalibrator
from evaluation.metrics import forecasts
from evaluation.prediction import Mode, PredictedCandidate, Prediction, check_predictions
from training.commands.models import event_line, interval
from training.registry.files import check_room
from training.registry.history import promoted
from training.registry.publishing import lineage, token_of
from training.registry.records import Event, EventKind, ModelRecord, check_name
from training.registry.store import default_folder

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def event(kind: EventKind, model: str, number: int = 1, **more: object) -> Event:
    fields = {
        "number": number,
        "at": NOW,
        "by": "ada",
        "kind": kind,
        "model": model,
        "content": "c",
        "previous": "",
    }
    return Event(**(fields | more))  # type: ignore[arg-type]


@given(st.lists(st.one_of(st.sampled_from("abcd"), st.none(), st.just(0)), max_size=20))
def test_the_model_in_use_is_what_promotions_and_rollbacks_leave(steps: list[object]) -> None:
    """Letters promote, None rolls back where it can, 0 removes a model: the last touches no promotion."""
    events, stack = [], []
    for step in steps:
        if step is None:
            if len(stack) > 1:
                events.append(event(EventKind.ROLLED_BACK, stack[-2], against=stack[-1]))
                stack = stack[:-1]
        elif step == 0:
            events.append(event(EventKind.REMOVED, "z"))
        else:
            events.append(event(EventKind.PROMOTED, str(step)))
            stack = [*stack, str(step)]
    assert promoted(events) == stack


@pytest.mark.parametrize(
    "name", ["", "current", "../up", "a/b", ".hidden", "with blank", "x" * 64, "-dash", "a\n"]
)
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a model's name"):
        check_name(name)


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True).filter(lambda name: name != "current")
)
def test_a_plain_name_passes(name: str) -> None:
    assert check_name(name) == name


def row(shares: list[float], mode: Mode = Mode.GIVEN) -> Prediction:
    candidates = tuple(
        PredictedCandidate(text=f"Arvenia does deed {k}", probability=p) for k, p in enumerate(shares[:-1])
    )
    return Prediction(
        case_id="c1",
        depth=1,
        mode=mode,
        candidates=candidates,
        remainder=shares[-1],
        model="m",
        snapshot_hash="s",
    )


def stored(temperature: float, shift: float | None = None) -> CalibrationFile:
    return CalibrationFile(
        calibrator=TemperatureCalibrator(temperature=temperature),
        remainder=None if shift is None else RemainderShift(shift=shift, misses=3, lists=9),
        model="m", snapshot_hash="s", split="validation", levels=9, answered_until=NOW.date(),
    )  # fmt: skip


@given(
    st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8),
    st.floats(0.3, 4.0),
)
def test_bent_forecasts_are_those_that_the_evaluation_scores(raw: list[float], temperature: float) -> None:
    shares = [p / sum(raw) for p in raw]
    after = bent(check_predictions([row(shares)]), stored(temperature)).rows[0]
    found = [*(candidate.probability for candidate in after.candidates), after.remainder]
    calibrator = TemperatureCalibrator(temperature=temperature)
    expected = calibrator.apply_levels(forecasts([shares], [0])).probability_NK[0]
    assert np.allclose(found, expected, atol=1e-12)
    assert sum(found) == pytest.approx(1.0)


def test_own_lists_take_the_shift_of_z_and_nothing_else() -> None:
    lists = check_predictions([row([0.5, 0.3, 0.2], Mode.GENERATED)])
    assert bent(lists, stored(2.0)).rows == lists.rows
    assert bent(lists, None) is lists
    assert bent(lists, stored(2.0, shift=1.0)).rows[0].remainder > 0.2


def record(**changes: object) -> ModelRecord:
    fields = {
        "name": "m", "added_at": NOW, "stage": "sft", "base": "/home/ada/models/base-1B", "base_hash": "b" * 64,
        "adapter": True, "snapshot": "s" * 64, "config": {"base": "/home/ada/models/base-1B", "seed": 42},
        "training": {"base": "/home/ada/models/base-1B"}, "content": "c" * 64, "files": {"a.json": "d" * 64},
    }  # fmt: skip
    return ModelRecord(**(fields | changes))  # type: ignore[arg-type]


def test_a_published_lineage_names_no_folder_of_this_machine() -> None:
    public = lineage(record())
    assert "/home/ada" not in str(public)
    assert public["base"] == {"name": "base-1B", "hash": "b" * 64}
    assert public["config"] == {"base": "base-1B", "seed": 42}
    assert lineage(record(base="Qwen/Qwen3-0.6B", base_hash=""))["base"]["name"] == "Qwen/Qwen3-0.6B"


def test_the_token_is_found_or_asked_for() -> None:
    assert token_of({"HUGGING_FACE_HUB_TOKEN": " hf_x "}) == "hf_x"
    assert token_of({"HF_TOKEN": "hf_a", "HUGGING_FACE_HUB_TOKEN": "hf_b"}) == "hf_a"
    with pytest.raises(InvalidInput, match="put it into HF_TOKEN"):
        token_of({"HF_TOKEN": " "})


def test_the_folder_is_named_by_the_environment_or_lies_with_the_users_data() -> None:
    assert str(default_folder({"PSYCHOHISTORY_MODELS": "/srv/models"})) == "/srv/models"
    assert default_folder({}).parts[-2:] == ("psychohistory", "models")


def test_a_model_that_cannot_fit_is_not_written() -> None:
    check_room(Path("merged"), 10, 10)
    with pytest.raises(DiskFull, match=r"40\.00 GB are needed where merged lies and 1\.50 GB are free"):
        check_room(Path("merged"), 40_000_000_000, 1_500_000_000)


def test_an_event_is_one_line() -> None:
    found = {"figure": "log_loss", "difference": {"value": -0.1, "low": -0.2, "high": -0.05}}
    line = event_line(
        event(EventKind.PROMOTED, "b", against="a", forced=True, reason="Trial", differences=(found,))
    )
    assert line == (
        "2024-05-01 12:00 UTC  promoted (forced): b, after a, log_loss -0.1000 [-0.2000, -0.0500] beside it, by ada. "
        "Trial"
    )
    assert interval(None) == "–"
    assert interval({"value": 0.5, "low": None, "high": None}) == "0.5000"
