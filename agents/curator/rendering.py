"""Templates: autoescaping always on, text made visible, pictures and words for closed vocabularies."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from agents.curator import drawing
from agents.curator.text import visible, web_address
from agents.curator.wording import METHODS, moment, part, percent, where
from corpus.case import Availability, Fate

HTMX = "htmx-2.0.11.min.js"
_FATES = {
    Fate.REFUTED: "did not happen by the horizon",
    Fate.HAPPENED_LATER: "happened later",
    Fate.ALSO_HAPPENED: "also happened",
    Fate.UNRESOLVED: "unresolved",
    None: "fate not checked",
}
_PROOFS = {
    Availability.ARCHIVE_CAPTURE: "a copy in a web archive",
    Availability.REVISION: "a dated revision of the page",
    Availability.CHECKED_PUBLICATION: "two independent signs of its publication date",
    Availability.DECLARED: "the declaration of the local archive alone",
    Availability.UNDATED: "nothing",
}


@cache
def environment() -> Environment:
    """The template environment; undefined names are errors, so that no typing error shows as a blank."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "visible": visible, "part": part, "where": where, "coded": coded, "moment": moment, "percent": percent,
        "words": lambda name: str(name).replace("_", " "),
        "share": lambda value: percent(None if value is None else round(value * 10_000)),
    }  # fmt: skip
    made.globals |= {
        "stacked_bar": drawing.stacked_bar, "axis_node": drawing.axis_node, "axis_gap": drawing.axis_gap,
        "gap_words": drawing.gap_words, "web_address": web_address, "fates": _FATES, "proofs": _PROOFS,
        "methods": METHODS, "new_key": lambda: secrets.token_urlsafe(12), "htmx": HTMX,
    }  # fmt: skip
    return made


def coded(text: object) -> Markup:
    """A message with what stands between backticks set as code."""
    parts = visible(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner
        return escape(visible(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts)
    )


def page(request: Request, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A rendered template with what every page needs."""
    known = {
        "curator": getattr(request.state, "curator", None),
        "csrf": getattr(request.state, "csrf", ""),
        "path": request.url.path,
    }
    return HTMLResponse(environment().get_template(template).render(known | dict(values)), status)


def is_htmx(request: Request) -> bool:
    """Whether the script asks, which takes a fragment or a redirect by header."""
    return request.headers.get("hx-request") == "true"


def go(request: Request, address: str) -> Response:
    """Send the browser to another page after a change."""
    if is_htmx(request):
        return Response(status_code=200, headers={"HX-Redirect": address})
    return Response(status_code=303, headers={"Location": address})


def notice(request: Request, message: str, status: int, address: str = "/") -> HTMLResponse:
    """What went wrong, as a fragment for the script or as a page."""
    template = "_notice.html" if is_htmx(request) else "message.html"
    answer = page(request, template, {"message": message, "address": address}, status)
    if is_htmx(request):  # whatever the form aims at, what was typed into it stays
        answer.headers["HX-Retarget"], answer.headers["HX-Reswap"] = "#notice", "innerHTML"
    return answer
