"""A real Chromium for tests of served pages: what it complains of, what it can read, and pictures of what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ARTEFACTS = Path(__file__).resolve().parents[1] / "artefacts"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
HERE = Path(__file__).parent
CONTRAST = (HERE / "contrast.js").read_text()
"""Texts whose contrast with their ground is below 4.5, and fields whose border's is below 3, with the ratio."""
UNLABELLED = (HERE / "unlabelled.js").read_text()
"""Controls without a name."""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed browser, else Playwright's own."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=program)
        yield started
        started.close()


class Watched:
    """A page with all that it complained of: errors in its console, dialogs, requests that leave this machine."""

    def __init__(self, context: BrowserContext) -> None:
        self.faults: list[str] = []
        self.page = context.new_page()
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.page.on("request", lambda asked: self._asked(asked.url))

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname != "127.0.0.1":
            self.faults.append(f"asked for {url}")


def picture(page: Page, folder: str, name: str, *, whole: bool = False) -> None:
    """Keep a picture of a page as a build artefact."""
    (ARTEFACTS / folder).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTEFACTS / folder / f"{name}.png", full_page=whole)


def check_readable(page: Page, name: str) -> None:
    """Enough contrast, a name for every control, one heading of the first level, no sideways scrolling."""
    for script in (CONTRAST, UNLABELLED):
        found = page.evaluate(script)
        assert found == [], (name, found)
    assert page.locator("h1").count() == 1, name
    assert page.evaluate(SIDEWAYS) <= 0, name


FOCUS = """() => {
  const on = document.activeElement, box = on.getBoundingClientRect();
  const at = (x, y) => {
    const top = document.elementFromPoint(box.x + box.width * x, box.y + box.height * y);
    return top && (on.contains(top) || top.contains(on));
  };
  const open = [0.1, 0.5, 0.9].some((x) => [0.1, 0.5, 0.9].some((y) => at(x, y)));
  return { what: on.outerHTML.slice(0, 120), outline: getComputedStyle(on).outlineWidth, open };
}"""


def check_focus_is_seen(page: Page, name: str, tabs: int = 1) -> None:
    """Whatever the Tab key reaches has an outline and is not hidden behind a bar (WCAG 2.2, 2.4.7 and 2.4.11)."""
    for _ in range(tabs):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        assert found["outline"] == "3px", (name, found)
        assert found["open"], (name, found)
