"""A frozen corpus: a folder of JSONL files with a manifest that is written last.

    cases.jsonl       one case a line, canonical JSON
    candidates.jsonl  the seeds' candidate format: seed, levels, candidates with label and probability
    splits.json       train, validation, test (see `corpus.splits`)
    texts.jsonl       optional: the sources' stored texts, for audits in one's own house
    manifest.json     schema, counts and sha256 of every file, query, program, licences; its presence
                      means that the folder is complete

The same cases give the same bytes: no clock enters a snapshot.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from corpus.case import FULL_BP, SCHEMA_VERSION, Case, Outcome, level_question
from corpus.errors import SnapshotError
from corpus.families import families
from corpus.files import AtomicFile, file_sha256, sync_folder, write_atomically
from corpus.identity import canonical_json, case_json, tagged_hash
from corpus.splits import Ratios, Splits, make_splits, split_item

CASES, CANDIDATES, SPLITS, TEXTS, MANIFEST = (
    "cases.jsonl", "candidates.jsonl", "splits.json", "texts.jsonl", "manifest.json"
)  # fmt: skip


class FileEntry(BaseModel):
    """One file of a snapshot."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    lines: int


class Manifest(BaseModel):
    """The content of `manifest.json`."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    files: dict[str, FileEntry]
    cases: int
    levels: dict[str, int]
    """Depth → number of levels."""
    domains: dict[str, int]
    query: dict[str, Any] = {}
    program: str = ""
    commit: str = ""
    terms: dict[str, int] = {}
    """Terms tag → number of sources under it."""
    values_dropped: int = 0
    """Estimates left out because their terms forbid training."""
    synthetic: bool = False
    note: str = ""

    @property
    def hash(self) -> str:
        """The snapshot's hash: over schema and file hashes, so equal content has an equal hash."""
        return tagged_hash("snapshot/v1", [self.schema_version, {k: v.sha256 for k, v in self.files.items()}])


@dataclass(frozen=True)
class Snapshot:
    """A snapshot folder whose files match their manifest."""

    folder: Path
    manifest: Manifest
    splits: Splits

    @property
    def hash(self) -> str:
        """The snapshot's hash, as the manifest derives it."""
        return self.manifest.hash

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """All cases, in memory."""
        return tuple(iter_cases(self.folder))


@dataclass(frozen=True)
class SnapshotInfo:
    """What a manifest says beside its counts."""

    query: Mapping[str, Any]
    program: str = ""
    commit: str = ""
    values_dropped: int = 0
    synthetic: bool = False
    note: str = ""


def write_snapshot(
    folder: Path,
    cases: Iterable[Case],
    info: SnapshotInfo | Callable[[], SnapshotInfo],
    *,
    ratios: Ratios | None = None,
    previous: Splits | None = None,
    texts: Iterable[Mapping[str, str]] | None = None,
) -> Manifest:
    """Freeze cases into `folder`, which must not exist yet; complete or not there at all.

    Cases must come in a deterministic order. `texts` are records of sha256 and text, read after all cases;
    `info` may be a function, called when all was read. Raises SnapshotError where the folder exists.
    """
    if folder.exists():
        raise SnapshotError(f"{folder} exists already; name another folder, a snapshot is never overwritten.")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    tally = _Tally()
    with closing(AtomicFile(partial / CASES)) as full, closing(AtomicFile(partial / CANDIDATES)) as short:
        family_of = families(_laid_down(tally.watch(cases), full, short))
        entries = {
            CASES: FileEntry(sha256=full.finish(), lines=full.lines),
            CANDIDATES: FileEntry(sha256=short.finish(), lines=short.lines),
        }
    splits = make_splits(tally.items, family_of, ratios, previous)
    entries[SPLITS] = _entry(partial / SPLITS, [canonical_json(splits.model_dump(mode="json"))])
    if texts is not None:
        entries[TEXTS] = _entry(partial / TEXTS, (canonical_json(dict(text)) for text in texts))
    manifest = tally.manifest(entries, info if isinstance(info, SnapshotInfo) else info())
    write_atomically(
        partial / MANIFEST, [json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True)]
    )
    partial.rename(folder)
    sync_folder(folder.parent)
    return manifest


def _laid_down(cases: Iterable[Case], full: AtomicFile, short: AtomicFile) -> Iterator[Case]:
    """The cases, each written to both files as it passes: one reading serves files and families."""
    for case in cases:
        full.write(case_json(case))
        short.write(canonical_json(candidate_record(case)))
        yield case


