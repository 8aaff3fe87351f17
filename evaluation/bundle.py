"""The zip bundle: report, numbers, predictions and criteria, with a manifest of hashes.

The manifest is written last; a zip without it, or with a file that differs, is refused by `check_bundle`.

Does not cover: the snapshot itself (its hash is in the numbers).
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from corpus.errors import InvalidFile
from corpus.identity import canonical_json

MANIFEST = "manifest.json"
_MOMENT = (1980, 1, 1, 0, 0, 0)


def write_bundle(path: Path, files: Mapping[str, bytes]) -> str:
    """Write files and manifest by way of a temporary zip; the same files give the same bytes.

    Returns the manifest's hash (sha256, hex).
    """
    manifest = canonical_json(
        {
            "format": 1,
            "files": {
                name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
                for name, data in files.items()
            },
        }
    ).encode()
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, data in [*sorted(files.items()), (MANIFEST, manifest)]:
                bundle.writestr(zipfile.ZipInfo(name, _MOMENT), data, zipfile.ZIP_DEFLATED)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return hashlib.sha256(manifest).hexdigest()


def check_bundle(path: Path) -> list[str]:
    """Names of the files of a sound bundle; raises InvalidFile where it is cut, altered or has no manifest."""
    try:
        with zipfile.ZipFile(path) as bundle:
            if MANIFEST not in bundle.namelist():
                raise InvalidFile(f"{path} holds no {MANIFEST}: it was never finished.")
            stated = json.loads(bundle.read(MANIFEST))["files"]
            for name, entry in stated.items():
                if (
                    name not in bundle.namelist()
                    or hashlib.sha256(bundle.read(name)).hexdigest() != entry["sha256"]
                ):
                    raise InvalidFile(f"{path}: {name} does not match the manifest; take a whole copy.")
    except (OSError, zipfile.BadZipFile) as fault:
        raise InvalidFile(f"{path} cannot be read as a zip: {fault}.") from fault
    return sorted(stated)
