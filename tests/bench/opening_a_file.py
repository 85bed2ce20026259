"""Prints the seconds that opening a file takes, and the memory in multiples of its size."""

import resource
import sys
from pathlib import Path
from time import perf_counter

import engine.assembly  # noqa: F401 (torch and all, before the clock starts)
from engine.config import override, small
from engine.opening import open_fresh


def peak() -> int:
    """The most memory this process ever held, in bytes (macOS gives bytes, Linux KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


path = Path(sys.argv[1])
choices = ["train.threads=2", "train.precision=float32"]
before, began = peak(), perf_counter()
run = open_fresh(override(small(str(path)), choices), lambda event: None, perf_counter)
print(perf_counter() - began, (peak() - before) / path.stat().st_size)
run.close()
