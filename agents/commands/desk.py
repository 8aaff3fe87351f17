"""The runner's desk over the store: seeds claimed, cases laid down with their texts in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from agents.commands.texts import stored_document
from agents.runner import Claim
from agents.state import Failure, Researched, Seed
from db.run_records import Run, RunSeed, SeedFailure
from db.runs import Runs


class StoreDesk:
    """See `agents.runner.Desk`; all calls block and may run in any thread."""

    def __init__(self, runs: Runs, run: Run) -> None:
        self._runs, self._run = runs, run

    def add(self, seeds: Sequence[Seed]) -> int:
        """Lay down new seeds; how many the run did not have yet."""
        return self._runs.add_seeds(
            self._run.run_id, [(seed.key, seed.model_dump(mode="json")) for seed in seeds]
        )

    def seeds(self) -> tuple[Seed, ...]:
        """All seeds of the run, in order."""
        return tuple(Seed.model_validate(row.seed) for row in self._runs.seeds(self._run.run_id))

    def claim(self) -> Claim | None:
        """The next seed, or None where none waits."""
        row = self._runs.claim(self._run.run_id)
        return Claim(Seed.model_validate(row.seed), row) if row else None

    def finish(self, claim: Claim, result: Researched) -> None:
        """Store case, problems and texts, and mark the seed done: all or nothing."""
        if result.case is None:
            raise ValueError("a seed without a case is failed, not finished")
        kept = {source.source_id for source in result.case.sources}
        texts = [stored_document(d) for key, d in sorted(result.documents.items()) if key in kept]
        self._runs.finish_seed(_row(claim), result.case, result.problems, texts)

    def fail(self, claim: Claim, failure: Failure) -> None:
        """Note why a seed ended without a case."""
        record = SeedFailure(failure.kind.value, f"{failure.stage.value}: {failure.message}", failure.reply)
        self._runs.fail_seed(_row(claim), record, claim.seed.case_id)

    def put_back(self, claim: Claim) -> None:
        """Let the seed wait again."""
        self._runs.put_back(_row(claim))

    def beat(self) -> None:
        """Show that the run is alive."""
        self._runs.beat(self._run.run_id)


def _row(claim: Claim) -> RunSeed:
    if not isinstance(claim.ticket, RunSeed):
        raise TypeError(f"{claim.ticket!r} is not a claim of this desk")
    return claim.ticket
