"""Several ranks train one run, as one process with as many threads does: with the same bits, the
same exit codes, and nothing lost when one of them is killed."""

import subprocess
import sys
from pathlib import Path

import pytest
from ranks import environment, losses, only_run, outcome, started, weights

from engine.protocol import Evaluated, StepDone
from engine.storage.manifest import checkpoints_of, read_manifest

TINY = (
    "--preset=nano",
    "--set=model.n_embd=32",
    "--set=model.context_length=32",
    "--set=train.batch_size=8",
    "--set=train.evaluation_interval=10",
    "--set=train.steps=20",
    "--set=model.dropout=0.1",
)


def train_alone(home: Path, text: Path, *arguments: str) -> Path:
    """The folder of the run that one process trains."""
    command = [sys.executable, "-m", "tinygpt_tui", "train", str(text), *arguments]
    environ = {**environment(home, 0, 1, 1), "RANK": ""}
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=100)
    return only_run(home)


def check_equal(world: int, precision: str, text: Path, tmp_path: Path) -> None:
    arguments = (*TINY, f"--set=train.precision={precision}")
    with started(tmp_path / "ranks", world, "train", str(text), *arguments) as ranks:
        ended = [outcome(process) for process in ranks]
    alone = train_alone(tmp_path / "alone", text, *arguments, f"--set=train.threads={world}")
    together = only_run(tmp_path / "ranks")

    assert [code for code, _, _ in ended] == [0] * world, ended
    assert [out for _, out, _ in ended[1:]] == [""] * (world - 1)  # rank 0 alone reports
    assert losses(together, StepDone) == losses(alone, StepDone)
    assert losses(together, Evaluated) == losses(alone, Evaluated)
    assert weights(together) == weights(alone)
    machine = read_manifest(checkpoints_of(together)[-1]).machine
    assert (machine.world, machine.threads) == (world, 1)


def test_two_ranks_train_as_one_process_with_two_threads_does(text: Path, tmp_path: Path) -> None:
    check_equal(2, "float32", text, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize(("world", "precision"), [(4, "float32"), (2, "bfloat16"), (4, "bfloat16")])
def test_more_ranks_train_as_threads_do(
    world: int, precision: str, text: Path, tmp_path: Path
) -> None:
    check_equal(world, precision, text, tmp_path)
