"""What an import loads: the app paints before torch is imported, and listing runs needs no torch."""

import subprocess
import sys
from pathlib import Path

import pytest
from driving import saved_run

HEAVY = ("torch", "numba", "llvmlite", "numpy", "safetensors")


def output_of(program: str) -> str:
    """What a program prints to standard output; it must print no warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    "module",
    [
        "tui.cli.main",
        "tui.cli.train",
        "tui.cli.sample",
        "tui.cli.runs",
        "tui.app",
        "engine.config",
        "engine.protocol",
        "engine.session.thread",
        "engine.session.session",
    ],
)
def test_an_import_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    assert output_of(program) == "[]\n"


def test_import_engine_loads_nothing_at_all() -> None:
    program = """
import sys, engine
print([m for m in sys.modules if m.startswith("engine.")])
print([m for m in ("torch", "numba", "numpy", "msgspec") if m in sys.modules])
"""
    assert output_of(program) == "[]\n[]\n"


def test_the_engine_loads_no_screen() -> None:
    program = (
        "import sys, engine.session.session, engine.session.thread, engine.session.context;"
        "print([m for m in ('torch', 'textual', 'rich', 'tui') if m in sys.modules])"
    )
    assert output_of(program) == "['torch']\n"


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["runs"], "verse.txt"),
        (["runs", "--json"], "verse.txt"),
        (["runs", "note", "{run}", "a note"], ""),
        (["pack", "{run}", "-o", "{folder}/packed"], "at step 20 into"),
        (["settings"], "train.learning_rate"),
        (["--help"], "--preset NAME"),
    ],
    ids=["list", "json", "note", "pack", "settings", "help"],
)
def test_what_only_tells_or_manages_needs_no_torch(
    verse_file: Path, arguments: list[str], printed: str
) -> None:
    run = saved_run(verse_file)
    program = f"""
import sys
from tui.cli.main import main
try:
    main({[argument.format(run=run, folder=verse_file.parent) for argument in arguments]})
except SystemExit as end:
    assert end.code == 0, end.code
print([m for m in {HEAVY} if m in sys.modules])
"""
    lines = output_of(program).splitlines()
    assert lines[-1] == "[]"
    assert printed in "".join(lines[:-1])


def test_the_first_paint_waits_for_nothing_that_it_does_not_show() -> None:
    program = "import sys, tui.cli.app, tui.cli.start, tui.app; print(*sys.modules)"
    loaded = set(output_of(program).split())
    assert not loaded & {"click", "engine.storage", "glob", "statistics", "tui.cli.main"}
    packages = ("tui.screens", "tui.read", "tui.time", "tui.tour", "tui.lab", "tui.sweep")
    inside = {m for m in loaded if m.rpartition(".")[0] in packages}
    assert inside == {"tui.lab.state", "tui.sweep.shown"}  # parts of the state
    assert not {
        m for m in loaded if m.startswith("tui.cli.") and m.endswith(("_command", "_commands"))
    }
    later = (
        *("fork_choice", "mean_curve", "outcomes", "palette", "screenshot", "teaching_text"),
        *("training_length", "view_page"),
    )
    assert not loaded & {"data.decoding", "data.files", *(f"tui.{name}" for name in later)}
