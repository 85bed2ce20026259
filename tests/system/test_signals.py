"""A signal ends the app in any state: the run saved, the terminal restored, the right exit code."""

import json
import os
import re
import signal
from pathlib import Path
from time import monotonic

import pytest
from starting import assert_restored, start
from terminal import Terminal

pytestmark = [pytest.mark.thorough, pytest.mark.skipif(os.name != "posix", reason="POSIX signals")]

SECONDS = 3.5
"""Seconds; a last save may take three."""


def reach(terminal: Terminal, phase: str) -> None:
    """Bring the app to a state."""
    if phase == "warming up":
        terminal.wait_for("warming up")
        return
    terminal.wait_for("● untrained")
    terminal.wait_for("step      0")
    if phase == "untrained":
        return
    if phase == "writing":
        terminal.type("w")
        terminal.wait_for("by step")
        return
    terminal.type(" ")
    terminal.wait_for("● training")
    terminal.wait_for("step     10")
    match phase:
        case "training and writing":
            terminal.type("w")
            terminal.wait_for("by step")
        case "paused":
            terminal.type(" ")
            terminal.wait_for("● paused")
        case "done":
            terminal.type("x")
            terminal.wait_for("● done")
        case "in the form":
            terminal.type("c")
            terminal.wait_for("new run")
        case _:
            pass


def saved_step(home: Path) -> int:
    """The step of the newest checkpoint, which must be the last one in the history, too."""
    (run,) = (home / "runs").iterdir()
    newest = max((run / "checkpoints").iterdir())
    step = json.loads((newest / "manifest.json").read_text())["progress"]["step"]
    lines = (run / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines if "StepDone" in line]
    assert steps == list(range(1, step + 1))
    assert list(run.rglob("*.unfinished")) == []
    assert isinstance(step, int)
    return step


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        ("training", signal.SIGTERM),
        ("untrained", signal.SIGINT),
        ("writing", signal.SIGHUP),
        ("training and writing", signal.SIGTERM),
        ("paused", signal.SIGHUP),
        ("done", signal.SIGTERM),
        ("in the form", signal.SIGINT),
    ],
)
def test_a_signal_saves_restores_and_ends(
    text: Path, tmp_path: Path, phase: str, number: signal.Signals
) -> None:
    with start(text, tmp_path, "--steps=1000000", columns=120, lines=40) as terminal:
        reach(terminal, phase)
        began = monotonic()
        terminal.process.send_signal(number)
        assert terminal.wait_for_end() == 128 + number
        assert monotonic() - began < SECONDS
        assert "Traceback" not in terminal.raw.decode()
        assert_restored(terminal)
    if phase not in ("untrained", "writing"):
        assert saved_step(tmp_path / "home") > 0


LONG_STEP = (
    "--set=model.n_embd=64",
    "--set=model.context_length=128",
    "--set=train.batch_size=1024",
    "--set=train.context_warmup=0",
    "--set=train.evaluation_interval=1000000",
)
"""Steps of about a second, without an evaluation after which one would be saved."""


@pytest.mark.parametrize("way", [signal.SIGTERM, "closed terminal"])
def test_no_completed_step_is_lost_however_long_a_step_is(
    text: Path, tmp_path: Path, way: signal.Signals | str
) -> None:
    with start(text, tmp_path, "--steps=1000000", *LONG_STEP, columns=120, lines=40) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for(lambda text: re.search(r"step [1-9]\d* / 1,000,000", text) is not None)
        began = monotonic()
        if isinstance(way, signal.Signals):
            terminal.process.send_signal(way)
            assert terminal.wait_for_end() == 128 + way
        else:
            terminal.hang_up()
            assert terminal.process.wait(SECONDS) == 129
        assert monotonic() - began < SECONDS
    assert saved_step(tmp_path / "home") >= 1


def test_a_second_signal_ends_it_at_once(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=1000000") as terminal:
        reach(terminal, "training")
        terminal.process.send_signal(signal.SIGTERM)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait_for_end(SECONDS) in (130, 143)
        assert_restored(terminal)


def test_a_signal_while_it_warms_up_ends_it(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path) as terminal:
        reach(terminal, "warming up")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait_for_end() == 143
        assert_restored(terminal)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}])
def test_a_dumb_terminal_is_refused_with_an_alternative(
    text: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    with start(text, tmp_path, **env) as terminal:
        assert terminal.wait_for_end() == 2
        assert "tinygpt-tui train" in terminal.raw.decode()


def test_closing_a_terminal_that_sends_no_signal_saves_the_run(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=1000000", controls=False) as terminal:
        reach(terminal, "training")
        terminal.hang_up()
        assert terminal.process.wait(SECONDS) == 129
    assert saved_step(tmp_path / "home") > 0
