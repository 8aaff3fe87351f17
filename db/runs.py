"""Runs and their seeds: what was asked for, who works on it, how far it came.

A run belongs to one process at a time, and every write names its owner: a process that was taken for
dead and comes back is refused. Finishing a seed, storing its case and storing its texts are one
transaction, so a crash leaves a seed either waiting for a new try or done with its case. Different runs
may share a store. Handing seeds to several machines is not done here: that is a queue's work.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from corpus.case import Case
from corpus.errors import InvalidInput, NotFound, StoreBusy
from corpus.identity import canonical_json
from corpus.problems import Problem
from db.budget import give_up_open_attempts
from db.clock import Clock, utc_now
from db.documents import put_documents
from db.mapping import StoredDocument, without_nul
from db.owner import Owner
from db.putting import Put, PutResult, put_case
from db.returning import come_back
from db.run_records import Json, Run, RunSeed, SeedFailure, run_from_row, seed_from_row
from db.session import Store, insert_if_absent
from db.tables import RunRow, RunSeedRow, RunState, SeedState


class Runs:
    """The runs of a store, as one owner sees them."""

    def __init__(self, store: Store, owner: Owner | None = None, clock: Clock = utc_now) -> None:
        self._store = store
        self._owner = owner or Owner.here()
        self._clock = clock

    def create(
        self, arguments: Json, resolved: Json, *, program: str, commit: str, cap_nanousd: int | None = None
    ) -> Run:
        """Begin a run that belongs to this owner."""
        now = self._clock()
        row = RunRow(
            run_id=f"r{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
            arguments=canonical_json(dict(arguments)),
            resolved=canonical_json(dict(resolved)),
            program=program,
            commit_hash=commit,
            state=RunState.RUNNING,
            summary="{}",
            owner=str(self._owner),
            heartbeat=now,
            started=now,
            cap_nanousd=cap_nanousd,
        )
        with self._store.writing() as session:
            session.add(row)
        return run_from_row(row)

    def take(self, key: str, *, cap_nanousd: int | None = None) -> Run:
        """Take over a run to go on with it; a new cap replaces the old one where it is given.

        Seeds that were being worked on wait again; calls whose answer never came count as paid at their
        worst case. Raises `StoreBusy` while another process works on the run, and `NotFound`.
        """
        now = self._clock()
        with self._store.writing() as session:
            row = session.get_one(RunRow, _find(session, key), with_for_update=True)
            self._check_free(row, now)
            row.owner, row.heartbeat, row.state, row.finished = str(self._owner), now, RunState.RUNNING, None
            row.cap_nanousd = row.cap_nanousd if cap_nanousd is None else cap_nanousd
            _let_wait(session, row.run_id, now)
            give_up_open_attempts(session.connection(), row.run_id, now)
            session.refresh(row)
            return run_from_row(row)

    def beat(self, run_id: str) -> None:
        """Show that this owner is alive; to be called every 15 s while nothing else is written."""
        with self._store.writing() as session:
            self._own(session, run_id)

    def add_seeds(self, run_id: str, seeds: Iterable[tuple[str, Json]]) -> int:
        """Append seeds, each a key and its JSON, that the run does not have yet; how many were new."""
        with self._store.writing() as session:
            now = self._own(session, run_id)
            last = session.execute(
                select(func.max(RunSeedRow.position)).where(col(RunSeedRow.run_id) == run_id)
            ).scalar_one()
            before = following = -1 if last is None else int(last)
            for key, seed in seeds:
                row = RunSeedRow(
                    run_id=run_id,
                    seed_key=key,
                    position=following + 1,
                    seed=canonical_json(dict(seed)),
                    state=SeedState.WAITING,
                    stage="",
                    updated=now,
                )
                following += insert_if_absent(session, row)
            return following - before

    def claim(self, run_id: str) -> RunSeed | None:
        """The next waiting seed, now being worked on; None where none waits."""
        with self._store.writing() as session:
            now = self._own(session, run_id)
            waiting = select(RunSeedRow).where(
                col(RunSeedRow.run_id) == run_id, col(RunSeedRow.state) == SeedState.WAITING
            )
            row = session.execute(waiting.order_by(col(RunSeedRow.position)).limit(1)).scalar_one_or_none()
            if row is None:
                return None
            row.state, row.updated = SeedState.WORKING, now
            session.add(row)
            return seed_from_row(row)

    def advance(self, seed: RunSeed, stage: str) -> None:
        """Note the stage that a claimed seed has reached."""
        with self._store.writing() as session:
            row, now = self._claimed(session, seed)
            row.stage, row.updated = stage, now

    def finish_seed(
        self,
        seed: RunSeed,
        case: Case,
        problems: Sequence[Problem] = (),
        documents: Iterable[StoredDocument] = (),
    ) -> Put:
        """Store a claimed seed's case and texts and mark it done: all of it or nothing."""
        with self._store.writing() as session:
            row, now = self._claimed(session, seed)
            put_documents(session, documents, now)
            put = put_case(session, case, problems, now)
            if put.result is PutResult.UNCHANGED:
                come_back(session, put.case_id, seed.run_id, "Researched again: the same was found.", now)
            row.state, row.stage, row.case_id, row.updated = SeedState.DONE, "", put.case_id, now
            return put

    def fail_seed(self, seed: RunSeed, failure: SeedFailure, case_id: str = "") -> None:
        """Mark a claimed seed as ended without a case; `case_id` is of the case that it researched again."""
        with self._store.writing() as session:
            row, now = self._claimed(session, seed)
            row.state, row.updated = SeedState.FAILED, now
            row.failure_type = failure.type
            row.failure = without_nul(failure.message)
            row.failure_detail = without_nul(failure.detail)
            if case_id:
                come_back(
                    session, case_id, seed.run_id, f"Researched again, without a case: {failure.message}", now
                )

    def put_back(self, seed: RunSeed) -> None:
        """Let a claimed seed wait again, such as when the cost cap was reached on it."""
        with self._store.writing() as session:
            row, now = self._claimed(session, seed)
            row.state, row.stage, row.updated = SeedState.WAITING, "", now

    def finish(self, run_id: str, state: RunState, summary: Json) -> Run:
        """End the run for now; seeds still being worked on wait again."""
        with self._store.writing() as session:
            now = self._own(session, run_id)
            _let_wait(session, run_id, now)
            row = session.get_one(RunRow, run_id)
            row.state, row.summary, row.finished = state, canonical_json(dict(summary)), now
            return run_from_row(row)

    def get(self, key: str) -> Run:
        """A run by its id, the unique start of it, or `last`; raises `NotFound` or `InvalidInput`."""
        with self._store.reading() as session:
            return run_from_row(session.get_one(RunRow, _find(session, key)))

    def list_runs(self, limit: int | None = None) -> list[Run]:
        """The runs, newest first."""
        with self._store.reading() as session:
            query = select(RunRow).order_by(col(RunRow.started).desc(), col(RunRow.run_id)).limit(limit)
            return [run_from_row(row) for row in session.execute(query).scalars()]

    def seeds(self, run_id: str, *states: SeedState) -> list[RunSeed]:
        """The seeds of a run in order, of the given states or of all."""
        query = select(RunSeedRow).where(col(RunSeedRow.run_id) == run_id)
        if states:
            query = query.where(col(RunSeedRow.state).in_(states))
        with self._store.reading() as session:
            rows = session.execute(query.order_by(col(RunSeedRow.position))).scalars()
            return [seed_from_row(row) for row in rows]

    def count_seeds(self, run_id: str) -> Mapping[SeedState, int]:
        """How many seeds of a run are in each state."""
        query = select(col(RunSeedRow.state), func.count()).where(col(RunSeedRow.run_id) == run_id)
        with self._store.reading() as session:
            found = {row[0]: int(row[1]) for row in session.execute(query.group_by(col(RunSeedRow.state)))}
        return {state: found.get(state, 0) for state in SeedState}

    def _own(self, session: Session, run_id: str) -> datetime:
        """Show life, and raise `StoreBusy` where the run belongs to somebody else by now; gives the time."""
        now = self._clock()
        mine = (col(RunRow.run_id) == run_id) & (col(RunRow.owner) == str(self._owner))
        running = col(RunRow.state) == RunState.RUNNING
        if session.connection().execute(update(RunRow).where(mine, running).values(heartbeat=now)).rowcount:
            return now
        row = session.get(RunRow, run_id)
        if row is None:
            raise NotFound(f"There is no run {run_id!r}; `agents status` shows what there is.")
        raise StoreBusy(
            f"Run {run_id} is {row.state} and belongs to {_named(row)}, not to this process; "
            f"go on with it by `agents resume {run_id}` once it has stopped."
        )

    def _claimed(self, session: Session, seed: RunSeed) -> tuple[RunSeedRow, datetime]:
        now = self._own(session, seed.run_id)
        row = session.get_one(RunSeedRow, (seed.run_id, seed.seed_key))
        if row.state is not SeedState.WORKING:
            raise StoreBusy(f"Seed {seed.seed_key} of run {seed.run_id} is {row.state}; claim it first.")
        return row, now

    def _check_free(self, row: RunRow, now: datetime) -> None:
        owner = Owner.parse(row.owner)
        if row.state is not RunState.RUNNING or owner == self._owner:
            return
        if owner.is_alive(row.heartbeat, now):
            raise StoreBusy(
                f"Run {row.run_id} is being worked on by {_named(row)}, heard of "
                f"{(now - row.heartbeat).total_seconds():.0f} s ago; stop that one first, or start another run."
            )


def _named(row: RunRow) -> str:
    owner = Owner.parse(row.owner)
    return f"process {owner.pid} on {owner.host}"


def _let_wait(session: Session, run_id: str, now: datetime) -> None:
    working = (col(RunSeedRow.run_id) == run_id) & (col(RunSeedRow.state) == SeedState.WORKING)
    session.execute(update(RunSeedRow).where(working).values(state=SeedState.WAITING, stage="", updated=now))


def _find(session: Session, key: str) -> str:
    newest_first = select(col(RunRow.run_id)).order_by(col(RunRow.started).desc(), col(RunRow.run_id))
    if key == "last":
        found = session.execute(newest_first.limit(1)).scalars().all()
    else:
        by_start = col(RunRow.run_id).startswith(key, autoescape=True)
        found = session.execute(newest_first.where(by_start).limit(4)).scalars().all()
    if key in found or len(found) == 1:
        return key if key in found else found[0]
    if found:
        raise InvalidInput(f"{key!r} fits several runs ({', '.join(found[:3])}); give more of the id.")
    known = session.execute(newest_first.limit(3)).scalars().all()
    hint = f"the newest are {', '.join(known)}" if known else "this store holds none yet"
    raise NotFound(f"There is no run {key!r}; {hint}.")
