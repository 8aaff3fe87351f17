"""What curators do by forms: decide, undo, edit, weigh, add. Each answers with where to go next.

A form carries the revision it was made from; one that is no longer the newest is answered by 409 and a page
that sets both sides beside each other. Nothing typed is lost: the browser keeps it as a draft until the store
has it.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from agents.curator.access import COOKIE
from agents.curator.desk import Action, RejectReason, ReviewDesk, Wish
from agents.curator.editing import Edited, edit
from agents.curator.merging import merge
from agents.curator.pages import desk_of, edit_values, filter_of, texts_of, with_query
from agents.curator.rendering import go, notice, page
from agents.curator.text import web_address
from agents.curator.weighing import read_shares, rescaled, with_own_estimate, with_sourced_value
from agents.reading.address import publisher_of
from agents.reading.document import Document
from corpus.case import Availability, Case, Status, Terms, TextKind
from corpus.comparing import field_changes
from corpus.dates import EventDate
from corpus.domains import domain_name
from corpus.errors import InvalidInput, NotFound, StaleCase
from corpus.identity import NOT_CONTENT, slug
from corpus.identity import case_id as new_case_id
from db.mapping import StoredCase, StoredDocument

router = APIRouter(include_in_schema=False)
Form = dict[str, str]


async def form_of(request: Request) -> Form:
    """The fields of a form; files are not taken."""
    return {k: v for k, v in (await request.form(max_fields=5000)).items() if not isinstance(v, UploadFile)}


Typed = Annotated[Form, Depends(form_of)]


@router.post("/cases/{case_id}/decisions")
def decide(request: Request, case_id: str, form: Typed) -> Response:
    """Approve, send back or reject; then the next case."""
    wish = _wish(case_id, form)
    try:
        desk_of(request).decide(request.state.curator, wish)
    except StaleCase:
        return _stale_decision(request, wish)
    return go(request, _after(request, form, case_id))


def _wish(case_id: str, form: Form) -> Wish:
    action, reason = form.get("action", ""), form.get("reason", "")
    if action not in set(Action):
        raise InvalidInput(f"{action!r} is no decision; use one of {', '.join(Action)}.")
    if reason and reason not in set(RejectReason):
        raise InvalidInput(f"{reason!r} is no reason; use one of {', '.join(RejectReason)}.")
    return Wish(
        case_id, _revision(form), Action(action), form.get("key", ""), form.get("note", ""),
        RejectReason(reason) if reason and action == Action.REJECT else None,
    )  # fmt: skip


def _revision(form: Form) -> int:
    text = form.get("revision", "")
    if not text.isdigit():
        raise InvalidInput("The form does not say which revision it is about; load the page again.")
    return int(text)


def _after(request: Request, form: Form, case_id: str) -> str:
    """The next case of the queue, by the filter of the page."""
    return with_query("/", filter_of(request), f"saved={quote(f'decide/{case_id}')}")


def _stale_decision(request: Request, wish: Wish) -> Response:
    desk = desk_of(request)
    newest = desk.cases.get(wish.case_id)
    seen = desk.cases.get(wish.case_id, wish.revision)
    changes = list(field_changes(_content(seen.case), _content(newest.case)))
    last = desk.cases.history(wish.case_id)[-1]
    values = {
        "case": newest.case, "wish": wish, "changes": changes, "last": last, "query": filter_of(request).query,
    }  # fmt: skip
    return page(request, "stale.html", values, 409)


@router.post("/cases/{case_id}/skip")
def skip(request: Request, case_id: str, form: Typed) -> Response:
    """Put a case at the end of the own queue."""
    desk_of(request).skip(request.state.curator, case_id, _revision(form))
    return go(request, _after(request, form, case_id))


@router.post("/undo")
def undo(request: Request, form: Typed) -> Response:
    """Take one of the own last decisions back and show its case."""
    event = desk_of(request).undo(request.state.curator, form.get("taken", ""), form.get("key", ""))
    return go(request, with_query(f"/cases/{event.case_id}", filter_of(request)))


@router.post("/reject")
def reject_many(request: Request, form: Typed) -> Response:
    """Reject the ticked cases for one reason; there is no such thing for approval."""
    ticked = [name.removeprefix("case.") for name in form if name.startswith("case.")]
    if not ticked:
        raise InvalidInput("Tick the cases that are to be rejected.")
    wishes = [
        _wish(case_id, {**form, "action": Action.REJECT, "revision": form[f"case.{case_id}"],
                        "key": f"{form.get('key', '')}/{case_id}"})
        for case_id in ticked
    ]  # fmt: skip
    refused = desk_of(request).reject_many(request.state.curator, wishes)
    if refused:
        return notice(request, " ".join(refused), 409)
    return go(request, with_query("/", filter_of(request)))


@router.post("/cases/{case_id}/edit")
def save(request: Request, case_id: str, form: Typed) -> Response:
    """Store an edited case; 422 with messages beside the fields, 409 with a merge."""
    desk = desk_of(request)
    based_on = _revision(form)
    base = desk.cases.get(case_id, based_on)
    edited = edit(base.case, form, texts_of(request, base.case))
    if edited.faults:
        return page(request, "edit.html", edit_values(request, base, form, edited.faults), 422)
    if _content(edited.case) == _content(base.case):
        return go(request, with_query(f"/cases/{case_id}", filter_of(request), _saved(f"edit/{case_id}")))
    try:
        desk.save(
            request.state.curator, _as_status(edited.case, base), based_on, form.get("reason", "").strip()
        )
    except StaleCase:
        return _merge(request, base, edited, form)
    return go(request, with_query(f"/cases/{case_id}", filter_of(request), _saved(f"edit/{case_id}")))


def _as_status(case: Case, base: StoredCase) -> Case:
    return case.model_copy(update={"status": base.case.status})


def _saved(draft: str) -> str:
    """Tells the browser that a draft is in the store and may be forgotten."""
    return f"saved={quote(draft)}"


def _merge(request: Request, base: StoredCase, edited: Edited, form: Form) -> Response:
    desk = desk_of(request)
    newest = desk.cases.get(base.case.case_id)
    found = merge(base.case, newest.case, edited.changes)
    last = desk.cases.history(base.case.case_id)[-1]
    values = {
        "case": newest.case, "merge": found, "last": last, "reason": form.get("reason", ""),
        "query": filter_of(request).query,
    }  # fmt: skip
    return page(request, "merge.html", values, 409)


@router.post("/cases/{case_id}/sources")
def add_source(request: Request, case_id: str, form: Typed) -> Response:
    """Add a source with its text to a case; the text is kept so that quotations can be checked."""
    desk = desk_of(request)
    stored = desk.cases.get(case_id)  # a source touches nothing that another editor may have changed
    document = _document(form, desk)
    source = document.as_source()
    if stored.case.source(source.source_id) is None:
        desk.keep_text(StoredDocument(source, document.text))
        changed = stored.case.model_copy(update={"sources": (*stored.case.sources, source)})
        desk.save(request.state.curator, changed, stored.case.revision, f"added {source.publisher}")
    return go(request, with_query(f"/cases/{case_id}/edit", filter_of(request), _saved(f"source/{case_id}")))


def _document(form: Form, desk: ReviewDesk) -> Document:
    url, text = form.get("url", "").strip(), form.get("text", "").replace("\r\n", "\n").strip()
    if web_address(url) is None:
        raise InvalidInput(f"{url!r} is not an http(s) address.")
    if not text:
        raise InvalidInput("Paste the words of the source that you want to quote from.")
    day = EventDate.parse(form["published_at"]) if form.get("published_at", "").strip() else None
    return Document(
        url=url, canonical_url=url, publisher=publisher_of(url), title=form.get("title", "").strip(), text=text,
        text_kind=TextKind.SUMMARY if form.get("kind") == TextKind.SUMMARY else TextKind.PAGE, published_at=day,
        available_at=day.end() if day else None,
        availability=Availability.DECLARED if day else Availability.UNDATED,
        captured_at=desk.now(), terms=Terms.QUOTATION,
    )  # fmt: skip


@router.post("/cases/{case_id}/levels/{depth}/own")
def own_estimate(request: Request, case_id: str, depth: int, form: Typed) -> Response:
    """Save the curator's own distribution; only exactly 100 % is taken."""
    desk = desk_of(request)
    stored = _newest_with(desk, case_id, _revision(form), depth)
    outcome = _level(stored.case, depth)
    shares = read_shares(outcome, form)
    if form.get("action") == "rescale":
        shares = rescaled(shares)
    if form.get("action") == "rescale" or not shares.complete:
        status = 200 if form.get("action") == "rescale" and not shares.faults else 422
        return _own_form(request, stored, depth, shares, form, status)
    changed = with_own_estimate(
        stored.case, depth, shares, request.state.curator, form.get("note", "").strip()
    )
    desk.save(request.state.curator, changed, stored.case.revision, f"own estimate at depth {depth}")
    saved = _saved(f"own/{case_id}/{depth}")
    return go(request, with_query(f"/cases/{case_id}", filter_of(request), saved))


