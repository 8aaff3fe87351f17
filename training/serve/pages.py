"""The two HTML pages: the entrance, and the page that asks for a tree and draws it. What is filled in is escaped."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from string import Template

from starlette.responses import FileResponse, HTMLResponse, Response

FOLDER = Path(__file__).parent
STATIC_FILES = {
    "forecast.css": "text/css",
    "forecast.js": "text/javascript",
    "tree.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@cache
def _template(name: str) -> Template:
    return Template((FOLDER / "templates" / name).read_text(encoding="utf-8"))


def page(name: str, status: int = 200, **values: str) -> HTMLResponse:
    """A page with its values filled in, as text."""
    shown = {key: escape(value) for key, value in values.items()}
    return HTMLResponse(_template(name).substitute(shown), status)


def static_file(name: str) -> Response:
    """One of the few files of the page, by name."""
    if name not in STATIC_FILES:
        return Response(status_code=404)
    return FileResponse(FOLDER / "static" / name, media_type=STATIC_FILES[name])
