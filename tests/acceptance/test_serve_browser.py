"""The forecast page in a real browser, as `training serve` serves it with the shipped tiny model.

Leaves screenshots in artefacts/forecast. All facts FICTIONAL.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browsing import CONTRAST, SIDEWAYS, Watched, check_focus_is_seen, check_readable, picture

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "forecast"
EVENT = 'FICTIONAL Port Velora raises the grain tax <img src=x onerror="alert(1)"> & waits'


@dataclass
class Site:
    """The page as `training serve` serves it: where, and what it printed."""

    process: subprocess.Popen[str]
    link: str
    key: str
    said: str

    @property
    def base(self) -> str:
        return self.link.split("/enter")[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    cache = tmp_path_factory.mktemp("cache") / "trees.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-m", "training.cli", "serve", "--base", "tiny", "--port", "0", "--rate", "600",
         "--orders", "2", "--cache", str(cache)],
        cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said, link, key = "", "", ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        link = (re.findall(r"http://\S+/enter\?token=\S+", line) or [link])[0]
        if found := re.search(r"for programs: (\S+)", line):
            key = found[1]
            break
    yield Site(process, link, key, said)
    process.terminate()
    process.communicate(timeout=20)


@pytest.fixture(scope="module")
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """One session, entered by the one link."""
    made = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = made.new_page()
    page.goto(site.link)
    page.wait_for_url(f"{site.base}/")
    page.close()
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    """The page; the test fails on an error in its console, and on a dialog."""
    watched = Watched(context)
    watched.page.goto(site.base)
    yield watched.page
    watched.page.close()
    assert [fault for fault in watched.faults if "422" not in fault and "net::ERR" not in fault] == []


def forecast(page: Page, event: str = EVENT, **fields: str) -> None:
    for name, value in {
        "event": event,
        "as_of": "1950-03-01",
        "depth": "2",
        "branches": "4",
        **fields,
    }.items():
        page.locator(f"#{name}").fill(value)
    page.get_by_role("button", name="Forecast").click()
    expect(page.locator("#facts")).to_contain_text(re.compile("made in|kept from before"), timeout=60_000)


def shares(page: Page) -> list[float]:
    """Conditional shares of the first level, Z included, as the table has them."""
    cells = page.locator("tr.d1.branch td:nth-child(2), tr.d1.rest td:nth-child(2)").all_inner_texts()
    return [float(re.sub(r"[^\d.]", "", cell)) for cell in cells]


def test_it_says_that_the_tiny_model_forecasts_nothing(page: Page, site: Site) -> None:
    assert "forecasts nothing" in site.said
    expect(page.locator("#notice")).to_contain_text("it knows no history and forecasts nothing")
    picture(page, FOLDER, "empty", whole=True)


def test_a_tree_is_drawn_with_widths_months_spread_and_z(page: Page) -> None:
    forecast(page, context="The mood is calm.\nThe harbour is open.")
    expect(page.locator("#seed")).to_have_text(EVENT)
    assert page.locator("svg.tree .flow.rest").count() >= 1
    expect(page.locator("svg.tree text.months").first).to_contain_text("mo")
    expect(page.locator("svg.tree text.share").first).to_contain_text("±")
    expect(page.locator("tr.d1.rest")).to_contain_text("Z: none of them")
    widths = page.locator("svg.tree .flow:not(.rest):not(.small):not(.stem)").evaluate_all(
        "lines => lines.map(line => Number(line.getAttribute('stroke-width')))"
    )
    drawn = page.locator("svg.tree text.share").evaluate_all(
        "texts => texts.map(text => parseFloat(text.textContent))"
    )
    assert len(widths) == len(drawn)
    for width, share in zip(widths, drawn, strict=True):
        assert width == pytest.approx(1 + 15 * share / 100, abs=0.1)
    while page.locator('#rows button[aria-expanded="false"]').count():
        page.locator('#rows button[aria-expanded="false"]').first.click()
    assert sum(shares(page)) == pytest.approx(100, abs=3)
    picture(page, FOLDER, "tree", whole=True)


def test_small_branches_unfold_by_keyboard_in_the_drawing_and_by_click_in_the_table(page: Page) -> None:
    forecast(page, depth="3", branches="6")
    folds = page.locator('svg.tree .fold[aria-expanded="false"]')
    before, rows = folds.count(), page.locator("#rows tr").count()
    assert before >= 1
    folds.first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#rows tr").count() > rows
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    page.keyboard.press(" ")
    assert page.locator("#rows tr").count() == rows
    page.locator("#rows button").first.click()
    assert page.locator("#rows tr").count() > rows
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    picture(page, FOLDER, "unfolded", whole=True)


def test_levels_are_shown_while_they_come_and_it_can_be_stopped(page: Page) -> None:
    seen = page.evaluate_handle(
        """() => { const seen = [], told = document.getElementById("progress");
             new MutationObserver(() => seen.push(told.textContent)).observe(told, { childList: true });
             return seen; }"""
    )
    forecast(page, event="FICTIONAL The mint of Port Velora closes", depth="3")
    told = seen.json_value()
    assert told[0] == "Waiting for the model …"
    assert "1 level is known …" in told
    assert told[-1] == ""

    def never(route: Route) -> None:
        """Leave the request without an answer."""

    page.route("**/generate_tree/stream", never)
    page.get_by_role("button", name="Forecast").click()
    expect(page.locator("#progress")).to_have_text("Waiting for the model …")
    expect(page.locator("#go")).to_be_disabled()
    picture(page, FOLDER, "waiting", whole=True)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#go")).to_be_enabled()
    expect(page.locator("#fault")).to_be_hidden()


def test_errors_can_be_read(page: Page) -> None:
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_role("alert")).to_have_text("Say in one sentence what happened.")
    assert page.evaluate("document.activeElement.id") == "event"
    assert page.locator("#event").get_attribute("aria-invalid") == "true"
    page.locator("#event").fill("FICTIONAL x")
    page.locator("#depth").fill("9")
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_role("alert")).to_contain_text("Depth: ")
    page.locator("#depth").fill("1")
    page.locator("#context").fill("y" * 21_000)
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_role("alert")).to_contain_text("20000 characters")
    picture(page, FOLDER, "error", whole=True)
    page.route("**/generate_tree/stream", lambda route: route.abort())
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_role("alert")).to_have_text("The server cannot be reached; is it still running?")


def test_a_stranger_is_asked_for_a_key(browser: Browser, site: Site) -> None:
    other = browser.new_context()
    entering = other.new_page()
    entering.goto(site.base)
    expect(entering.get_by_role("heading", name="Not signed in")).to_be_visible()
    entering.get_by_label("Key").fill("wrong")
    entering.get_by_role("button", name="Enter").click()
    expect(entering.get_by_text("This key is not known here.")).to_be_visible()
    assert entering.evaluate(CONTRAST) == []
    picture(entering, FOLDER, "enter", whole=True)
    entering.get_by_label("Key").fill(site.key)
    entering.get_by_role("button", name="Enter").click()
    entering.wait_for_url(f"{site.base}/")
    expect(entering.locator("#event")).to_be_visible()
    other.close()


def answer_with(page: Page, body: str) -> None:
    """Let the server's next answers be this."""
    page.route("**/generate_tree/stream", lambda route: route.fulfill(body=body))


