"""The review page as an ASGI application.

Two routers: the entrance and static files, open to anybody at an accepted Host; everything else behind the one
dependency `signed_in`. Errors of the project become answers here and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from starlette.responses import FileResponse, JSONResponse, Response

from agents.curator import actions, api, pages
from agents.curator.access import COOKIE, Doorkeeper, Gate, signed_in
from agents.curator.desk import ReviewDesk
from agents.curator.rendering import HTMX, notice, page
from agents.curator.settings import ReviewSettings
from corpus.errors import (
    InvalidInput,
    NotFound,
    OpenProblems,
    PsychoHistoryError,
    StaleCase,
    StoreBusy,
    StoreFull,
)
from db.clock import Clock, utc_now
from db.session import Store

STATIC = Path(__file__).parent / "static"
STATIC_FILES = {
    HTMX: "text/javascript",
    "review.js": "text/javascript",
    "review.css": "text/css",
    "icon.svg": "image/svg+xml",
}
_STATUS: tuple[tuple[type[PsychoHistoryError], int], ...] = (
    (StaleCase, 409),
    (OpenProblems, 422),
    (InvalidInput, 422),
    (NotFound, 404),
    (StoreBusy, 503),
    (StoreFull, 507),
)


def create_app(store: Store, settings: ReviewSettings, clock: Clock = utc_now) -> FastAPI:
    """The application over an open store; `app.state.gate` makes one-time tokens."""
    app = FastAPI(title="PsychoHistory review", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = ReviewDesk(store, settings, clock)
    app.state.gate = Gate(app.state.desk.curators, settings, clock)
    app.state.settings = settings
    app.include_router(_open_router())
    guarded = APIRouter(dependencies=[Depends(signed_in)])
    for part in (pages.router, actions.router, api.router):
        guarded.include_router(part)
    app.include_router(guarded)
    app.add_middleware(Doorkeeper, settings=settings)
    app.add_exception_handler(PsychoHistoryError, _project_error)
    app.add_exception_handler(HTTPException, _refusal)
    return app


def _open_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/enter")
    def enter(request: Request, token: str = "") -> Response:
        """Take a token from a link and give a session for it."""
        session = request.app.state.gate.enter(token)
        if session is None:
            message = "This link is not valid, or was used before. A new one: `agents curators link NAME`"
            return page(request, "enter.html", {"message": message}, 401)
        answer = page(request, "enter.html", {"message": ""})
        secure = request.app.state.settings.secure
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        """One of the few files of the page, by name."""
        if name not in STATIC_FILES:
            return Response(status_code=404)
        return FileResponse(STATIC / name, media_type=STATIC_FILES[name])

    return router


async def _project_error(request: Request, fault: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(fault, kind)), 500)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": type(fault).__name__, "message": str(fault)}, status)
    return notice(request, str(fault), status)


async def _refusal(request: Request, fault: Exception) -> Response:
    if not isinstance(fault, HTTPException):
        raise fault
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": "Refused", "message": fault.detail}, fault.status_code)
    return page(request, "enter.html", {"message": fault.detail}, fault.status_code)
