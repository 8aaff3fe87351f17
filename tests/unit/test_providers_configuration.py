"""Addresses, limits and keys: shipped file, user's file, environment; and what each provider lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.fetching.buckets import HostLimit
from agents.fetching.result import FetchProblem
from agents.providers.base import ProviderFailure
from agents.providers.configuration import load, url_variable, user_file
from agents.providers.registry import Outages, build
from corpus.errors import InvalidFile, InvalidInput
from tests.webclients import web_client


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """An environment whose user file does not exist unless the test writes it."""
    return {"PSYCHOHISTORY_HOSTS": str(tmp_path / "hosts.toml"), **more}


def test_the_shipped_file_names_every_service_and_stays_under_the_published_limits(tmp_path: Path) -> None:
    shipped = load(environment(tmp_path, PSYCHOHISTORY_CONTACT="me@example.org"))
    assert shipped.hosts["en.wikipedia.org"].per_minute <= 0.8 * 200
    assert shipped.hosts["en.wikipedia.org"].parallel <= 3
    assert shipped.hosts["web.archive.org/cdx"].per_minute <= 0.8 * 30
    assert shipped.hosts["web.archive.org"].per_minute <= 0.8 * 600
    assert shipped.hosts["api.gdeltproject.org"].per_minute <= 0.9 * 12
    assert shipped.hosts["api.search.brave.com"].per_minute <= 0.8 * 60
    assert shipped.hosts["api.manifold.markets"].per_minute <= 0.8 * 500
    assert shipped.settings().user_agent == "PsychoHistory/0.1.0 (me@example.org)"


def test_without_a_contact_wikipedia_is_asked_slowly(tmp_path: Path) -> None:
    limit = load(environment(tmp_path)).hosts["en.wikipedia.org"]
    assert (limit.per_minute, limit.parallel, limit.burst) == (8, 1, 1)


def test_the_users_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text(
        '[settings]\nallow = ["127.0.0.1:8080"]\n[services]\nsearxng = "http://127.0.0.1:8080/"\n'
        '[hosts."127.0.0.1"]\nper_minute = 6000\n'
    )
    found = load(environment(tmp_path))
    assert found.services["searxng"] == "http://127.0.0.1:8080"
    assert found.services["fred"] == "https://api.stlouisfed.org"
    assert found.allow == ("127.0.0.1:8080",)
    assert found.hosts["127.0.0.1"] == HostLimit(6000, parallel=2, burst=2, pause_after_429_s=60)


def test_the_environment_comes_last(tmp_path: Path) -> None:
    changed = environment(
        tmp_path, PSYCHOHISTORY_FRED_URL="http://mirror.example/", PSYCHOHISTORY_ALLOW="10.0.0.0/8, ::1"
    )
    found = load(changed)
    assert found.services["fred"] == "http://mirror.example"
    assert found.allow == ("10.0.0.0/8", "::1")
    assert url_variable("world_bank") == "PSYCHOHISTORY_WORLD_BANK_URL"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[services]\nfrod = 'x'", "services.frod is not known"),
        ("[extra]\na = 1", "extra is not known"),
        ("[settings]\nkey = 'x'", "settings.key is not known"),
        ("[hosts.'a.example']\nper_second = 1", "may only name"),
        ("[hosts.'a.example']\nper_minute = 0", "must be above 0"),
        ("[hosts.'a.example']\nper_minute = 'fast'", "must be numbers"),
        ("[services", "is not a TOML file"),
    ],
)
def test_a_wrong_file_is_one_clear_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "hosts.toml").write_text(text)
    with pytest.raises(InvalidFile, match=said):
        load(environment(tmp_path))


def test_a_wrong_address_or_allow_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="PSYCHOHISTORY_EXA_URL"):
        load(environment(tmp_path, PSYCHOHISTORY_EXA_URL="ftp://x"))
    with pytest.raises(InvalidInput, match="no address to allow"):
        load(environment(tmp_path, PSYCHOHISTORY_ALLOW="10.0.0.0/99"))
    with pytest.raises(InvalidFile, match="cannot be read"):
        load({}, tmp_path / "missing.toml")


def test_the_users_file_lies_in_the_configuration_folder() -> None:
    assert user_file({}).name == "hosts.toml"
    assert user_file({"PSYCHOHISTORY_HOSTS": "/x/y.toml"}) == Path("/x/y.toml")


def test_providers_without_key_or_address_say_what_to_set_and_are_left_out(tmp_path: Path) -> None:
    registry = build(load(environment(tmp_path)), web_client(), {"BRAVE_API_KEY": "k"})
    assert [search.info.name for search in registry.searches()] == ["brave", "gdelt"]
    lines = registry.missing()
    assert "searxng: has no address; set PSYCHOHISTORY_SEARXNG_URL." in lines
    assert "fred: has no key; set FRED_API_KEY." in lines
    assert registry.fact_checks is None
    assert registry.wikipedia is not None
    assert registry.wayback is not None
    assert {source.info.name for source in registry.forecasts()} == {"polymarket", "manifold", "spf"}
    assert {source.info.name for source in registry.lists()} == {"wikipedia", "gdelt"}


def test_outages_are_counted_by_provider_with_the_last_reason() -> None:
    outages = Outages()
    for reason in ("first", "second"):
        outages.note(ProviderFailure("gdelt", FetchProblem.TIMEOUT, reason))
    assert outages.lines() == ["gdelt failed 2 times, last: second"]