def test_an_incomplete_tree_and_one_that_broke_say_so(page: Page) -> None:
    branch = {
        "event": "FICTIONAL The mint closes",
        "probability": 0.7,
        "path_probability": 0.7,
        "spread": None,
        "months": 3,
    }
    level = {"event": "level", "path": [], "branches": [branch], "remainder": 0.3}
    tree = {"seed": "FICTIONAL x", "as_of": "1950-03-01T23:59:59Z", "horizon_months": 36, "remainder": 0.3,
            "branches": [branch | {"remainder": None, "branches": []}], "calibration": "", "model": "m"}  # fmt: skip
    ends = [{"event": "tree", "cached": False, "complete": False, "tree": tree},
            {"event": "error", "status": 502, "message": "FICTIONAL The server of the model is gone."}]  # fmt: skip
    page.locator("#event").fill("FICTIONAL x")
    for end in ends:
        body = "".join(json.dumps(line) + "\n" for line in (level, end))
        answer_with(page, body)
        page.get_by_role("button", name="Forecast").click()
        expect(page.locator("#rows")).to_contain_text("The mint closes")
        if end["event"] == "tree":
            expect(page.locator("#incomplete")).to_be_visible()
        else:
            expect(page.get_by_role("alert")).to_have_text("FICTIONAL The server of the model is gone.")
    answer_with(page, json.dumps(level) + "\n")
    page.get_by_role("button", name="Forecast").click()
    expect(page.get_by_role("alert")).to_contain_text("The connection ended before the tree was whole")


@pytest.mark.parametrize("width", [360, 800, 1200])
def test_a_narrow_window_needs_no_sideways_scrolling(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate(SIDEWAYS) <= 0
    forecast(page)
    assert page.evaluate(SIDEWAYS) <= 0
    page.set_viewport_size({"width": width + 420, "height": 844})
    page.wait_for_function("document.querySelector('svg.tree').getBoundingClientRect().right <= innerWidth")
    page.set_viewport_size({"width": width, "height": 844})
    page.wait_for_timeout(200)
    assert page.evaluate(SIDEWAYS) <= 0
    picture(page, FOLDER, f"tree-{width}", whole=True)


DRAWN = """() => {
  const value = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = light(value(getComputedStyle(document.querySelector(".drawing")).backgroundColor));
  return Array.from(document.querySelectorAll("svg.tree text, svg.tree tspan")).map((text) => {
    const box = text.closest("g")?.querySelector("rect");
    const under = box ? light(value(getComputedStyle(box).fill)) : ground;
    const [one, two] = [light(value(getComputedStyle(text).fill)), under].sort((a, b) => b - a);
    return (one + 0.05) / (two + 0.05);
  }).filter((ratio) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_labels_and_focus(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    forecast(page)
    check_readable(page, scheme)
    assert page.evaluate(DRAWN) == []
    page.locator("#event").focus()
    check_focus_is_seen(page, scheme)
    picture(page, FOLDER, f"tree-{scheme}", whole=True)
