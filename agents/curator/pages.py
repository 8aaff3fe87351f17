"""The pages that are looked at. Nothing is changed here but the lease on the case that is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from agents.curator.claims import claim_view
from agents.curator.desk import RejectReason, ReviewDesk
from agents.curator.digests import Flag
from agents.curator.overview import overview
from agents.curator.queue import QueueFilter
from agents.curator.rendering import go, page
from agents.curator.weighing import SOURCED, Shares, may_see, own_estimate, share_names
from corpus.case import DEFAULT_DOMAINS, Case, Fate, Role, Status, Terms, TextKind, level_question
from corpus.comparing import field_changes
from corpus.dates import horizon_end
from corpus.identity import NOT_CONTENT
from corpus.problems import Code, Severity
from db.mapping import Event, StoredCase
from db.returning import SentBack, sent_back

QUEUE_SHOWN = 60
router = APIRouter(include_in_schema=False)


def desk_of(request: Request) -> ReviewDesk:
    """The desk of the application."""
    desk: ReviewDesk = request.app.state.desk
    return desk


def filter_of(request: Request) -> QueueFilter:
    """The queue's filter from the address."""
    return QueueFilter.read(request.query_params)


def with_query(path: str, wanted: QueueFilter, *more: str) -> str:
    """An address that keeps the filter."""
    query = "&".join(part for part in (wanted.query, *more) if part)
    return f"{path}?{query}" if query else path


@router.get("/")
def queue(request: Request) -> Response:
    """The queue with the first case that nobody else has open."""
    wanted, desk = filter_of(request), desk_of(request)
    first = desk.next_case(wanted, request.state.curator)
    if first is not None:
        saved = request.query_params.get("saved", "")
        return go(request, with_query(f"/cases/{first}", wanted, f"saved={saved}" if saved else ""))
    return page(request, "review.html", {**_queue_values(request, wanted), "open": None})


@router.get("/cases/{case_id}")
def case_page(request: Request, case_id: str) -> HTMLResponse:
    """One case in the three columns."""
    wanted, desk = filter_of(request), desk_of(request)
    stored, lease = desk.open(case_id, request.state.curator)
    open_case = case_values(request, stored)
    return page(
        request,
        "review.html",
        {
            **_queue_values(request, wanted, stored.case.case_id),
            "open": open_case,
            "sent_back": _sent_back(request, stored),
            "leased_by": lease if lease.curator != request.state.curator else None,
        },
    )


def _sent_back(request: Request, stored: StoredCase) -> SentBack | None:
    """The note that an undecided case was sent back with."""
    if stored.case.status not in (Status.PENDING, Status.NEEDS_WORK):
        return None
    return sent_back(desk_of(request).cases.history(stored.case.case_id))


@router.get("/cases/{case_id}/evidence")
def evidence(request: Request, case_id: str, path: str) -> HTMLResponse:
    """The evidence panel for one claim."""
    stored = desk_of(request).cases.get(case_id)
    return page(request, "_evidence.html", {"claim": _claim(request, stored.case, path)})


@router.get("/cases/{case_id}/history")
def history(request: Request, case_id: str) -> HTMLResponse:
    """Every event of a case, and what each revision changed."""
    desk = desk_of(request)
    stored = desk.cases.get(case_id)
    events = desk.cases.history(stored.case.case_id)
    values = {
        "case": stored.case, "rows": _history_rows(desk, stored, events), "wanted": filter_of(request),
    }  # fmt: skip
    return page(request, "history.html", values)


@router.get("/cases/{case_id}/edit")
def edit_page(request: Request, case_id: str) -> HTMLResponse:
    """The form of every field."""
    desk = desk_of(request)
    stored, lease = desk.open(case_id, request.state.curator)
    values = edit_values(request, stored)
    values["leased_by"] = lease if lease.curator != request.state.curator else None
    return page(request, "edit.html", values)


@router.get("/new")
def new_page(request: Request) -> HTMLResponse:
    """The form of a new case."""
    return page(request, "new.html", {"form": {}, "faults": {}, "domains": DEFAULT_DOMAINS})


@router.get("/guidelines")
def guidelines_page(request: Request) -> HTMLResponse:
    """How to decide."""
    from markupsafe import Markup

    found = desk_of(request).guidelines()
    return page(request, "guidelines.html", {"text": Markup(found.html()), "version": found.version})  # noqa: S704 - rendered without raw HTML


@router.get("/overview")
def overview_page(request: Request) -> HTMLResponse:
    """How the corpus and the work on it stand."""
    return page(request, "overview.html", {"found": overview(desk_of(request))})


@router.get("/progress")
def progress(request: Request, case: str = "") -> HTMLResponse:
    """The progress line; asked for every two minutes, it prolongs the lease on the open case."""
    desk = desk_of(request)
    if case:
        desk.leases.take(case, request.state.curator)
    left = len(desk.listing(filter_of(request), request.state.curator))
    shown = desk.progress(request.state.curator, left)
    return page(request, "_progress.html", {"progress": shown})


