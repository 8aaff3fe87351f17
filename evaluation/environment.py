"""Where and with what an evaluation was made: versions, machine, arguments, commit.

Does not cover: hardware beyond its name; timings stand in the predictions.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

PACKAGES = ("psychohistory", "numpy", "scipy", "scikit-learn", "pydantic")


def environment(arguments: Sequence[str] = ()) -> dict[str, str]:
    """Name → value, in the order in which a report shows them."""
    found = {
        "made at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "arguments": " ".join(arguments or sys.argv[1:]),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
    }
    found |= {name: _version(name) for name in PACKAGES}
    return found | {"commit": _commit()}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed as a package"


def _commit() -> str:
    """The commit this program runs from, marked where files differ from it; empty outside a repository."""
    here = Path(__file__).resolve().parent
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown (not run from a repository)"
    return head.stdout.strip() + (" with changes" if changed.stdout.strip() else "")
