"""`tinygpt-tui runs` answers at once: no torch and no compiler is loaded for it."""

import json
import shutil
import subprocess
import sys
from cProfile import Profile
from pathlib import Path
from pstats import Stats

import pytest
from driving import saved_run

from engine.storage.paths import run_names
from tui.cli.runs import list_runs

pytestmark = pytest.mark.timeout(60)

RUNS = 100
MODULES = 400
"""The most modules that listing may load; torch alone has a thousand."""
CALLS = 1_500
"""The most calls of functions for one run in the list: half a millisecond."""
HEAVY = ("torch", "numba", "llvmlite", "numpy", "safetensors")
PROGRAM = f"""
import json, sys
from tui.cli.main import main
try:
    main()
finally:
    heavy = [name for name in {HEAVY} if name in sys.modules]
    json.dump([heavy, len(sys.modules)], sys.stderr)
"""


def test_a_hundred_runs_are_listed_at_once_and_without_torch(verse_file: Path, home: Path) -> None:
    name = saved_run(verse_file)
    for number in range(1, RUNS):
        shutil.copytree(home / "runs" / name, home / "runs" / f"run-{number}")
    listed = subprocess.run(
        [sys.executable, "-c", PROGRAM, "runs"], capture_output=True, text=True, check=True
    )
    heavy, modules = json.loads(listed.stderr)
    assert heavy == []
    assert modules < MODULES
    header, *rows = listed.stdout.splitlines()
    assert header.split() == [
        *("run", "step", "best", "bits/byte", "last", "used", "MB"),
        "model",
        "text",
        "note",
    ]
    assert sorted(row.split()[0] for row in rows) == run_names()
    assert len(rows) == RUNS
    assert all("20 / 20" in row for row in rows)


def test_a_run_in_the_list_takes_few_calls(
    verse_file: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted, not timed: a busy machine makes no difference."""
    name = saved_run(verse_file)
    calls = []
    for number in range(1, 12):
        shutil.copytree(home / "runs" / name, home / "runs" / f"run-{number}")
        profile = Profile()
        profile.runcall(list_runs)
        calls.append(Stats(profile).total_calls)  # type: ignore[attr-defined]
    assert len(capsys.readouterr().out.splitlines()) == sum(range(3, 14))
    assert (calls[-1] - calls[0]) / 10 < CALLS


def test_the_library_of_runs_loads_nothing_heavy() -> None:
    program = f"import sys, engine.storage.library; print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"