def _entry(path: Path, lines: Iterable[str]) -> FileEntry:
    digest, count = write_atomically(path, lines)
    return FileEntry(sha256=digest, lines=count)


class _Tally:
    """Counts for the manifest, taken while cases stream by."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.levels: Counter[str] = Counter()
        self.domains: Counter[str] = Counter()
        self.terms: Counter[str] = Counter()

    def watch(self, cases: Iterable[Case]) -> Iterator[Case]:
        for case in cases:
            self.items.append(split_item(case))
            self.domains[case.domain] += 1
            self.levels.update(str(outcome.depth) for outcome in case.outcomes)
            self.terms.update(source.terms.value for source in case.sources)
            yield case

    def manifest(self, entries: dict[str, FileEntry], info: SnapshotInfo) -> Manifest:
        return Manifest(
            files=entries,
            cases=len(self.items),
            levels=dict(sorted(self.levels.items())),
            domains=dict(sorted(self.domains.items())),
            terms=dict(sorted(self.terms.items())),
            query=dict(info.query),
            program=info.program,
            commit=info.commit,
            values_dropped=info.values_dropped,
            synthetic=info.synthetic,
            note=info.note,
        )


def candidate_record(case: Case) -> dict[str, Any]:
    """A case in the seeds' candidate format: label 1 for what happened, 0 for the rest."""
    return {
        "case_id": case.case_id,
        "domain": case.domain,
        "seed": {
            "event": case.seed_event,
            "date": str(case.seed_date),
            "context": [fact.text for fact in case.context],
        },
        "horizon_months": case.horizon_months,
        "question": level_question(case.horizon_months),
        "levels": [_level_record(case, outcome) for outcome in case.outcomes],
    }


def _level_record(case: Case, outcome: Outcome) -> dict[str, Any]:
    as_of = case.as_of(outcome.depth)
    return {
        "depth": outcome.depth,
        "as_of": as_of.isoformat() if as_of else None,
        "date": str(outcome.date) if outcome.date else None,
        "months_since_parent": case.months_since_parent(outcome.depth),
        "candidates": [
            {"event": c.text, "label": int(c.happened), "probability": _share(c.probability_bp)}
            for c in outcome.candidates
        ],
        "remainder": {
            "label": int(outcome.event is None),
            "probability": _share(outcome.remainder.probability_bp),
        },
    }


def _share(points: int | None) -> float | None:
    return None if points is None else points / FULL_BP


def iter_cases(folder: Path) -> Iterator[Case]:
    """Cases of a folder one by one, in constant memory; raises SnapshotError naming file and line."""
    path = folder / CASES
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield Case.model_validate_json(line)
            except ValidationError as fault:
                first = fault.errors()[0]
                where = ".".join(str(part) for part in first["loc"]) or "line"
                raise SnapshotError(f"{path}:{number}: {where}: {first['msg']}.") from fault


def read_snapshot(folder: Path) -> Snapshot:
    """Open a snapshot; raises SnapshotError where a file is missing or differs from the manifest."""
    manifest_path = folder / MANIFEST
    if not manifest_path.is_file():
        raise SnapshotError(f"{folder} holds no {MANIFEST}: it is not a snapshot, or was never finished.")
    try:
        manifest = Manifest.model_validate_json(manifest_path.read_bytes())
    except ValidationError as fault:
        raise SnapshotError(f"{manifest_path} is not a manifest: {fault.errors()[0]['msg']}.") from fault
    if manifest.schema_version > SCHEMA_VERSION:
        raise SnapshotError(
            f"{folder} has schema version {manifest.schema_version}, this program reads up to {SCHEMA_VERSION}; "
            "upgrade the program."
        )
    for name, entry in manifest.files.items():
        _compare(folder / name, entry)
    splits = Splits.model_validate_json((folder / SPLITS).read_bytes())
    return Snapshot(folder, manifest, splits)


def _compare(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise SnapshotError(
            f"{path} is named in the manifest but missing; take a whole copy of the snapshot."
        )
    found = file_sha256(path)
    if found != entry.sha256:
        raise SnapshotError(
            f"{path} does not match its manifest (sha256 {found[:12]}… instead of {entry.sha256[:12]}…); "
            "it was altered or cut."
        )
