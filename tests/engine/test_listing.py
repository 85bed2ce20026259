"""`tinygpt-tui runs` answers at once: no torch and no compiler is loaded for it."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from driving import only, run_to_end, tiny

from engine.protocol import Open, Opened, Train
from engine.storage.paths import run_names

pytestmark = pytest.mark.timeout(60)

RUNS = 100
SECONDS = 0.3
HEAVY = ("torch", "numba", "llvmlite", "numpy", "safetensors")
PROGRAM = f"""
import json, sys
from tui.cli.main import main
try:
    main()
finally:
    json.dump([name for name in {HEAVY} if name in sys.modules], sys.stderr)
"""


def list_runs() -> tuple[list[str], list[str], float]:
    """The lines of the table, the heavy modules that were loaded, and seconds of processor time (a
    busy machine does not lengthen it, as it would the time on the clock)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    listed = subprocess.run(
        [sys.executable, "-c", PROGRAM, "runs"], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime
    return listed.stdout.splitlines(), json.loads(listed.stderr), seconds


def test_a_hundred_runs_are_listed_at_once_and_without_torch(verse_file: Path, home: Path) -> None:
    name = only(run_to_end(Open(tiny(verse_file)), Train()), Opened).run
    for number in range(1, RUNS):
        shutil.copytree(home / "runs" / name, home / "runs" / f"run-{number}")
    fastest = float("inf")
    for _attempt in range(5):  # the first one may compile the modules' bytecode
        (header, *rows), heavy, seconds = list_runs()
        assert heavy == []
        assert header.split() == [
            "run",
            "step",
            "best",
            "last",
            "used",
            "MB",
            "model",
            "text",
            "note",
        ]
        assert sorted(row.split()[0] for row in rows) == run_names()
        assert len(rows) == RUNS
        assert all("20 / 20" in row for row in rows)
        fastest = min(fastest, seconds)
        if fastest < SECONDS:
            break
    assert fastest < SECONDS


def test_the_library_of_runs_loads_nothing_heavy() -> None:
    program = f"import sys, engine.storage.library; print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"
