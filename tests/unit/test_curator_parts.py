"""Small parts of the review page: shown text, addresses, per cents, pictures, exposure. All facts FICTIONAL."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.commands.review import accepted_hosts, check_exposure
from agents.curator import rendering
from agents.curator.drawing import axis_gap, axis_node, bars, corpus_timeline, gap_words, stacked_bar
from agents.curator.editing import percent
from agents.curator.guidelines import Guidelines
from agents.curator.places import place_in, value_at
from agents.curator.rendering import coded
from agents.curator.text import quote_address, visible, web_address
from agents.curator.weighing import Shares, rescaled
from agents.curator.wording import part, where
from corpus.case import FULL_BP, Case
from corpus.dates import EventDate
from corpus.errors import InvalidInput
from tests.builders import level, sound_case
from tests.strategies import cases

TEMPLATES = Path(rendering.__file__).parent / "templates"
STATIC = TEMPLATES.parent / "static"
HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


@given(st.text(max_size=300))
def test_nothing_unseen_is_shown(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in HIDDEN and c not in "\n\t"]
    if all(unicodedata.category(c) not in HIDDEN for c in text):
        assert shown == text


@given(st.text(max_size=60))
def test_only_web_addresses_are_followed(text: str) -> None:
    for address in (text, f"javascript:{text}", f"data:text/html,{text}", f" https://a.example/{text}"):
        found = web_address(address)
        assert found is None or found.lower().startswith(("http://", "https://"))


def test_a_quotation_is_found_by_the_browser() -> None:
    at = quote_address("https://a.example/x#top", "the 25-year rate, at last")
    assert at == "https://a.example/x#:~:text=the%2025%2Dyear%20rate%2C%20at%20last"
    long = quote_address("https://a.example/x", " ".join(f"w{n}" for n in range(40)))
    assert long is not None
    assert ",w32" in long.replace("%20", " ")
    assert quote_address("javascript:alert(1)", "x") is None


def test_per_cents() -> None:
    assert [percent(text) for text in ("62.5", "62,5 %", " 100", "0", "0.01")] == [6250, 6250, 10_000, 0, 1]
    for wrong in ("", "-1", "100.5", "1e2", "50.123", "nan", "٥٠%%"):
        with pytest.raises(InvalidInput, match="no per cent"):
            percent(wrong)


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=6).filter(any))
def test_rescaling_gives_exactly_all(points: list[int]) -> None:
    scaled = rescaled(Shares(tuple(points), {}))
    assert scaled.total == FULL_BP
    assert scaled.complete
    assert all(value == 0 for value, given_ in zip(scaled.points, points, strict=True) if given_ == 0)


def test_pictures_hold_no_markup_of_texts_and_draw_what_is_not_known() -> None:
    evil = "<script>alert(1)</script>"
    assert "<script" not in bars({evil: 3})
    assert "<script" not in corpus_timeline([(EventDate.parse("2019").first_day, evil, "pending")])
    assert 'class="band"' not in axis_node(EventDate.parse("2019-05-02"), 1)
    month, year = axis_node(EventDate.parse("2019-05"), 1), axis_node(EventDate.parse("2019"), 1)
    assert 'height="24"' in month
    assert 'height="88"' in year
    near, far = EventDate.parse("2019-05-02"), EventDate.parse("2021-05-02")
    assert 'height="14"' in axis_gap(near, near)
    assert 'height="87"' in axis_gap(near, far)
    assert gap_words(near, far) == "2.0 years later"
    assert gap_words(EventDate.parse("2015-07-03"), EventDate.parse("2016-07-21")) == "12 months later"
    assert gap_words(near, EventDate.parse("2019-05-03")) == "1 day later"
    assert gap_words(None, near) == ""
    bar = stacked_bar(level())
    assert bar.count("<rect") == 3
    assert "25 %, 55 %, 20 %" in bar


def test_guidelines_show_raw_html_as_text_and_name_their_version() -> None:
    text = Guidelines("# Rules\n<script>alert(1)</script>\n[x](javascript:alert(1))")
    assert "<script" not in text.html()
    assert 'href="javascript' not in text.html()
    assert text.version != Guidelines("# Rules").version


@pytest.mark.parametrize(
    ("host", "tls", "proxy"),
    [
        ("0.0.0.0", False, None), ("192.168.1.5", False, None), ("::", False, None), ("a.example.org", False, None),
        ("127.0.0.1", False, "http://review.example.org"), ("0.0.0.0", False, "review.example.org"),
    ],
)  # fmt: skip
def test_other_machines_are_not_served_in_the_clear(host: str, tls: bool, proxy: str | None) -> None:
    with pytest.raises(InvalidInput):
        check_exposure(host, tls=tls, proxy=proxy)


def test_what_may_be_served() -> None:
    for host, tls, proxy in (
        ("127.0.0.1", False, None), ("localhost", False, None), ("::1", False, None), ("0.0.0.0", True, None),
        ("0.0.0.0", False, "https://review.example.org"), ("0.0.0.0", False, "http://127.0.0.1:8765"),
    ):  # fmt: skip
        check_exposure(host, tls=tls, proxy=proxy)
    assert accepted_hosts("http://127.0.0.1:8765", 8765) == {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}
    assert accepted_hosts("https://review.example.org", 8765) == {
        "review.example.org",
        "review.example.org:443",
    }


def tree(**changes: object) -> dict[str, object]:
    return sound_case(**changes).model_dump(mode="json")


def test_a_part_is_found_by_what_it_is_and_not_by_its_number() -> None:
    base = sound_case()
    first = base.outcomes[0]
    happened, other = first.candidates
    third = other.model_copy(update={"text": "The crown stays where it is"})
    old = tree(outcomes=(first.model_copy(update={"candidates": (happened, other, third)}),))
    without = tree(outcomes=(first.model_copy(update={"candidates": (happened, third)}),))
    at = "outcomes[0].candidates[{}].text"
    assert place_in(old, without, at.format(2)) == at.format(1)
    assert place_in(old, without, at.format(1)) is None
    reworded = other.model_copy(update={"text": "The crown gains"})
    edited = tree(outcomes=(first.model_copy(update={"candidates": (happened, reworded, third)}),))
    assert place_in(old, edited, at.format(1)) == at.format(1)
    replaced = tree(outcomes=(first.model_copy(update={"candidates": (happened, third, reworded)}),))
    assert place_in(old, replaced, at.format(1)) is None, "an added part is not taken for an edited one"
    assert place_in(old, tree(outcomes=()), at.format(0)) is None
    assert place_in(old, old, "summary") == "summary"


@given(cases(max_depth=2))
def test_in_an_unchanged_case_every_part_keeps_its_place(case: Case) -> None:
    whole = case.model_dump(mode="json")
    for i, outcome in enumerate(case.outcomes):
        for k in range(len(outcome.candidates)):
            path = f"outcomes[{i}].candidates[{k}]"
            assert value_at(whole, place_in(whole, whole, path) or "") == value_at(whole, path)


def test_a_changed_part_is_told_in_words() -> None:
    assert part({"text": "a fact", "evidence": []}) == "a fact"
    priced = {"method": "market", "value": 0.5, "low": None, "venue": "", "as_of": "2019-03-10T23:59:59Z"}
    assert part(priced) == "market 50 % as of 2019-03-10"
    assert part(priced | {"venue": "Exchange"}) == "market 50 % by Exchange as of 2019-03-10"
    assert part(2512, "outcomes[0].remainder.probability_bp") == "25.12 %"
    assert part(0.125, "outcomes[0].remainder.estimates[0].low") == "12.5 %"
    assert part({"role": "refutes", "start": None}) == "role refutes"
    assert [part(value) for value in (None, "", 0, "x")] == ["nothing", "nothing", "0", "x"]


def test_a_place_is_told_in_words() -> None:
    for path, said in (
        ("summary", "summary"), ("seed_event", "seed"), ("seed_evidence[0].exact", "seed, quotation 1, words"),
        ("outcomes[0].candidates[1].estimates[2].value", "depth 1, candidate 2, estimate 3, value"),
        ("outcomes[1].remainder.probability_bp", "depth 2, Z, pooled probability"),
        ("context[0].text", "fact 1, text"), ("happened[0]", "depth 1"), ("add.candidate[0]", "added, depth 1"),
        ("remove.context[3]", "removed, fact 4"), ("sources[0].published_at", "source 1, published at"),
    ):  # fmt: skip
        assert where(path) == said


def test_commands_in_a_message_are_set_as_code_and_nothing_else_is() -> None:
    assert coded("There is none; `agents list` shows <all>.") == (
        "There is none; <code>agents list</code> shows &lt;all&gt;."
    )
    assert coded("`<script>`") == "<code>&lt;script&gt;</code>"
    assert coded("an odd ` here") == "an odd ` here"


def test_the_keys_are_those_of_the_sheet_and_backspace_is_none() -> None:
    """Also: each key that changes something is a control of the page."""
    script = (STATIC / "review.js").read_text()
    table = script[script.index("const actions = {") : script.index('document.addEventListener("keydown"')]
    bound = set(re.findall(r'^\s+"?([a-z?])"?:|(?<=, )([a-z]): \(\)', table, re.M))
    keys = {one or other for one, other in bound}
    shown = (TEMPLATES / "base.html").read_text()
    sheet = re.findall(r'\("([^"]+)", "[a-z]', shown[shown.index('class="keys"') :])
    assert keys == {key for pair in sheet for key in pair.split(" / ")} == set("jknpaexwsu?")
    assert "Backspace" not in script
    assert "history.back" not in script
    page = (TEMPLATES / "review.html").read_text() + (TEMPLATES / "_undo.html").read_text()
    assert all(f'data-key="{key}"' in page for key in "jkaexws")
    assert """taken(decisions[0], "u")""" in page
