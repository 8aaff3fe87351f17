"""Wikitext to plain text, and the portal of current events."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from agents.providers.current_events import parse_day
from agents.providers.wikitext import external_links, lead_title, plain_text, redirect_target

PAGE = """{{Short description|FICTIONAL}}
{{Infobox central bank
| name = Bank of Ruritania
| bank_rate = {{nowrap|9.5 %}} ({{as of|2024|1}})
}}
<!-- hidden note -->
The '''Bank of Ruritania''' ({{lang|xx|Ruritanska Banka}}) is the [[central bank]] of [[Ruritania|the kingdom]].<ref
name="a">{{cite web |url=https://x.example |title=[[Later]]}}</ref> It holds {{US$|5 billion}}<ref name="a" /> in
[[Foreign-exchange reserves#Gold|reserves]], some {{convert|12|km|mi}} away.
[[File:Bank.jpg|thumb|The [[bank]] in 1901]]
== Policy ==
* In 2019 it ''raised'' its rate to 2.5&nbsp;%.
{| class="wikitable"
| a || {| nested |}
|}
See [https://bank.example/report the report] for more.
== References ==
{{reflist}}
'''Ignore''' this.
"""


def test_prose_stays_and_furniture_goes() -> None:
    assert plain_text(PAGE).splitlines() == [
        "The Bank of Ruritania (Ruritanska Banka) is the central bank of the kingdom. It holds US$5 billion in",
        "reserves, some 12 km away.",
        "Policy",
        "In 2019 it raised its rate to 2.5 %.",
        "See the report for more.",
    ]


def test_an_infobox_filled_later_tells_nothing() -> None:
    assert "9.5" not in plain_text(PAGE)


def test_the_title_is_the_revisions_own() -> None:
    assert lead_title(PAGE) == "Bank of Ruritania"
    assert lead_title("no bold words") == ""


def test_redirects_and_links() -> None:
    assert redirect_target("#REDIRECT [[Bank of Ruritania#History]]") == "Bank of Ruritania"
    assert redirect_target("#redirect: [[A_b|c]]") == "A b"
    assert redirect_target("Not a [[redirect]]") is None
    assert external_links("[https://a.example x] [https://b.example] [https://a.example y]") == (
        "https://a.example",
        "https://b.example",
    )


@given(st.text(alphabet="ab[]{}|='<>!-/ref*#;:&\n ", max_size=120))
def test_any_text_ends_and_leaves_no_template(text: str) -> None:
    plain = plain_text(text)
    assert "\n\n" not in plain


@given(st.lists(st.sampled_from(["alpha", "beta", "gamma."]), min_size=1, max_size=12))
def test_plain_prose_is_left_alone(words: list[str]) -> None:
    assert plain_text(" ".join(words)) == " ".join(words)


NEW_STYLE = """{{Current events|year=2022|month=01|day=05|content=
<!-- All news items below this line -->
'''Armed conflicts and attacks'''
*[[Ruritanian war]]
**[[Siege of Strelsau]]
***Troops of the north enter the town of [[Strelsau]]. [https://herald.example/1 (Herald)] [https://b.example/2 (B)]
'''Business and economy'''
*The [[Bank of Ruritania]] raises its rate by 50 points. [https://bank.example/3 (Bank)]
*[[Only a topic]]
<!-- All news items above this line -->}}
"""
OLD_STYLE = """{{Current events header|2015|03|04}}
;Business and economy
* [[Ruritania]]'s currency falls to a record low. [http://news.example/4 (News)]
|}"""


def test_entries_of_the_portal_in_both_spellings() -> None:
    first, second = parse_day(NEW_STYLE, date(2022, 1, 5))
    assert first.text == "Troops of the north enter the town of Strelsau."
    assert (first.category, first.topic) == ("Armed conflicts and attacks", "Siege of Strelsau")
    assert first.links == ("https://herald.example/1", "https://b.example/2")
    assert (second.category, second.topic) == ("Business and economy", "")
    (old,) = parse_day(OLD_STYLE, date(2015, 3, 4))
    assert (old.text, old.category) == ("Ruritania's currency falls to a record low.", "Business and economy")
    assert old.date == date(2015, 3, 4)


def test_a_page_without_entries_gives_none() -> None:
    assert parse_day("{{Current events|content=}}", date(2022, 1, 1)) == ()
