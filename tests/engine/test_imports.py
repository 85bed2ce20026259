"""The screen stands before torch is loaded: what it imports brings no torch along."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "safetensors")


@pytest.mark.parametrize(
    "module",
    [
        "tui.cli.main",
        "tui.app",
        "engine.config",
        "engine.protocol",
        "engine.session.thread",
        "engine.session.session",
    ],
)
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"
    assert told.stderr == ""


def test_the_engine_knows_no_screen() -> None:
    program = (
        "import sys, engine.session.session, engine.session.thread, tui.cli.headless, engine.session.context;"
        "print('torch' in sys.modules, 'textual' in sys.modules, 'tui' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "True False False\n"
