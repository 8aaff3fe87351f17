"""The money of a run: reservations and spending in one row, changed by single statements.

A call reserves its worst case before it starts; the statement that reserves also compares with the cap,
so any number of threads or processes cannot exceed it together. Whole nano-dollars throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from corpus.errors import NotFound
from db.tables import AttemptRow, AttemptState, RunRow


@dataclass(frozen=True)
class CapReached:
    """A refusal: the reservation does not fit under the run's cap. Nothing was written."""

    cap_nanousd: int
    spent_nanousd: int
    reserved_nanousd: int
    wanted_nanousd: int


def reserve(session: Session, run_id: str, nanousd: int) -> CapReached | None:
    """Hold `nanousd` of a run's cap; None where it fits, nothing held where it does not.

    Raises `NotFound` where the run does not exist.
    """
    after = col(RunRow.spent_nanousd) + col(RunRow.reserved_nanousd) + nanousd
    fits = or_(col(RunRow.cap_nanousd).is_(None), after <= col(RunRow.cap_nanousd))
    held = (
        update(RunRow)
        .where(col(RunRow.run_id) == run_id, fits)
        .values(reserved_nanousd=col(RunRow.reserved_nanousd) + nanousd)
    )
    if session.connection().execute(held).rowcount:
        return None
    row = session.get(RunRow, run_id)
    if row is None:
        raise NotFound(f"There is no run {run_id!r} to spend for; create it first.")
    return CapReached(row.cap_nanousd or 0, row.spent_nanousd, row.reserved_nanousd, nanousd)


def settle(session: Session, run_id: str, reserved_nanousd: int, cost_nanousd: int) -> None:
    """Turn a reservation into what the call did cost."""
    session.connection().execute(
        update(RunRow)
        .where(col(RunRow.run_id) == run_id)
        .values(
            reserved_nanousd=col(RunRow.reserved_nanousd) - reserved_nanousd,
            spent_nanousd=col(RunRow.spent_nanousd) + cost_nanousd,
        )
    )


def give_up_open_attempts(session: Session, run_id: str, now: datetime) -> None:
    """Close the attempts of a dead process; each counts as paid at its worst case, since it may have been."""
    mine = (col(AttemptRow.run_id) == run_id) & (col(AttemptRow.state) == AttemptState.OPEN)
    held = session.execute(
        select(func.coalesce(func.sum(AttemptRow.reserved_nanousd), 0)).where(mine)
    ).scalar_one()
    lost = {"state": AttemptState.LOST, "cost_nanousd": AttemptRow.reserved_nanousd, "ended": now}
    session.connection().execute(update(AttemptRow).where(mine).values(**lost))
    settle(session, run_id, int(held), int(held))
