"""Prices, worst cases and settings of models."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.journal import dollars, nanousd
from agents.models.prices import Price, add, load, price_of
from agents.models.settings import ModelSettings, api_key, key_variable
from corpus.errors import InvalidFile, InvalidInput


def test_costs_are_whole_nano_dollars_rounded_up() -> None:
    price = Price("m", "", Decimal("0.15"), Decimal("0.60"))
    assert price.cost_nanousd(1_000_000, 0) == nanousd("0.15")
    assert price.cost_nanousd(1, 1) == 750
    assert Price("m", "", Decimal("0.0000001"), Decimal(0)).cost_nanousd(1, 0) == 1


def test_kept_prompt_tokens_have_a_price_of_their_own() -> None:
    plain, cached = Price("m", "", Decimal(2), Decimal(10)), Decimal("0.1")
    kept = Price("m", "", Decimal(2), Decimal(10), cached_input_usd=cached, cache_write_usd=Decimal("2.5"))
    assert plain.cost_nanousd(1_000, 0, cached_tokens=600) == plain.cost_nanousd(1_000, 0)
    assert kept.cost_nanousd(1_000_000, 0, cached_tokens=600_000) == nanousd("1.06")
    assert kept.cost_nanousd(10, 0, cached_tokens=50) == 1_000, "no more tokens are kept than were sent"


@given(st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 5_000))
def test_the_worst_case_covers_every_kind_of_prompt_token(size: int, kept: int, output: int) -> None:
    price = Price(
        "m", "", Decimal(1), Decimal(5), cached_input_usd=Decimal("0.05"), cache_write_usd=Decimal("1.25")
    )
    assert price.worst_case_nanousd(size, output) >= price.cost_nanousd(size, output, kept)


@given(st.text(max_size=300), st.integers(0, 5000))
def test_the_worst_case_is_never_less_than_a_token_a_byte(text: str, output: int) -> None:
    price = Price("m", "", Decimal("2.50"), Decimal("10"))
    raw = text.encode()
    assert price.worst_case_nanousd(len(raw), output) >= price.cost_nanousd(len(raw), output)


def test_every_shipped_price_names_its_page_and_day(tmp_path: Path) -> None:
    table = load({"PSYCHOHISTORY_PRICES": str(tmp_path / "none.toml")})
    assert table.prices
    for price in table.prices:
        assert price.source.startswith("https://"), price.model
        assert len(price.checked) == 10, price.model


def test_the_users_price_comes_first_and_replaces_itself(tmp_path: Path) -> None:
    place = {"PSYCHOHISTORY_PRICES": str(tmp_path / "deep" / "prices.toml")}
    add(price_of("gpt-6-luna", "api.openai.com", "1", "2", 'a "source"', "2026-01-01"), place)
    add(price_of("gpt-6-luna", "api.openai.com", "3", "4", "b\nc", "2026-01-02"), place)
    add(price_of("own", "", "0", "0", "", ""), place)
    kept = replace(price_of("kept", "", "2", "10", "", ""), cached_input_usd=Decimal("0.1"))
    add(kept, place)
    add(price_of("own", "", "0", "0", "", ""), place)
    assert kept in load(place).prices
    table = load(place)
    found = table.price(ModelSettings("gpt-6-luna"))
    assert found is not None
    assert (found.input_usd, found.source) == (Decimal(3), "b\nc")
    free = table.price(ModelSettings("own", "http://127.0.0.1:8000/v1"))
    assert free is not None
    assert free.cost_nanousd(10, 10) == 0


def test_a_price_counts_for_its_host_only(tmp_path: Path) -> None:
    table = load({"PSYCHOHISTORY_PRICES": str(tmp_path / "none.toml")})
    assert table.price(ModelSettings("gpt-6-luna", "http://127.0.0.1:1/v1")) is None
    assert table.price(ModelSettings("unheard-of")) is None


@pytest.mark.parametrize("text", ["-1", "free", "nan", "inf", ""])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no price"):
        price_of("m", "", text, "1", "", "")


@pytest.mark.parametrize(
    "text",
    ["[[prices]]\nmodel = 'x'", "prices = 3", "[[prices", "[[prices]]\nmodel='x'\ninput='-1'\noutput='1'"],
)
def test_a_broken_table_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(InvalidFile, match=r"prices\.toml"):
        load({"PSYCHOHISTORY_PRICES": str(path)})


@given(st.integers(0, 10**12))
def test_dollars_are_written_for_people(nano: int) -> None:
    assert dollars(nano).startswith("$")


def test_keys_come_from_the_customary_variables() -> None:
    assert key_variable("https://api.openai.com/v1") == "OPENAI_API_KEY"
    assert key_variable("https://openrouter.ai/api/v1") == "OPENROUTER_API_KEY"
    assert key_variable("http://127.0.0.1:8000/v1") == "PSYCHOHISTORY_API_KEY"
    assert api_key("https://api.openai.com/v1", {"PSYCHOHISTORY_API_KEY": "k"}) == "k"
    assert api_key("http://127.0.0.1:8000/v1", {"OPENAI_API_KEY": "not for others"}) == ""


def test_settings_are_checked_and_never_show_the_key() -> None:
    with pytest.raises(InvalidInput, match="--base-url is wrong"):
        ModelSettings("m", "localhost:8000")
    with pytest.raises(InvalidInput, match="--model is empty"):
        ModelSettings(" ")
    settings = ModelSettings("m", api_key="hush")
    assert "hush" not in repr(settings)
    assert "hush" not in repr(settings.record())
