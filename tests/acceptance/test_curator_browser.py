"""The review page in a real browser: by keyboard alone, in two tabs, without a connection, in a narrow window.

Leaves a screenshot of each page in artefacts/review. All facts FICTIONAL.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from corpus.case import ContextFact, Status
from corpus.dates import EventDate
from db.curators import Curators
from db.mapping import Event
from db.repository import Cases
from db.runs import Runs
from db.session import open_store
from tests.browsing import SIDEWAYS, Watched, check_focus_is_seen, check_readable, picture
from tests.commands import free_port
from tests.reviewing import ANN, put
from tests.storing import case

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "review"
SAVED = re.compile(r"/cases/\w+(\?saved=.*)?$")


@dataclass
class Site:
    """The review page as `agents review` serves it."""

    base: str
    file: Path
    arguments: list[str]
    process: subprocess.Popen[str]

    def link(self) -> str:
        """A new personal link."""
        store = open_store(self.file)
        token = Curators(store).replace_token(ANN)
        store.close()
        return f"{self.base}/enter?token={token}"

    def decided(self, case_id: str) -> list[Event]:
        """The decisions on a case."""
        store = open_store(self.file)
        found = [event for event in Cases(store).history(case_id) if event.kind.value != "stored"]
        store.close()
        return found

    def status(self, case_id: str) -> Status:
        """What has become of a case."""
        store = open_store(self.file)
        found = Cases(store).get(case_id).case.status
        store.close()
        return found

    def research_again(self, case_id: str) -> None:
        """A run comes to a case and finds what was there before."""
        store = open_store(self.file)
        runs = Runs(store)
        run = runs.create({}, {}, program="0", commit="")
        runs.add_seeds(run.run_id, [("seed", {})])
        claim = runs.claim(run.run_id)
        assert claim is not None
        runs.finish_seed(claim, Cases(store).get(case_id).case)
        store.close()

    def stop(self) -> None:
        """Kill the server as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def start(self) -> None:
        """Serve the same store at the same address."""
        self.process = _serve(self.arguments)


def _serve(arguments: list[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "agents.cli", "review", "--name", ANN, *arguments],
        cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(r"http://\S+/enter\?token=\S{30,}", line):
            return process
    raise RuntimeError("the server ended without a link")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    file = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("site") / "cases.sqlite"))
    store = open_store(file)
    for n in range(16):
        put(store, case(f"FICTIONAL rate rise {n} in Ruritania", "2019-03-10"))
    month = case("FICTIONAL rate rise by month", "2019-03-10")
    level = month.outcomes[0].model_copy(update={"date": EventDate.parse("2019-05")})
    words = "<img src=x onerror=alert(1)> {{ 7*7 }} \u202egnp.exe"
    hostile = (*month.context, ContextFact(text=words))
    put(store, month.model_copy(update={"outcomes": (level,), "context": hostile}))
    store.close()
    port = free_port()
    arguments = ["--db", str(file), "--port", str(port)]
    made = Site(f"http://127.0.0.1:{port}", file, arguments, _serve(arguments))
    yield made
    made.stop()


def entered(browser: Browser, site: Site, **window: int) -> tuple[BrowserContext, Watched]:
    size = {"width": window.get("width", 1440), "height": window.get("height", 900)}
    context = browser.new_context(viewport=size)  # type: ignore[arg-type]
    watched = Watched(context)
    watched.page.goto(site.link())
    watched.page.wait_for_url("**/cases/**")
    return context, watched


def opened(page: Page) -> str:
    found = re.search(r"/cases/(\w+)", page.url)
    assert found
    return found[1]


def press(page: Page, key: str) -> None:
    """Press a key that leads to another page, and wait for it."""
    before = page.url
    page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before and "/cases/" in url)
    page.wait_for_load_state("load")