def _own_form(
    request: Request, stored: StoredCase, depth: int, shares: Any, form: Form, status: int
) -> Response:
    from agents.curator.pages import case_values

    level = case_values(request, stored, {depth: shares})["levels"][depth - 1]
    values = {"case": stored.case, "level": level, "wanted": filter_of(request), "with_query": with_query,
              "note": form.get("note", "")}  # fmt: skip
    return page(request, "_own.html", values, status)


@router.post("/cases/{case_id}/levels/{depth}/values")
def sourced_value(request: Request, case_id: str, depth: int, form: Typed) -> Response:
    """Add a value that a dated source gives."""
    desk = desk_of(request)
    stored = _newest_with(desk, case_id, _revision(form), depth)
    changed = with_sourced_value(stored.case, depth, form, texts_of(request, stored.case))
    desk.save(request.state.curator, changed, stored.case.revision, f"value from a source at depth {depth}")
    saved = _saved(f"value/{case_id}/{depth}")
    return go(request, with_query(f"/cases/{case_id}", filter_of(request), saved))


def _newest_with(desk: ReviewDesk, case_id: str, seen: int, depth: int) -> StoredCase:
    """The newest revision, if its level still asks what the curator saw; what else changed does not matter here."""
    newest = desk.cases.get(case_id)
    if newest.case.revision != seen:
        before, now = (
            [c.text for c in _level(stored.case, depth).candidates]
            for stored in (desk.cases.get(case_id, seen), newest)
        )
        if before != now:
            raise StaleCase(
                f"The candidates at depth {depth} have changed since you opened the case (revision {seen}, now "
                f"{newest.case.revision}); load the page again. What you typed is kept."
            )
    return newest


