"""What a command costs in a process of its own: wall and processor seconds, and the largest resident size.

    python -m benchmarks.measured REPORT MODULE ARGUMENTS…    the module as `python -m` runs it, figures into REPORT

The process is started afresh, so that its peak is its own: `ru_maxrss` of a forked process begins at its parent's.
"""

from __future__ import annotations

import json
import re
import resource
import runpy
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the module, then write the figures, whatever it ended with."""
    report, sys.argv = Path(sys.argv[1]), sys.argv[2:]
    begun = time.perf_counter()
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        report.write_text(
            json.dumps({
                "s": round(time.perf_counter() - begun, 1),
                "cpu_s": round(own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, 1),
                "peak_mb": _peak_kb() // 1024,
                "peak_worker_mb": children.ru_maxrss // 1024,
            })
        )  # fmt: skip


def _peak_kb() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
