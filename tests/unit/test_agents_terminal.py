"""Pages for the terminal: text stays text."""

from __future__ import annotations

import io

from rich.console import Console

from corpus.commandline import printable
from corpus.terminal import case_page, table
from corpus.validation import validate
from tests.builders import SECOND_SOURCE, level, quote, sound_case


def shown(case, width: int = 100) -> str:  # type: ignore[no-untyped-def]
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(case_page(case, validate(case)))
    return out.getvalue()


def test_a_page_shows_chain_bars_quotes_and_links() -> None:
    page = shown(sound_case())
    assert "The Bank of Ruritania raises its rate by 50 basis points" in page
    assert "2019-05-02" in page
    assert "2 months later" in page
    assert "As of 2019-03-10: which of these happens first, by 2022-03-10?" in page
    assert "██████" in page
    assert "25 %" in page
    assert "did not happen by the horizon" in " ".join(page.split())
    assert "courier.example.org/crown" in page.replace("\n", "")


def test_a_summary_is_not_shown_as_a_quotation() -> None:
    page = shown(sound_case())
    assert "“The Bank" not in page
    assert "[The Bank of Ruritania raises its rate" in page


def test_each_quotation_stands_behind_the_letter_of_its_candidate() -> None:
    happened, other = level().candidates
    refuted = other.model_copy(update={"evidence": (quote(SECOND_SOURCE, "The crown", start=11),)})
    lines = shown(sound_case(outcomes=(level(candidates=(happened, refuted)),))).splitlines()
    letters = [line.split()[0] for line in lines if line.startswith("   ") and "[The" in line]
    assert letters == ["A", "[The", "B"]


def test_where_nothing_followed_the_quotations_stand_behind_z() -> None:
    nothing = level(event=None, date=None, candidates=level().candidates[1:])
    lines = shown(sound_case(outcomes=(nothing,))).splitlines()
    assert next(line.split()[0] for line in lines if "[The Ruritanian crown" in line) == "Z"


def test_open_problems_are_named() -> None:
    page = shown(sound_case(outcomes=(level(evidence=()),)))
    assert "Open problems: 1 to mend" in page
    assert "the outcome has no source" in page


def test_control_characters_and_markup_are_text() -> None:
    hostile = "A\x1b[31mred\x07 \u202edrawkcab [bold]x[/bold]"
    assert printable(hostile) == "A[31mred drawkcab [bold]x[/bold]"
    page = shown(sound_case(seed_event=hostile))
    assert "\x1b" not in page
    assert "[bold]x[/bold]" in page


def test_tables_take_text_as_text() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(table("t", ["a"], [["[red]x"]]))
    assert "[red]x" in out.getvalue()
