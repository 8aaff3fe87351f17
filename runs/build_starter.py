"""Build the starter snapshot from its authored cases and the shipped archive: same input, same bytes.

    python runs/build_starter.py            # writes corpus/starter/{cases,candidates}.jsonl, splits.json, manifest.json

Each case is made from its line in `corpus/starter/authored/`, checked against the archive's texts (the checks are
stored with it) and refused when a rule finds an error. The order is by case id.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from agents.archive_records import BadRow, read_lines
from agents.authoring import authored_case
from agents.checks import check_claims
from agents.reading.document import Document
from corpus.case import Case, CheckResult, Status
from corpus.identity import case_json
from corpus.snapshot import MANIFEST, SnapshotInfo, read_snapshot, write_snapshot
from corpus.validation import errors_of, validate_all

STARTER = Path(__file__).resolve().parent.parent / "corpus" / "starter"
MADE = datetime(2026, 11, 21, tzinfo=UTC)


def documents() -> dict[str, Document]:
    with (STARTER / "archive.jsonl").open("rb") as file:
        rows = list(read_lines(file, "archive.jsonl"))
    bad = [str(row) for row in rows if isinstance(row, BadRow)]
    if bad:
        sys.exit("\n".join(bad))
    return {row.url: row for row in rows if isinstance(row, Document)}


def checked(case: Case, by_url: dict[str, Document]) -> Case:
    texts = {source.source_id: by_url[source.url] for source in case.sources}
    return case.model_copy(update={"verification": check_claims(case, texts), "status": Status.APPROVED})


def cases() -> list[Case]:
    by_url = documents()
    made = [
        checked(authored_case(json.loads(line), by_url.get, MADE, origin="starter"), by_url)
        for path in sorted((STARTER / "authored").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    faults = [f"{case.slug}: {p}" for case, found in validate_all(made) for p in errors_of(found)]
    if faults:
        sys.exit("\n".join(faults))
    return sorted(made, key=lambda case: case.case_id)


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    made = cases()
    results = Counter((c.check.value, c.result.value) for case in made for c in case.verification)
    for (kind, result), count in sorted(results.items()):
        print(f"{kind:22} {result:12} {count}")
    failed = [
        f"{case.slug} {c.path} {c.check.value}: {c.note}"
        for case in made
        for c in case.verification
        if c.result is CheckResult.FAILED
    ]
    Path("artefacts").mkdir(exist_ok=True)
    Path("artefacts/starter-failed-checks.txt").write_text("\n".join(failed) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=STARTER) as folder:
        target = Path(folder) / "snapshot"
        info = SnapshotInfo(query={"origin": "starter"}, program=version("psychohistory"), note="CC BY 4.0")
        manifest = write_snapshot(target, made, info)
        names = [*sorted(manifest.files), MANIFEST]
        for name in names:  # the manifest last: its presence says that the rest is there
            (target / name).replace(STARTER / name)
    snapshot = read_snapshot(STARTER)
    largest = max(len(case_json(case)) for case in made)
    print(f"{manifest.cases} cases, levels {manifest.levels}, largest {largest} bytes, {snapshot.hash[:16]}")


if __name__ == "__main__":
    main()