def _queue_values(request: Request, wanted: QueueFilter, current: str = "") -> dict[str, Any]:
    desk, curator = desk_of(request), request.state.curator
    items = desk.listing(wanted, curator)
    ids = items.ids()
    place = ids.index(current) if current in ids else -1
    start = max(0, min(place - QUEUE_SHOWN // 2, len(items) - QUEUE_SHOWN))
    last = desk.last_decisions(curator)
    return {
        "items": items[start : start + QUEUE_SHOWN], "total": len(items), "wanted": wanted, "current": current,
        "before": ids[place - 1] if place > 0 else None,
        "after": next((c for c in ids[place + 1 :] if c != current), None),
        "progress": desk.progress(curator, len(items)), "decisions": last, "statuses": list(Status),
        "domains": DEFAULT_DOMAINS, "flags": [*Flag, *Code], "runs": desk.runs.list_runs(20),
        "with_query": with_query, "saved": request.query_params.get("saved", ""),
    }  # fmt: skip


def case_values(
    request: Request, stored: StoredCase, shares: Mapping[int, Shares] | None = None
) -> dict[str, Any]:
    """What the middle and right columns show of a case."""
    case, curator, waived = stored.case, request.state.curator, _waived(request)
    claim = request.query_params.get("claim", "outcomes[0]" if case.outcomes else "seed")
    levels = [
        {
            "outcome": outcome,
            "parent": case.parent_date(outcome.depth),
            "parent_event": case.parent_event(outcome.depth),
            "as_of": case.as_of(outcome.depth),
            "until": horizon_end(parent, case.horizon_months)
            if (parent := case.parent_date(outcome.depth))
            else None,
            "since_seed": case.months_since_seed(outcome.depth),
            "publishers": len(case.publishers(outcome.evidence)),
            "seen": may_see(case, outcome, curator, waived),
            "own": own_estimate(outcome, curator),
            "names": share_names(outcome),
            "shares": (shares or {}).get(outcome.depth),
        }
        for outcome in case.outcomes
    ]
    return {
        "case": case, "problems": _by_severity(stored), "levels": levels,
        "question": level_question(case.horizon_months),
        "claim": _claim(request, case, claim), "reasons": list(RejectReason), "sourced": SOURCED,
        "waived": waived,
    }  # fmt: skip


def _waived(request: Request) -> list[int]:
    """Depths at which the curator asks to see the others' estimates without giving one."""
    return [int(part) for part in request.query_params.get("reveal", "").split(",") if part.isdigit()]


def _by_severity(stored: StoredCase) -> list[Any]:
    return sorted(stored.problems, key=lambda problem: problem.severity is not Severity.ERROR)


def _claim(request: Request, case: Case, path: str) -> Any:
    levels = [o for o in case.outcomes if path.startswith(f"outcomes[{o.depth - 1}]")]
    seen = all(may_see(case, outcome, request.state.curator, _waived(request)) for outcome in levels)
    return claim_view(case, path, texts_of(request, case), estimates=seen)


def texts_of(request: Request, case: Case) -> dict[str, str]:
    """Stored texts of a case's sources by source id."""
    return {key: found.text for key, found in desk_of(request).documents.of_case(case).items()}


def edit_values(
    request: Request,
    stored: StoredCase,
    form: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What the edit form shows: the stored values, or those that were typed, and what the agents had."""
    case = stored.case
    first = desk_of(request).cases.get(case.case_id, 1).case
    agents = {change.path: change.old for change in field_changes(_content(first), _content(case))}
    return {
        "seen": [may_see(case, outcome, request.state.curator, _waived(request)) for outcome in case.outcomes],
        "reveal": f"reveal={','.join(map(str, _waived(request)))}" if _waived(request) else "",
        "case": case, "form": form or {}, "faults": faults or {}, "agents": agents, "first": first,
        "wanted": filter_of(request), "fate_names": list(Fate), "roles": list(Role), "terms": list(Terms),
        "text_kinds": list(TextKind),
        "domains": sorted({*DEFAULT_DOMAINS, case.domain}), "leased_by": None, "sourced": SOURCED,
        "with_query": with_query,
    }  # fmt: skip


def _content(case: Case) -> dict[str, Any]:
    return case.model_dump(mode="json", exclude=set(NOT_CONTENT))


def _history_rows(desk: ReviewDesk, stored: StoredCase, events: Sequence[Event]) -> list[dict[str, Any]]:
    """Events newest first; a stored revision comes with what it changed of the one before."""
    rows = []
    for event in reversed(events):
        changes = []
        if event.key.startswith("stored/") and event.revision > 1:
            older = desk.cases.get(stored.case.case_id, event.revision - 1).case
            newer = desk.cases.get(stored.case.case_id, event.revision).case
            changes = list(field_changes(_content(older), _content(newer)))
        rows.append({"event": event, "changes": changes})
    return rows