def test_three_cases_by_keyboard_alone(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    page = watched.page
    first = opened(page)
    page.keyboard.press("n")
    page.keyboard.press("n")
    expect(page.locator("#evidence h2")).to_contain_text("crown")
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    picture(page, FOLDER, "keyboard")
    page.keyboard.press("Escape")
    press(page, "a")
    second = opened(page)
    page.keyboard.press("x")
    page.keyboard.type("dup")
    press(page, "Enter")
    third = opened(page)
    page.keyboard.press("w")
    page.keyboard.type("find a second source")
    press(page, "Enter")
    assert [site.status(c) for c in (first, second, third)] == [
        Status.APPROVED,
        Status.REJECTED,
        Status.NEEDS_WORK,
    ]
    assert site.decided(second)[0].details["reason"] == "duplicate"
    assert site.decided(third)[0].reason == "find a second source"
    fourth = opened(page)
    press(page, "u")
    assert (opened(page), site.status(third)) == (third, Status.PENDING)
    press(page, "s")
    assert opened(page) == fourth
    press(page, "j")
    press(page, "k")
    page.keyboard.press("Backspace")
    assert opened(page) == fourth
    press(page, "e")
    expect(page.locator("h1")).to_have_text("Edit")
    picture(page, FOLDER, "edit")
    assert watched.faults == []
    context.close()


def test_keys_can_be_turned_off(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    page, first = watched.page, opened(watched.page)
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys are on in this browser").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("a")
    page.wait_for_timeout(400)
    assert (opened(page), site.status(first)) == (first, Status.PENDING)
    context.close()


def test_probabilities_are_given_rescaled_and_saved(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    page, case_id = watched.page, opened(watched.page)
    picture(page, FOLDER, "case-before-own-estimate")
    expect(page.locator(".points").first).to_have_text("after yours")
    shares = page.locator("input.share")
    for n, value in enumerate(("30", "50", "5")):
        shares.nth(n).fill(value)
    expect(page.locator(".total output")).to_have_text("85")
    page.get_by_role("button", name="Save my estimate").click()
    expect(page.locator(".shares .fault")).to_contain_text("exactly 100 %")
    page.get_by_role("button", name="Rescale to 100 %").click()
    expect(page.locator(".total output")).to_have_text("100")
    page.get_by_role("button", name="Save my estimate").click()
    expect(page.locator(".points").first).to_contain_text("%")
    picture(page, FOLDER, "case-after-own-estimate")
    store = open_store(site.file)
    values = [c.estimates[-1].value for c in Cases(store).get(case_id).case.outcomes[0].candidates]
    store.close()
    assert values == [0.353, 0.5882]
    assert [fault for fault in watched.faults if "422" not in fault] == []
    context.close()


def test_two_tabs_that_edit_one_case_meet_in_a_merge(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    one, case_id = watched.page, opened(watched.page)
    two = context.new_page()
    for page in (one, two):
        page.goto(f"{site.base}/cases/{case_id}/edit")
    one.locator("[name=summary]").fill("FICTIONAL summary of the first tab")
    one.get_by_role("button", name="Save", exact=True).click()
    one.wait_for_url(SAVED)
    two.locator("[name=summary]").fill("FICTIONAL summary of the second tab")
    two.locator("[name='context[0].text']").fill("FICTIONAL fact of the second tab")
    two.get_by_role("button", name="Save", exact=True).click()
    expect(two.locator("h1")).to_have_text("Two people edited this case")
    picture(two, FOLDER, "merge")
    two.get_by_label("yours: FICTIONAL summary of the second tab").check()
    two.get_by_role("button", name="Store the merged case").click()
    two.wait_for_url(SAVED)
    expect(two.locator("header.seed")).to_contain_text("FICTIONAL summary of the second tab")
    expect(two.locator(".context")).to_contain_text("FICTIONAL fact of the second tab")
    one.goto(f"{site.base}/cases/{case_id}/history")
    expect(one.locator(".history > li").nth(1)).to_contain_text("FICTIONAL summary of the first tab")
    picture(one, FOLDER, "history")
    context.close()


def test_a_decision_in_an_old_tab_is_told_what_changed(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    page, case_id = watched.page, opened(watched.page)
    other = context.new_page()
    other.goto(f"{site.base}/cases/{case_id}/edit")
    other.locator("[name=summary]").fill("FICTIONAL newer summary")
    other.get_by_role("button", name="Save", exact=True).click()
    other.wait_for_url(SAVED)
    page.bring_to_front()
    page.keyboard.press("a")
    expect(page.locator("h1")).to_have_text("The case has changed since you opened it")
    picture(page, FOLDER, "stale")
    assert site.status(case_id) is Status.PENDING
    page.get_by_role("button", name="Approve the newest").click()
    page.wait_for_url(lambda url: case_id not in url)
    assert site.status(case_id) is Status.APPROVED
    context.close()


def test_a_lost_connection_and_a_closed_tab_lose_nothing(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    page, case_id = watched.page, opened(watched.page)
    page.goto(f"{site.base}/cases/{case_id}/edit")
    page.locator("[name=summary]").fill("FICTIONAL draft that must not be lost")
    page.close()
    again = context.new_page()
    again.goto(f"{site.base}/cases/{case_id}/edit")
    expect(again.locator("[name=summary]")).to_have_value("FICTIONAL draft that must not be lost")
    expect(again.locator("#draft-banner")).to_contain_text("A draft of")
    context.set_offline(True)
    again.get_by_role("button", name="Save", exact=True).click()
    expect(again.locator("#connection")).to_be_visible()
    picture(again, FOLDER, "no-connection")
    context.set_offline(False)
    again.wait_for_url(SAVED, timeout=15_000)
    expect(again.locator("header.seed")).to_contain_text("FICTIONAL draft that must not be lost")
    again.goto(f"{site.base}/cases/{case_id}/edit")
    expect(again.locator("#draft-banner")).to_be_hidden()
    context.close()


def test_a_decision_sent_into_a_dead_server_is_there_once_after_its_restart(
    browser: Browser, site: Site
) -> None:
    context, watched = entered(browser, site)
    page, case_id = watched.page, opened(watched.page)
    site.stop()
    page.keyboard.press("a")
    expect(page.locator("#connection")).to_be_visible()
    site.start()
    deadline = time.monotonic() + 20
    while site.status(case_id) is not Status.APPROVED and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    page.wait_for_url(lambda url: case_id not in url)
    assert [event.after for event in site.decided(case_id)] == [Status.APPROVED]
    context.close()


def test_hostile_text_does_nothing_in_a_browser(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    page = watched.page
    page.get_by_role("link", name="FICTIONAL rate rise by month").first.click()
    expect(page.locator(".context li").nth(1)).to_have_text(
        "<img src=x onerror=alert(1)> {{ 7*7 }} ⟨U+202E⟩gnp.exe"
    )
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.wait_for_timeout(300)
    picture(page, FOLDER, "hostile")
    assert watched.faults == []
    context.close()


@pytest.mark.parametrize("width", [390, 900])
def test_a_narrow_window_needs_no_sideways_scrolling(browser: Browser, site: Site, width: int) -> None:
    context, watched = entered(browser, site, width=width, height=844)
    page = watched.page
    at = page.url
    pages = {"case": at, "edit": f"{at}/edit"}
    pages |= {name: f"{site.base}/{name}" for name in ("overview", "new", "guidelines")}
    for name, path in pages.items():
        page.goto(path)
        assert page.evaluate(SIDEWAYS) <= 0, name
        picture(page, FOLDER, f"{name}-{width}")
    assert watched.faults == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_labels_and_focus(browser: Browser, site: Site, scheme: str) -> None:
    context, watched = entered(browser, site)
    page = watched.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    at = page.url
    for name, path in (("case", f"{at}?reveal=1"), ("edit", f"{at}/edit"), ("history", f"{at}/history"),
                       ("overview", f"{site.base}/overview"), ("guidelines", f"{site.base}/guidelines"),
                       ("new", f"{site.base}/new"), ("empty", f"{site.base}/?status=draft"),
                       ("message", f"{site.base}/cases/nothing")):  # fmt: skip
        page.goto(path)
        check_readable(page, name)
        levels = page.locator("h1,h2,h3,h4").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
        assert levels[0] == 1, name
        assert all(below - above <= 1 for above, below in pairwise(levels)), (name, levels)
        assert [page.get_by_role(role).count() for role in ("banner", "main")] == [1, 1], name  # type: ignore[arg-type]
        assert page.get_by_role("navigation", name="Pages").count() == 1, name
        if name in ("case", "edit"):
            assert page.locator("#notice[aria-live=polite]").count() == 1, name
        check_focus_is_seen(page, name, tabs=70 if name in ("case", "edit") else 6)
        picture(page, FOLDER, f"{name}-{scheme}", whole=name != "case")
    context.close()


def test_a_stranger_is_told_where_a_link_comes_from(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    for path in ("/", "/enter?token=used-before"):
        page.goto(f"{site.base}{path}")
        expect(page.get_by_role("heading", name="Not signed in")).to_be_visible()
        expect(page.get_by_role("navigation")).to_have_count(0)
        check_readable(page, path)
    picture(page, FOLDER, "refused")
    context.close()


def test_a_case_that_was_sent_back_says_so_when_a_run_has_answered(browser: Browser, site: Site) -> None:
    context, watched = entered(browser, site)
    page, case_id = watched.page, opened(watched.page)
    page.keyboard.press("w")
    page.keyboard.type("find a second source")
    press(page, "Enter")
    site.research_again(case_id)
    page.goto(f"{site.base}/cases/{case_id}")
    expect(page.get_by_role("note")).to_contain_text("Researched again: the same was found.")
    picture(page, FOLDER, "sent-back")
    assert watched.faults == []
    context.close()
