"""Prints the seconds that opening a file takes, and the memory in multiples of its size."""

import resource
import sys
from pathlib import Path
from time import perf_counter

import engine.assembly  # noqa: F401 (torch and all, before the clock starts)
from engine.config import override, small
from engine.opening import open_fresh


def peak() -> int:
    """The most memory this process ever held, in bytes.

    Linux counts the parent's memory into `ru_maxrss` of a child, but not into its VmHWM.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


path = Path(sys.argv[1])
choices = ["train.threads=2", "train.precision=float32"]
before, began = peak(), perf_counter()
run = open_fresh(override(small(str(path)), choices), lambda event: None, perf_counter)
print(perf_counter() - began, (peak() - before) / path.stat().st_size)
run.close()
