"""The JSON API: what the pages do, for programs, with the same rights and refusals.

A program sends a curator's token as `Authorization: Bearer …`. Decisions carry a key and are idempotent by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field

from agents.curator.desk import Action, RejectReason, Wish
from agents.curator.pages import desk_of
from agents.curator.queue import QueueFilter
from corpus.case import Case
from corpus.errors import InvalidInput
from db.mapping import Event

router = APIRouter(prefix="/api", tags=["review"])
MOST_LISTED = 500


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DecisionBody(_Body):
    """A decision on the newest revision of a case."""

    revision: int = Field(ge=1, description="The revision that was looked at.")
    action: Action
    key: str = Field(
        min_length=1, max_length=100, description="New for each decision; the same again changes nothing."
    )
    note: str = Field(default="", max_length=20_000)
    reason: RejectReason | None = None


class UndoBody(_Body):
    """A decision to take back."""

    taken: str = Field(description="The key of the decision's event.")
    key: str = Field(min_length=1, max_length=100)


class EditBody(_Body):
    """A whole case as it should be."""

    based_on: int = Field(ge=1, description="The revision that the edit started from.")
    reason: str = Field(default="", max_length=2_000)
    case: Case


class EventAnswer(BaseModel):
    """One entry of a case's history."""

    key: str
    case_id: str
    revision: int
    kind: str
    before: str | None
    after: str
    author: str
    reason: str
    details: Mapping[str, str]
    at: str


class CaseAnswer(BaseModel):
    """A case with what the rules say of it."""

    case: Case
    content_hash: str
    problems: list[dict[str, Any]]


@router.get("/cases")
def list_cases(
    request: Request, status: str = "pending", domain: str = "", period: str = "", flag: str = "", run: str = "",
    order: str = "value", limit: int = 100,
) -> list[dict[str, Any]]:  # fmt: skip
    """The queue in the order of work."""
    wanted = QueueFilter.read(
        {"status": status, "domain": domain, "period": period, "flag": flag, "run": run, "order": order}
    )
    items = desk_of(request).listing(wanted, request.state.curator)[: max(0, min(limit, MOST_LISTED))]
    return [
        {
            "case_id": item.summary.case_id, "revision": item.summary.revision, "status": item.summary.status.value,
            "seed_event": item.summary.seed_event, "seed_date": str(item.summary.seed_date),
            "domain": item.summary.domain, "depth": item.summary.depth, "errors": item.summary.error_count,
            "warnings": item.summary.warning_count, "value": round(item.digest.value, 4),
            "flags": sorted(item.digest.flags), "in_slice": item.in_slice,
            "open_by": item.lease.curator if item.lease else None,
        }
        for item in items
    ]  # fmt: skip


@router.get("/cases/{case_id}")
def get_case(request: Request, case_id: str, revision: int | None = None) -> CaseAnswer:
    """A case in its newest revision, or in the one asked for."""
    stored = desk_of(request).cases.get(case_id, revision)
    problems = [problem.model_dump(mode="json") for problem in stored.problems]
    return CaseAnswer(case=stored.case, content_hash=stored.content_hash, problems=problems)


@router.get("/cases/{case_id}/history")
def get_history(request: Request, case_id: str) -> list[EventAnswer]:
    """Every event of a case, oldest first."""
    return [_answer(event) for event in desk_of(request).cases.history(case_id)]


@router.post("/cases/{case_id}/decisions")
def post_decision(request: Request, case_id: str, body: DecisionBody) -> EventAnswer:
    """Decide; 409 where the revision is no longer the newest, 422 where a case with errors is approved."""
    wish = Wish(case_id, body.revision, body.action, body.key, body.note, body.reason)
    return _answer(desk_of(request).decide(request.state.curator, wish))


@router.post("/undo")
def post_undo(request: Request, body: UndoBody) -> EventAnswer:
    """Take one of the own last twenty decisions back."""
    return _answer(desk_of(request).undo(request.state.curator, body.taken, body.key))


@router.put("/cases/{case_id}")
def put_case(request: Request, case_id: str, body: EditBody) -> dict[str, Any]:
    """Store an edited case as a further revision; 409 where somebody was faster."""
    if body.case.case_id != case_id:
        raise InvalidInput(f"The case sent is {body.case.case_id!r}, the address says {case_id!r}.")
    put, problems = desk_of(request).save(request.state.curator, body.case, body.based_on, body.reason)
    return {
        "result": put.result.value, "revision": put.revision, "status": put.status.value,
        "problems": [problem.model_dump(mode="json") for problem in problems],
    }  # fmt: skip


@router.get("/guidelines")
def get_guidelines(request: Request) -> dict[str, str]:
    """The guidelines and their version."""
    found = desk_of(request).guidelines()
    return {"version": found.version, "text": found.text}


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """This API as OpenAPI."""
    return get_openapi(title=request.app.title, version=request.app.version, routes=router.routes)


def _answer(event: Event) -> EventAnswer:
    return EventAnswer(
        key=event.key, case_id=event.case_id, revision=event.revision, kind=event.kind.value,
        before=event.before.value if event.before else None, after=event.after.value, author=event.author,
        reason=event.reason, details=event.details, at=event.at.isoformat(),
    )  # fmt: skip
