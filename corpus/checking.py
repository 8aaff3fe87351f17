"""Checking a whole snapshot: every case by the rules, every file against the others, in flat memory.

Lines are read in pieces and validated by several processes; what is kept of a case is its id and its seed's
hash. Whether a snapshot can be gamed is the audit's question (`corpus.audit`).
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import islice, zip_longest
from pathlib import Path

from pydantic import ValidationError

from corpus.case import Case, Status
from corpus.identity import canonical_json, fold, tagged_hash
from corpus.problems import Code, Problem, Severity, error
from corpus.snapshot import CANDIDATES, CASES, Snapshot, candidate_record, read_snapshot
from corpus.splits import Split
from corpus.validation import validate

PIECE = 100
"""Cases a worker gets at a time."""
ALONE_UP_TO = 300
"""Cases up to which starting further processes costs more than it saves."""
EXAMPLES = 5
"""Findings kept of each kind."""


@dataclass(frozen=True)
class LineReport:
    """What one line of `cases.jsonl` turned out to be."""

    number: int
    case_id: str
    seed_key: str
    levels: int
    domain: str
    problems: tuple[Problem, ...] = ()
    faults: tuple[str, ...] = ()
    """What is wrong with the line as a part of a snapshot."""


@dataclass
class Findings:
    """Everything found in one snapshot; examples are kept up to `EXAMPLES` of each kind."""

    cases: int = 0
    errors: int = 0
    warnings: int = 0
    codes: Counter[Code] = field(default_factory=Counter)
    examples: dict[Code, list[tuple[str, Problem]]] = field(default_factory=dict)
    """Code → (case id, problem)."""
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0
    small_strata: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing bars the use of the snapshot."""
        return not self.errors and not self.fault_count

    def fault(self, message: str) -> None:
        """Note a fault of the snapshot."""
        self.fault_count += 1
        if len(self.faults) < 4 * EXAMPLES:
            self.faults.append(message)

    def problem(self, case_id: str, found: Problem) -> None:
        """Note a problem of a case."""
        self.codes[found.code] += 1
        if found.severity is Severity.ERROR:
            self.errors += 1
        else:
            self.warnings += 1
        kept = self.examples.setdefault(found.code, [])
        if len(kept) < EXAMPLES:
            kept.append((case_id, found))


def check_snapshot(folder: Path, today: date, workers: int | None = None) -> Findings:
    """Check a snapshot; `today` decides what lies in the future. Raises SnapshotError for damaged files."""
    snapshot = read_snapshot(folder)
    findings = Findings(small_strata=snapshot.splits.small_strata)
    seeds: dict[str, str] = {}
    levels: dict[str, int] = {}
    domains: Counter[str] = Counter()
    for report in _reports(snapshot, today, workers or os.cpu_count() or 1):
        findings.cases += 1
        for message in report.faults:
            findings.fault(message)
        for problem in report.problems:
            findings.problem(report.case_id, problem)
        if report.case_id in levels:
            findings.fault(f"{CASES}:{report.number}: case {report.case_id} stands there twice.")
        first = seeds.setdefault(report.seed_key, report.case_id)
        if first != report.case_id:
            said = f"case {first} has the same seed."
            findings.problem(report.case_id, error(Code.DUPLICATE_CASE, "seed_event", report.case_id, said))
        levels[report.case_id] = report.levels
        domains[report.domain] += 1
    _check_manifest(snapshot, findings, levels, domains)
    _check_splits(snapshot, findings, levels)
    return findings


def _reports(snapshot: Snapshot, today: date, workers: int) -> Iterator[LineReport]:
    """Reports in the order of the lines; at most two pieces a worker are under way."""
    full_path, short_path = snapshot.folder / CASES, snapshot.folder / CANDIDATES
    with full_path.open(encoding="utf-8") as full, short_path.open(encoding="utf-8") as short:
        pairs = enumerate(zip_longest(full, short, fillvalue=""), start=1)
        pieces = iter(lambda: [(n, a, b) for n, (a, b) in islice(pairs, PIECE)], [])
        if snapshot.manifest.cases <= ALONE_UP_TO or workers == 1:
            for piece in pieces:
                yield from read_piece(piece, today)
            return
        yield from _by_processes(pieces, today, workers)


def _by_processes(
    pieces: Iterator[list[tuple[int, str, str]]], today: date, workers: int
) -> Iterator[LineReport]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        under_way: deque[Future[list[LineReport]]] = deque()
        for piece in pieces:
            under_way.append(pool.submit(read_piece, piece, today))
            if len(under_way) > 2 * workers:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()


def read_piece(lines: Sequence[tuple[int, str, str]], today: date) -> list[LineReport]:
    """Reports of lines, each a number, a line of cases and the line of candidates beside it."""
    return [_report(number, full, short, today) for number, full, short in lines]


def _report(number: int, full: str, short: str, today: date) -> LineReport:
    where = f"{CASES}:{number}"
    try:
        case = Case.model_validate_json(full)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "line"
        return LineReport(
            number, f"line {number}", str(number), 0, "", faults=(f"{where}: {place}: {first['msg']}.",)
        )
    faults = []
    if case.status is not Status.APPROVED:
        faults.append(
            f"{where}: case {case.case_id} is {case.status}; only approved cases belong in a snapshot."
        )
    if short.rstrip("\n") != canonical_json(candidate_record(case)):
        faults.append(f"{CANDIDATES}:{number}: differs from what case {case.case_id} says.")
    key = tagged_hash("seed", [fold(case.seed_event), str(case.seed_date)])[:20]
    problems = tuple(validate(case, today))
    return LineReport(number, case.case_id, key, len(case.outcomes), case.domain, problems, tuple(faults))


def _check_manifest(
    snapshot: Snapshot, findings: Findings, levels: dict[str, int], domains: Counter[str]
) -> None:
    manifest = snapshot.manifest
    for name, said, found in (
        ("cases", manifest.cases, findings.cases),
        ("levels", sum(manifest.levels.values()), sum(levels.values())),
        ("domains", manifest.domains, dict(sorted(domains.items()))),
    ):
        if said != found:
            findings.fault(f"manifest.json: {name} says {said}, the files hold {found}.")


def _check_splits(snapshot: Snapshot, findings: Findings, levels: dict[str, int]) -> None:
    splits = snapshot.splits
    places = Counter(case_id for split in Split for case_id in splits.members(split))
    places.update(splits.left_out.keys())
    for case_id in sorted(set(levels) | set(places)):
        if case_id not in levels:
            findings.fault(f"splits.json: names case {case_id}, which is not in {CASES}.")
        elif places[case_id] != 1:
            findings.fault(
                f"splits.json: case {case_id} stands in {places[case_id]} splits; exactly one is due."
            )
    for case_id, kept in splits.levels_kept.items():
        if not 1 <= kept < levels.get(case_id, 0):
            findings.fault(
                f"splits.json: case {case_id} cannot keep {kept} of {levels.get(case_id, 0)} levels."
            )
    for family in _straddling(snapshot):
        findings.fault(f"splits.json: event family {family} stands in more than one split.")


def _straddling(snapshot: Snapshot) -> list[str]:
    """Families of `splits.json` that stand in more than one split."""
    splits = snapshot.splits
    places: dict[str, set[Split]] = {}
    for split in Split:
        for case_id in splits.members(split):
            places.setdefault(splits.families.get(case_id, case_id), set()).add(split)
    return sorted(family for family, found in places.items() if len(found) > 1)
