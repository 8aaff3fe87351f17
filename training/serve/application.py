"""The server of trees as an ASGI application: `make_app(settings, inference)`.

Two routers: the entrance, the static files and `/health`, open to anybody at an accepted Host; everything else
behind the one dependency `known`. Errors of the project become answers here and nowhere else. Nothing is kept
outside the application, so one process may hold several.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from corpus.errors import (
    EngineFault,
    ForecastError,
    ForecastFailed,
    InvalidInput,
    PsychoHistoryError,
    ServerBusy,
    TooLate,
)
from evaluation.tree import ProbabilityTree
from training.inference import ProbabilityTreeInference
from training.serve.access import COOKIE, Doorkeeper, Gate, known
from training.serve.cache import TreeCache
from training.serve.counting import Counted
from training.serve.limits import TokenBuckets
from training.serve.messages import NO_JSON, TreeRequest, fault_line, line, sentence
from training.serve.metrics import CONTENT_TYPE
from training.serve.pages import page, static_file
from training.serve.service import Event, TreeService
from training.serve.settings import ServeSettings
from training.trees import Effort, Question, check_question

PAUSE_S = 5
"""What a busy server asks to wait."""
NDJSON = "application/x-ndjson"
_STATUS: tuple[tuple[type[PsychoHistoryError], int], ...] = (
    (InvalidInput, 422),
    (ServerBusy, 503),
    (TooLate, 503),
    (EngineFault, 502),
    (ForecastFailed, 500),
    (ForecastError, 500),
)
_ANSWERS = {
    401: {"description": "No valid key."},
    413: {"description": "The request is too large."},
    422: {"description": "Something in the request is wrong; the message says what."},
    429: {"description": "Too many trees a minute; Retry-After says when."},
    502: {"description": "The server of the language model cannot be used."},
    503: {"description": "The line is full, or no level was known in time; Retry-After says when."},
}


def make_app(
    settings: ServeSettings,
    inference: ProbabilityTreeInference,
    *,
    clock: Callable[[], float] = time.time,
    ticks: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """The application over a model that is ready; `app.state.gate` makes one-time tokens, `app.state.trees.stop()`
    ends what is being made. `clock` gives seconds since 1970, `ticks` monotonic ones."""
    trees = TreeService(
        inference,
        TreeCache(settings.cache, settings.cache_bytes, clock),
        settings.seconds,
        settings.waiting,
        ticks,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        trees.close()

    app = FastAPI(
        title="PsychoHistory forecasts",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.settings, app.state.inference, app.state.trees = settings, inference, trees
    app.state.gate = Gate(settings.keys, clock)
    app.state.buckets = TokenBuckets(settings.a_minute, settings.burst, ticks)
    app.include_router(_open)
    app.include_router(_guarded)
    app.add_middleware(Doorkeeper, settings=settings)
    app.add_middleware(Counted, metrics=trees.metrics)
    app.add_exception_handler(PsychoHistoryError, _project_error)
    app.add_exception_handler(AnyHTTPException, _refusal)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    return app


_open = APIRouter()
_guarded = APIRouter(dependencies=[Depends(known)])


@_open.get("/health")
def health() -> dict[str, str]:
    """Whether the server answers; its model is ready before it listens."""
    return {"status": "ok"}


@_open.get("/static/{name}", include_in_schema=False)
def static(name: str) -> Response:
    """A file of the page."""
    return static_file(name)


@_open.get("/enter", include_in_schema=False)
def enter(request: Request, token: str = "") -> Response:
    """Take a one-time token from a link and give a session for it."""
    return _entered(
        request, request.app.state.gate.enter_once(token), "This link is not valid, or was used before."
    )


@_open.post("/enter", include_in_schema=False)
async def enter_with_key(request: Request) -> Response:
    """Take a key from the form and give a session for it."""
    key = parse_qs((await request.body()).decode("utf-8", "replace")).get("key", [""])[0]
    return _entered(request, request.app.state.gate.enter(key.strip()), "This key is not known here.")


def _entered(request: Request, session: str | None, refusal: str) -> Response:
    if session is None:
        return page("enter.html", 401, message=refusal)
    answer = page("welcome.html")
    secure = request.app.state.settings.secure
    answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


@_guarded.get("/", include_in_schema=False)
def index(request: Request) -> Response:
    """The page that asks for a tree and draws it."""
    settings: ServeSettings = request.app.state.settings
    return page(
        "index.html",
        csrf=getattr(request.state, "csrf", ""),
        model=request.app.state.inference.name,
        notice=settings.notice,
        depth=str(settings.depth),
        branches=str(settings.branches),
    )


@_guarded.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> JSONResponse:
    """The description of the API."""
    return JSONResponse(request.app.openapi())


@_guarded.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    return Response(request.app.state.trees.metrics.text(), headers={"content-type": CONTENT_TYPE})


def _asked(request: Request, body: TreeRequest) -> tuple[Question, Effort]:
    """The question of a request, once its holder may ask again."""
    pause = request.app.state.buckets.take(request.state.holder)
    if pause:
        raise HTTPException(
            429, f"Too many trees; ask again in {pause} seconds.", {"retry-after": str(pause)}
        )
    settings: ServeSettings = request.app.state.settings
    question = body.question(settings.depth, settings.branches)
    check_question(question)
    if body.seed is None:
        return question, settings.effort
    return question, replace(settings.effort, sampling=replace(settings.effort.sampling, seed=body.seed))


Asked = Annotated[tuple[Question, Effort], Depends(_asked)]


@_guarded.post("/generate_tree", response_model=ProbabilityTree, responses=_ANSWERS)  # type: ignore[arg-type]
async def generate_tree(request: Request, asked: Asked) -> Response:
    """The tree of what may follow an event. `complete` is false where time ran out; `x-tree-cache` says hit or miss."""
    trees: TreeService = request.app.state.trees
    found = await trees.tree(*asked, request.is_disconnected)
    return Response(
        found.tree.model_dump_json(),
        media_type="application/json",
        headers={"x-tree-cache": "hit" if found.cached else "miss"},
    )


@_guarded.post("/generate_tree/stream", response_class=StreamingResponse, responses=_ANSWERS)  # type: ignore[arg-type]
async def stream_tree(request: Request, asked: Asked) -> Response:
    """The same, level by level: one JSON object a line, `event` is `level`, at last `tree` or `error`."""
    trees: TreeService = request.app.state.trees
    events = trees.stream(*asked)
    first = await anext(events)  # what fails before the first level is an answer with a status of its own
    return StreamingResponse(_lines(first, events), media_type=NDJSON)


async def _lines(first: Event, rest: AsyncGenerator[Event, None]) -> AsyncIterator[str]:
    yield line(first)
    try:
        async with aclosing(rest):
            async for event in rest:
                yield line(event)
    except PsychoHistoryError as fault:
        yield fault_line(_status(fault), str(fault))


def _status(fault: PsychoHistoryError) -> int:
    return next((code for kind, code in _STATUS if isinstance(fault, kind)), 500)


def _told(kind: str, message: str, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": kind, "message": message}, status, headers)


async def _project_error(_: Request, fault: Exception) -> Response:
    if not isinstance(fault, PsychoHistoryError):
        raise fault
    status = _status(fault)
    return _told(
        type(fault).__name__, str(fault), status, {"retry-after": str(PAUSE_S)} if status == 503 else None
    )


async def _refusal(request: Request, fault: Exception) -> Response:
    if not isinstance(fault, AnyHTTPException):
        raise fault
    if request.url.path == "/" and fault.status_code == 401:
        return page("enter.html", 401, message="")
    if fault.status_code == 400:  # what FastAPI says of bytes that are no text
        return _told("InvalidInput", NO_JSON, 422)
    headers = dict(fault.headers or {})
    return _told("Refused", str(fault.detail), fault.status_code, headers)


async def _wrong_request(_: Request, fault: Exception) -> Response:
    if not isinstance(fault, RequestValidationError):
        raise fault
    return _told("InvalidInput", sentence(fault.errors()), 422)
