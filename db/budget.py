"""The money of a run: reservations and spending in one row, changed by single statements.

A call reserves its worst case before it starts; the statement that reserves also compares with the cap,
so any number of threads or processes cannot exceed it together. Whole nano-dollars throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, func, or_, select, update
from sqlmodel import col

from corpus.errors import NotFound
from db.tables import AttemptRow, AttemptState, RunRow


@dataclass(frozen=True)
class CapReached:
    """A refusal: the reservation does not fit under the run's cap. Nothing was written."""

    cap_nanousd: int
    spent_nanousd: int
    reserved_nanousd: int
    wanted_nanousd: int


_AMOUNT, _RUN = bindparam("amount", type_=BigInteger), col(RunRow.run_id) == bindparam("run")
_HELD, _SPENT, _CAP = col(RunRow.reserved_nanousd), col(RunRow.spent_nanousd), col(RunRow.cap_nanousd)
_RESERVE = (
    update(RunRow)
    .where(_RUN, or_(_CAP.is_(None), _SPENT + _HELD + _AMOUNT <= _CAP))
    .values(reserved_nanousd=_HELD + _AMOUNT)
)
_SETTLE = (
    update(RunRow)
    .where(_RUN)
    .values(reserved_nanousd=_HELD - bindparam("released", type_=BigInteger), spent_nanousd=_SPENT + _AMOUNT)
)
_HOLD_RUN = select(col(RunRow.run_id)).where(_RUN).with_for_update()


def hold_run(connection: Connection, run_id: str) -> None:
    """Keep other transactions from changing a run's money until this one ends."""
    connection.execute(_HOLD_RUN, {"run": run_id})


def reserve(connection: Connection, run_id: str, nanousd: int) -> CapReached | None:
    """Hold `nanousd` of a run's cap; None where it fits, nothing held where it does not.

    Raises `NotFound` where the run does not exist.
    """
    if connection.execute(_RESERVE, {"run": run_id, "amount": nanousd}).rowcount:
        return None
    row = connection.execute(select(_CAP, _SPENT, _HELD).where(_RUN), {"run": run_id}).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {run_id!r} to spend for; create it first.")
    return CapReached(row[0] or 0, row[1], row[2], nanousd)


def settle(connection: Connection, run_id: str, reserved_nanousd: int, cost_nanousd: int) -> None:
    """Turn a reservation into what the call did cost."""
    connection.execute(_SETTLE, {"run": run_id, "released": reserved_nanousd, "amount": cost_nanousd})


def give_up_open_attempts(connection: Connection, run_id: str, now: datetime) -> None:
    """Close the attempts of a dead process; each counts as paid at its worst case, since it may have been."""
    mine = (col(AttemptRow.run_id) == run_id) & (col(AttemptRow.state) == AttemptState.OPEN)
    worst = col(AttemptRow.reserved_nanousd)
    held = int(connection.execute(select(func.coalesce(func.sum(worst), 0)).where(mine)).scalar_one())
    lost = {"state": AttemptState.LOST, "cost_nanousd": worst, "ended": now}
    connection.execute(update(AttemptRow).where(mine).values(**lost))
    settle(connection, run_id, held, held)
