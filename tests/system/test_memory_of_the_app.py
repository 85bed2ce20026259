"""The most memory that the app takes while it trains the default model on a text of a megabyte."""

import random
from pathlib import Path

import pytest
from starting import program
from terminal import Terminal
from watching import needs_proc

from tests.bench.peak import peak_memory

pytestmark = pytest.mark.thorough

MOST = 520_000_000
SETTINGS = (
    "--steps=20",
    "--set=train.evaluation_interval=10",
    "--set=train.context_warmup=0",  # the longest context from the first step
    "--set=train.precision=float32",
    "--set=train.threads=2",
)


@needs_proc
def test_training_by_default_stays_within_its_memory(tmp_path: Path) -> None:
    words = ["".join(random.Random(i).choices("abcdefghij", k=5)) for i in range(5_000)]
    text = tmp_path / "text.txt"
    text.write_text(" ".join(random.Random(1).choices(words, k=200_000)))
    command = [program(), str(text), *SETTINGS]
    env = {"TINYGPT_HOME": str(tmp_path / "home")}
    with Terminal(command, columns=120, lines=40, cwd=str(tmp_path), env=env) as terminal:
        terminal.wait_for("● untrained")
        terminal.type(" ")
        terminal.wait_for("● done")
        assert peak_memory(terminal.process.pid) < MOST
        terminal.type("q")
        assert terminal.wait_for_end() == 0
