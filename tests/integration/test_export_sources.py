"""Source addresses of a snapshot are asked once, politely, and a stopped check goes on where it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agents.source_check import Checked, Standing, check_addresses, read_answers, settled, source_addresses
from corpus.snapshot import SnapshotInfo, write_snapshot
from tests.builders import sound_case, source
from tests.servers.loopback import NOT_FOUND, Answer, LoopbackServer, Seen, page
from tests.webclients import web_client


def answers(seen: Seen) -> Answer:
    if seen.path == "/robots.txt":
        return Answer(b"User-agent: *\nDisallow: /closed", content_type="text/plain")
    if seen.path == "/gone":
        return NOT_FOUND
    return Answer(b"", status=503) if seen.path == "/busy" else page("<html>here</html>")


def check(server: LoopbackServer, urls: list[str], file: Path) -> list[Checked]:
    async def go() -> list[Checked]:
        async with web_client(server.peer) as client:
            return await check_addresses(client, urls, file)

    return asyncio.run(go())


def test_each_address_is_asked_once_and_what_is_unclear_again(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    with LoopbackServer(answers) as server:
        urls = [f"{server.url}/{name}" for name in ("fine", "gone", "closed", "busy")]
        found = check(server, urls, file)
        assert [c.standing for c in found] == [
            Standing.ANSWERS,
            Standing.GONE,
            Standing.REFUSED,
            Standing.UNCLEAR,
        ]
        assert not any(seen.path == "/closed" for seen in server.seen)
        whole = file.read_bytes()
        file.write_bytes(whole + b'{"url": "http://cut')  # a crash in the middle of a line
        known = read_answers(file)
        assert set(known) == set(urls)
        left = [url for url in urls if url not in settled(list(known.values()))]
        assert left == [urls[3]]
        check(server, left, file)
        assert file.read_bytes().startswith(whole)
        assert read_answers(file)[urls[3]].standing is Standing.UNCLEAR
        assert sum(seen.path == "/fine" for seen in server.seen) == 1


def test_addresses_of_a_snapshot_are_listed_once(tmp_path: Path) -> None:
    one = sound_case()
    extra = source("https://third.example.com/x", "FICTIONAL", "2019-01-01")
    other = one.model_copy(update={"case_id": "c2", "sources": (*one.sources, extra)})
    write_snapshot(tmp_path / "s", [one, other], SnapshotInfo({}))
    assert len(source_addresses(tmp_path / "s")) == 5
