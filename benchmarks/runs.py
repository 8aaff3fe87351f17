"""Runs of many seeds through the real command: memory, resuming, and kill -9 at random moments.

    python -m benchmarks.runs [--seeds 2000] [--kills 20]

Makes a FICTIONAL archive with as many dated events as seeds are wanted (each told by two papers, followed by a
later event, and preceded by an expectation), runs `agents run` on it as a subprocess, and measures: wall time,
CPU time, peak resident memory; the time that resuming the finished run takes; and, over many kills at random
moments, whether the cases at the end are those of an unbroken run, each once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from agents.archive import Archive
from agents.archive_records import read_lines

STEMS = "Bel Dor Fal Gar Hul Jor Kal Lor Mar Nor Pel Ror Sal Tor Ulm Var Wer Zel".split()
ENDINGS = "avia onia istan and mark burg ville ford mouth polis".split()
PLACES = [a + b for a in STEMS for b in ENDINGS]


def fictional_lines(events: int) -> list[bytes]:
    dice, rows = random.Random(3), []
    for n in range(events):
        place, bank = PLACES[n % len(PLACES)], f"Bank of {PLACES[n % len(PLACES)]}"
        day = date(2015, 1, 5) + timedelta(days=(n * 13) % 2900)
        later = day + timedelta(days=dice.randint(20, 300))
        points, fall = dice.choice((25, 50, 75, 100)), dice.randint(2, 19)
        stories = [
            (day - timedelta(days=4), "odds", f"Economists put a {dice.randint(5, 90)} % chance on the {bank} raising "
             f"its interest rate. Analysts in {place} expect the currency of {place} to fall against the dollar."),
            (day + timedelta(days=1), "rate", f"The {bank} raised its interest rate by {points} basis points on "
             f"{day:%d %B %Y} to curb inflation in {place}. Item {n}."),
            (day + timedelta(days=1), "step", f"The central bank of {place}, the {bank}, raised the interest rate by "
             f"{points} basis points on {day:%d %B %Y}. Note {n}."),
            (later + timedelta(days=1), "fall", f"The currency of {place} fell {fall} percent against the dollar on "
             f"{later:%d %B %Y}, after the {bank} had raised its interest rate. Line {n}."),
        ]  # fmt: skip
        for k, (published, name, text) in enumerate(stories):
            url = f"https://paper{k}.example.{('com', 'org', 'net', 'info')[k]}/{n}/{name}"
            rows.append({"url": url, "title": f"FICTIONAL {place}", "text": text, "published_at": str(published),
                         "text_kind": "summary"})  # fmt: skip
    return [(json.dumps(row) + "\n").encode() for row in rows]


class Bench:
    def __init__(self, folder: Path, seeds: int) -> None:
        self.folder, self.seeds = folder, seeds
        self.archive = folder / "archive.sqlite"
        with Archive.open(self.archive) as archive:
            archive.add(read_lines(fictional_lines(seeds), "fictional"))  # type: ignore[arg-type]

    def command(self, *words: str, db: str) -> list[str]:
        stores = ["--db", str(self.folder / db), "--json"]
        return [sys.executable, "-m", "agents.cli", *words, "--archive", str(self.archive), *stores]

    def run_words(self) -> list[str]:
        return [
            "run",
            "--period",
            "2014-2024",
            "--domains",
            "economics",
            "--num-cases",
            str(self.seeds),
            "--max-depth",
            "2",
        ]

    def start(self, words: list[str]) -> subprocess.Popen[str]:
        environment = os.environ | {"HOME": str(self.folder)}
        return subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )

    def timed(self, words: list[str]) -> tuple[dict, float, float, float]:
        """Output, wall seconds, CPU seconds, peak MB of one command."""
        began = time.monotonic()
        process = self.start(words)
        assert process.stdout is not None
        text = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        return (
            json.loads(text),
            time.monotonic() - began,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
        )


def whole(bench: Bench) -> None:
    found, wall, cpu, peak = bench.timed(bench.command(*bench.run_words(), db="whole.sqlite"))
    print(
        f"{len(found['cases'])} cases of {bench.seeds} wanted: {wall:.0f} s wall, {cpu:.0f} s CPU, peak {peak:.0f} MB"
    )
    again, wall, cpu, peak = bench.timed(bench.command("resume", "last", db="whole.sqlite"))
    assert len(again["cases"]) == len(found["cases"])
    print(f"resuming the finished run: {wall:.1f} s wall, {cpu:.1f} s CPU, peak {peak:.0f} MB")


def killed(bench: Bench, kills: int) -> None:
    expected = bench.timed(bench.command(*bench.run_words(), db="unbroken.sqlite"))[0]
    dice, process, begun = (
        random.Random(11),
        bench.start(bench.command(*bench.run_words(), db="killed.sqlite")),
        0,
    )
    time.sleep(12)  # past the imports and the seeds: a run killed before it has seeds is simply begun anew
    for _ in range(kills):
        time.sleep(dice.uniform(0.5, 6.0))
        begun += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        process = bench.start(bench.command("resume", "last", db="killed.sqlite"))
    process.communicate()
    final = bench.timed(bench.command("resume", "last", db="killed.sqlite"))[0]
    want, got = sorted(c["case_id"] for c in expected["cases"]), sorted(c["case_id"] for c in final["cases"])
    lost, doubled = len(set(want) - set(got)), len(got) - len(set(got))
    print(f"{kills} kills ({begun} hit a running process): {len(want)} cases expected, {lost} lost, {doubled} doubled, "
          f"{len(set(got) - set(want))} others")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kill-seeds", type=int, default=300)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        whole(Bench(Path(folder), arguments.seeds))
    with tempfile.TemporaryDirectory() as folder:
        killed(Bench(Path(folder), arguments.kill_seeds), arguments.kills)


if __name__ == "__main__":
    main()
