"""The parts of the server of trees that need no server: keys, buckets, metrics, exposure, the list's expression."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidFile, InvalidInput
from training.list_grammar import parse, regex
from training.serve.access import Gate
from training.serve.keys import KeyRing, hashed, keys_of_variable, read_keys, write_keys
from training.serve.limits import TokenBuckets
from training.serve.metrics import TREE_BUCKETS_S, Metrics
from training.serve.settings import ServeSettings, check_exposure

ONE = KeyRing({"ann": hashed("a" * 20)})


def test_a_key_is_found_by_its_hash_and_kept_nowhere(tmp_path: Path) -> None:
    ring, key = KeyRing().with_new("ann")
    assert (ring.whose(key), ring.whose(key + "x"), ring.whose("")) == ("ann", None, None)
    assert len(key) >= 32
    file = tmp_path / "keys.txt"
    write_keys(file, ring)
    assert key not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_keys(file).whose(key) == "ann"
    ring, other = ring.with_new("ben")
    assert {ring.whose(key), ring.whose(other)} == {"ann", "ben"}
    ring, newer = ring.with_new("ann")
    assert (ring.whose(key), ring.whose(newer)) == (None, "ann")


def test_keys_of_the_environment() -> None:
    ring = keys_of_variable(f" ann:{'a' * 20}, ben:{'b:' * 10} ,")
    assert ring.names == {"ann", "ben"}
    assert ring.whose("b:" * 10) == "ben"
    assert keys_of_variable("").names == frozenset()
    with pytest.raises(InvalidInput, match="'ann' has 5 characters; 20 are the least"):
        keys_of_variable("ann:short")
    with pytest.raises(InvalidInput, match="'ann' stands twice"):
        keys_of_variable(f"ann:{'a' * 20},ann:{'b' * 20}")
    with pytest.raises(InvalidInput, match="'a b' is no name"):
        keys_of_variable(f"a b:{'a' * 20}")
    with pytest.raises(InvalidInput, match="in the file and in"):
        ONE.joined(ring)


@pytest.mark.parametrize(
    "line", ["ann", "ann 12", f"../x {'0' * 64}", f"ann {'0' * 64}\nann {'1' * 64}", "é " + "0" * 64]
)
def test_a_key_file_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(line)
    with pytest.raises(InvalidFile, match=r"keys.txt, line \d"):
        read_keys(file)
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_keys(tmp_path / "none.txt")


@given(st.lists(st.floats(0, 40), max_size=60))
def test_no_key_gets_more_than_its_rate_and_its_burst(gaps: list[float]) -> None:
    now, taken = [0.0], 0
    buckets = TokenBuckets(30, 4, lambda: now[0])
    for gap in gaps:
        now[0] += gap
        pause = buckets.take("ann")
        taken += pause == 0
        if pause:
            now[0] += pause
            assert buckets.take("ann") == 0
            taken += 1
    assert taken <= 4 + now[0] / 2 + 1e-6
    assert buckets.take("ben") == 0


@given(st.lists(st.floats(0, 1000), max_size=30))
def test_the_histogram_counts_every_tree_once(seconds: list[float]) -> None:
    metrics = Metrics({"waiting": ("In line.", lambda: 2.0)})
    for value in seconds:
        metrics.took(value)
    buckets = [int(n) for n in re.findall(r'_bucket\{le="[^"]+"\} (\d+)', metrics.text())]
    assert buckets == [sum(value <= bound for value in seconds) for bound in (*TREE_BUCKETS_S, float("inf"))]
    assert f"psychohistory_tree_seconds_count {len(seconds)}\n" in metrics.text()
    assert "psychohistory_waiting 2\n" in metrics.text()


def test_a_label_cannot_break_a_line() -> None:
    metrics = Metrics({})
    metrics.count("requests", route='a"b\\c\nd', status="200")
    assert 'route="a\\"b\\\\c\\nd",status="200"} 1\n' in metrics.text()


@pytest.mark.parametrize(
    ("host", "tls", "proxy", "keys", "message"),
    [
        ("127.0.0.1", False, None, KeyRing(), ""),
        ("::1", False, None, KeyRing(), ""),
        ("127.0.0.1", False, "http://127.0.0.1:80", KeyRing(), ""),
        ("10.0.0.5", True, None, ONE, ""),
        ("0.0.0.0", True, "https://forecasts.example.org", ONE, ""),
        ("127.0.0.1", False, "https://forecasts.example.org", ONE, ""),
        ("10.0.0.5", False, None, ONE, "10.0.0.5 can be reached by other machines; add --tls-cert"),
        ("0.0.0.0", True, None, ONE, "0.0.0.0 is no address that people type"),
        ("10.0.0.5", True, None, KeyRing(), "there is no API key"),
        ("127.0.0.1", False, "https://forecasts.example.org", KeyRing(), "there is no API key"),
        ("127.0.0.1", False, "http://forecasts.example.org", ONE, "is no https address"),
        ("example.org", False, None, ONE, "example.org can be reached"),
    ],
)
def test_other_machines_need_keys_and_tls(
    host: str, tls: bool, proxy: str | None, keys: KeyRing, message: str
) -> None:
    if not message:
        check_exposure(host, tls=tls, proxy=proxy, keys=keys)
        return
    with pytest.raises(InvalidInput, match=re.escape(message)):
        check_exposure(host, tls=tls, proxy=proxy, keys=keys)


def test_accepted_names() -> None:
    local = ServeSettings("http://127.0.0.1:8766", ONE).hosts
    assert local == {"127.0.0.1:8766", "localhost:8766", "[::1]:8766"}
    public = ServeSettings("https://forecasts.example.org", ONE)
    assert public.hosts == {"forecasts.example.org", "forecasts.example.org:443"}
    assert public.secure


@given(st.text(max_size=60))
def test_a_forged_session_lets_nobody_in(cookie: str) -> None:
    assert Gate(ONE, lambda: 0.0).whose_session(cookie) is None


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=2, max_size=10)
begun = st.builds(lambda first, rest: first + rest, st.sampled_from(string.ascii_letters), texts)


@given(st.lists(begun, min_size=1, max_size=4))
def test_the_expression_fits_lists_and_nothing_else(lines: list[str]) -> None:
    pattern = re.compile(regex(4, 11))
    written = "".join(f"{letter}) {text}\n" for letter, text in zip("ABCD", lines, strict=False))
    assert pattern.fullmatch(written)
    assert not pattern.fullmatch(written + "E) one more\n")
    assert not pattern.fullmatch(written.replace("A) ", "B) ", 1))
    assert not pattern.fullmatch(written[:-1])
    assert len(parse(written)) >= sum(text.isprintable() for text in lines)
