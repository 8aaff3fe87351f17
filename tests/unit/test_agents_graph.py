"""The case graph: its way, its repair loop, its failures as values, and the firewall in the views."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from agents.researcher import Origin, Researcher
from agents.state import FailureKind, Researched, Stage
from corpus.case import Case, Status
from corpus.dates import EventDate
from tests.roles import EmptyLibrary, ScriptedRoles, seed, settings

ORIGIN = Origin("run-1", "0.1.0", lambda: datetime(2024, 1, 1, tzinfo=UTC))


def research(script: ScriptedRoles, note: str = "", **changes: object) -> Researched:
    stages: list[Stage] = []
    worker = Researcher(
        script.roles(), EmptyLibrary(), settings(**changes), ORIGIN, lambda case, stage: stages.append(stage)
    )
    chosen = seed().model_copy(update={"note": note})
    return asyncio.run(worker.research(chosen))


def case_of(result: Researched) -> Case:
    assert result.failure is None
    assert result.case is not None
    return result.case


def test_a_case_goes_its_way_to_pending() -> None:
    case = case_of(research(ScriptedRoles(depth=3)))
    assert [o.event for o in case.outcomes] == ["Outcome 1a", "Outcome 2a", "Outcome 3a"]
    assert [c.probability_bp for c in case.outcomes[0].candidates] == [4000, 4000]
    assert case.outcomes[0].remainder.probability_bp == 2000
    assert case.status is Status.PENDING
    assert case.provenance.note == "The script ends."
    assert (case.provenance.run_id, case.provenance.program) == ("run-1", "0.1.0")


def test_a_case_that_is_researched_again_keeps_its_id_and_horizon_and_its_note_goes_along() -> None:
    script = ScriptedRoles(depth=1)
    again = seed().model_copy(update={"case_id": "c0", "horizon_months": 7, "note": "look for a loan"})
    worker = Researcher(script.roles(), EmptyLibrary(), settings(), ORIGIN)
    case = case_of(asyncio.run(worker.research(again)))
    assert (case.case_id, case.horizon_months) == ("c0", 7)
    assert set(script.seen_notes) == {"look for a loan"}


def test_a_chain_ends_at_the_depth_asked_for() -> None:
    assert case_of(research(ScriptedRoles(depth=9), max_depth=2)).depth == 2
    assert case_of(research(ScriptedRoles(depth=9))).depth == 5


def test_a_seed_after_which_nothing_was_found_is_a_case_too() -> None:
    result = research(ScriptedRoles(depth=0))
    assert case_of(result).outcomes == ()
    assert "no_outcome" in {p.code.value for p in result.problems}


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.DONE])
def test_a_failure_at_any_stage_is_a_value_that_names_it(stage: Stage) -> None:
    failure = research(ScriptedRoles(fail_at=stage)).failure
    assert failure is not None
    assert (failure.kind, failure.stage, failure.message) == (
        FailureKind.NO_EVIDENCE,
        stage,
        "FICTIONAL trouble",
    )


def test_a_fault_of_the_program_fails_this_seed_only() -> None:
    failure = research(ScriptedRoles(breaks=RuntimeError("boom"))).failure
    assert failure is not None
    assert failure.kind is FailureKind.BROKEN
    assert failure.message == "RuntimeError: boom"


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.DONE])
def test_a_fault_is_filed_under_the_stage_it_came_in(stage: Stage) -> None:
    failure = research(ScriptedRoles(breaks_at=stage)).failure
    assert failure is not None
    assert (failure.kind, failure.stage) == (FailureKind.BROKEN, stage)


def test_the_machines_trouble_is_not_taken_for_a_seeds() -> None:
    with pytest.raises(OSError, match="disk"):
        research(ScriptedRoles(breaks=OSError("disk")))


def test_a_link_that_does_not_hold_goes_back_and_is_not_proposed_again() -> None:
    script = ScriptedRoles(
        depth=3, reject=lambda case: [o.event for o in case.outcomes if o.event == "Outcome 2a"]
    )
    case = case_of(research(script))
    assert [o.event for o in case.outcomes] == ["Outcome 1a", "Outcome 2b", "Outcome 3a"]
    assert script.seen_rejected[-1] == frozenset({"Outcome 2a"})


@pytest.mark.parametrize("repairs", [0, 1, 3])
def test_the_repair_loop_is_bounded(repairs: int) -> None:
    script = ScriptedRoles(depth=5, reject=lambda case: [o.event for o in case.outcomes if o.event])
    case = case_of(research(script, repairs=repairs))
    assert len(script.limits["verify"]) == repairs + 1
    assert case.depth == 5


def test_the_estimator_is_never_shown_more_than_was_known() -> None:
    """Its views end with the parent's day; those of Chronicler and Verifier have no limit."""
    script = ScriptedRoles(depth=2)
    research(script)
    seed_day, first = EventDate.parse("2019-03-10").end(), EventDate.parse("2019-04-11").end()
    assert script.limits["context"] == [seed_day]
    assert script.limits["alternatives"] == [seed_day, first]
    assert script.limits["estimate"] == [seed_day, first]
    assert set(script.limits["chain"] + script.limits["verify"]) == {None}


def test_a_curators_note_reaches_the_chronicler() -> None:
    script = ScriptedRoles()
    research(script, note="Look at the peso")
    assert set(script.seen_notes) == {"Look at the peso"}
