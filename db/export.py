"""From the store to a snapshot: the approved cases, one after the other in a fixed order.

This is the one module that both command lines use; writing the files is `corpus.snapshot`, which keeps some 10 KB
of each case: its events, by which event families are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import collate, select
from sqlmodel import col

from corpus.case import Case, CheckKind, CheckResult
from corpus.licence import with_free_values
from corpus.snapshot import Manifest, SnapshotInfo, read_snapshot, write_snapshot
from corpus.splits import Ratios
from db.documents import Documents
from db.mapping import from_row
from db.selection import CaseFilter
from db.session import Store
from db.tables import CaseRow, RevisionRow

PAGE = 200
"""Rows fetched at a time: some 10 MB of cases."""


@dataclass(frozen=True)
class ExportChoice:
    """What goes into a snapshot."""

    cases: CaseFilter = field(default_factory=CaseFilter)
    verified_only: bool = False
    """Only cases of which the Verifier proved something, and no check of which failed."""
    free_values_only: bool = False
    """Without the values whose terms forbid training (`corpus.licence`)."""
    with_texts: bool = False
    """With the sources' stored texts: for audits in one's own house, not for publication."""
    ratios: Ratios | None = None
    previous: Path | None = None
    """An earlier snapshot whose split members stay where they are."""

    def query(self) -> dict[str, Any]:
        """The choice as the manifest records it."""
        chosen = self.cases
        return {
            "domains": sorted(chosen.domains),
            "first_day": chosen.first_day.isoformat() if chosen.first_day else None,
            "last_day": chosen.last_day.isoformat() if chosen.last_day else None,
            "min_depth": chosen.min_depth,
            "run": chosen.run_id,
            "verified_only": self.verified_only,
            "licence": "open" if self.free_values_only else "any",
            "with_texts": self.with_texts,
            "status": "approved",
        }


@dataclass(frozen=True)
class Exported:
    """A snapshot that was written, and what stayed out of it."""

    manifest: Manifest
    left_out: Mapping[str, int]
    """Reason → number of approved cases that fit the filter."""
    levels_cut: int
    texts_missing: int
    """Sources whose text is not in the store; 0 where texts were not asked for."""


def export_snapshot(
    store: Store, folder: Path, choice: ExportChoice, *, program: str, commit: str
) -> Exported:
    """Freeze the approved cases that fit into `folder`, which must not exist yet.

    The same store content and choice give the same bytes. Raises SnapshotError where the folder exists or
    the previous snapshot is damaged.
    """
    previous = read_snapshot(choice.previous) if choice.previous else None
    query = choice.query() | {"previous": previous.hash if previous else None}
    export = _Export(store, choice)

    def info() -> SnapshotInfo:
        return SnapshotInfo(query, program, commit, values_dropped=export.values_dropped)

    manifest = write_snapshot(
        folder,
        export.cases(),
        info,
        ratios=choice.ratios,
        previous=previous.splits if previous else None,
        texts=export.texts() if choice.with_texts else None,
    )
    return Exported(manifest, dict(sorted(export.left_out.items())), export.levels_cut, export.texts_missing)


class _Export:
    """One pass over the store; counts what is taken away on the way."""

    def __init__(self, store: Store, choice: ExportChoice) -> None:
        self._store, self._choice = store, choice
        self._hashes: set[str] = set()
        self.left_out: Counter[str] = Counter()
        self.values_dropped = self.levels_cut = self.texts_missing = 0

    def cases(self) -> Iterator[Case]:
        """The cases as they are frozen."""
        for stored in approved_cases(self._store, self._choice.cases):
            case = self._chosen(stored)
            if case is not None:
                self._hashes.update(source.text_sha256 for source in case.sources)
                yield case

    def texts(self) -> Iterator[Mapping[str, str]]:
        """The texts of all sources seen, by hash; to be read after the cases."""
        documents = Documents(self._store)
        for sha256 in sorted(self._hashes):
            found = documents.get(sha256)
            if found is None:
                self.texts_missing += 1
            else:
                yield {"sha256": sha256, "text": found.text}

    def _chosen(self, case: Case) -> Case | None:
        if self._choice.verified_only and not is_verified(case):
            self.left_out["not verified"] += 1
            return None
        if not self._choice.free_values_only:
            return case
        freed = with_free_values(case)
        self.values_dropped += freed.values_dropped
        self.levels_cut += freed.levels_cut
        if freed.case.outcomes and freed.case.depth >= self._choice.cases.min_depth:
            return freed.case
        self.left_out["too few values that may be trained on"] += 1
        return None


def is_verified(case: Case) -> bool:
    """Whether a quotation behind each event of the chain was found in its text, and no check failed."""
    if any(check.result is CheckResult.FAILED for check in case.verification):
        return False
    proven = {
        check.path
        for check in case.verification
        if check.check is CheckKind.QUOTE_IN_TEXT and check.result is CheckResult.PASSED
    }
    claims = ["seed_evidence", *(f"outcomes[{i}].evidence" for i, o in enumerate(case.outcomes) if o.event)]
    return all(any(path.startswith(f"{claim}[") for path in proven) for claim in claims)


def approved_cases(store: Store, chosen: CaseFilter | None = None) -> Iterator[Case]:
    """The approved revision of each case that fits, by case id in byte order, as of one moment.

    A case with a newer, unapproved revision is handed out in its approved one; the filter looks at that
    one too. Close the iterator, or read it to its end, to give its connection back.
    """
    conditions = (chosen or CaseFilter()).conditions()
    exported = (col(CaseRow.case_id) == col(RevisionRow.case_id)) & (
        col(CaseRow.approved) == col(RevisionRow.revision)
    )
    bytewise = collate(col(RevisionRow.case_id), "BINARY" if store.is_sqlite else "C")
    query = select(RevisionRow).join(CaseRow, exported).where(*conditions).order_by(bytewise)
    with store.reading() as session:
        for rows in session.execute(query, execution_options={"yield_per": PAGE}).scalars().partitions():
            for row in rows:
                session.expunge(row)
                yield from_row(row).case