def _level(case: Case, depth: int) -> Any:
    if not 1 <= depth <= len(case.outcomes):
        raise NotFound(f"Case {case.case_id} has no depth {depth}; it may have been removed.")
    return case.outcomes[depth - 1]


@router.post("/new")
def begin(request: Request, form: Typed) -> Response:
    """A new case by hand, as a draft that is filled on the edit page."""
    from corpus.case import DEFAULT_DOMAINS

    faults: dict[str, str] = {}
    event = " ".join(form.get("seed_event", "").split())
    date = domain = None
    try:
        date = EventDate.parse(form.get("seed_date", ""))
    except InvalidInput as fault:
        faults["seed_date"] = str(fault)
    try:
        domain = domain_name(form.get("domain", ""), allow_new=True)
    except InvalidInput as fault:
        faults["domain"] = str(fault)
    if not event:
        faults["seed_event"] = "Say what happened, in one sentence."
    if faults or date is None or domain is None:
        return page(request, "new.html", {"form": form, "faults": faults, "domains": DEFAULT_DOMAINS}, 422)
    desk = desk_of(request)
    key = new_case_id(event, date, domain)
    made = Case(
        case_id=key, slug=slug(event, date), domain=domain, seed_event=event, seed_date=date,
        status=Status.DRAFT, provenance=desk.hand_provenance(),
    )  # fmt: skip
    put = desk.begin(made)
    return go(request, f"/cases/{put.case_id}/edit?{_saved('new')}")


@router.post("/leave")
def leave(request: Request) -> Response:
    """End the session of this browser."""
    answer = go(request, "/enter")
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _content(case: Case) -> dict[str, Any]:
    return case.model_dump(mode="json", exclude=set(NOT_CONTENT))
