"""Several ranks train one run, as one process with as many threads does: with the same bits, the
same exit codes, and nothing lost when one of them is killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from ranks import environment, free_port, losses, only_run, outcome, started, weights

from engine.protocol import Evaluated, StepDone
from engine.storage.manifest import checkpoints_of, read_manifest

pytestmark = pytest.mark.thorough

TINY = (
    "--preset=nano",
    "--set=model.n_embd=32",
    "--set=model.context_length=32",
    "--set=train.batch_size=8",
    "--set=train.evaluation_interval=10",
    "--set=train.steps=20",
    "--set=model.dropout=0.1",
)


def train_alone(home: Path, text: object, *arguments: str) -> Path:
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


@pytest.mark.parametrize(
    ("world", "precision"),
    [(4, "float32"), (2, "bfloat16"), (4, "bfloat16"), (2, "int16"), (2, "int8")],
)
def test_more_ranks_train_as_threads_do(
    world: int, precision: str, text: Path, tmp_path: Path
) -> None:
    check_equal(world, precision, text, tmp_path)


def test_a_signal_to_any_rank_saves_once_and_ends_all_with_its_code(
    text: Path, tmp_path: Path
) -> None:
    arguments = (*TINY, "--set=train.steps=100000", "--json")
    with started(tmp_path, 2, "train", str(text), *arguments) as ranks:
        wait_for_step(ranks[0], 5)
        ranks[1].terminate()
        ended = [outcome(process) for process in ranks]
    assert [code for code, _, _ in ended] == [143, 143], ended
    assert [err for _, _, err in ended] == ["2 ranks train this run.\n", ""]
    assert ended[0][1].count('"type":"Saved"') == 1


@pytest.mark.parametrize("killed", [0, 1, 2])
def test_a_rank_that_is_killed_ends_the_others_with_its_name(
    killed: int, text: Path, tmp_path: Path
) -> None:
    arguments = (*TINY, "--set=train.steps=100000", "--json")
    with started(tmp_path, 3, "train", str(text), *arguments) as ranks:
        wait_for_step(ranks[0], 5)
        ranks[killed].kill()
        ended = [outcome(process) for process in ranks]
    codes = [code for code, _, _ in ended]
    assert codes == [-signal.SIGKILL if rank == killed else 1 for rank in range(3)], ended
    said = "".join(err for _, _, err in ended)
    assert said.count(f"Rank {killed} (process {ranks[killed].pid}) has ended without the") == 1
    saved = read_manifest(checkpoints_of(only_run(tmp_path))[-1]).progress.step
    assert (saved >= 5) == (killed != 0)  # rank 0 saves the last whole step


LATE_THREADS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

static int late(const char *name, pthread_cond_t *condition) {
    int (*wake)(pthread_cond_t *) = dlsym(RTLD_NEXT, name);
    int result = wake(condition);
    if (gettid() != getpid())
        usleep(100000);
    return result;
}

int pthread_cond_signal(pthread_cond_t *condition) {
    return late("pthread_cond_signal", condition);
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
    return late("pthread_cond_broadcast", condition);
}
"""
"""A thread that has told another that its work is done goes on a tenth of a second later, as on a
machine with too much to do. By then the interpreter has ended, if it does."""


@pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux")
@pytest.mark.skipif(shutil.which("cc") is None, reason="cc is not installed")
def test_ranks_end_with_their_code_while_threads_of_torch_still_work(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "late.so"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl"]
    subprocess.run(command, input=LATE_THREADS, text=True, check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    arguments = (*TINY, "--set=train.steps=100000", "--json")
    with started(tmp_path, 2, "train", str(text), *arguments) as ranks:
        wait_for_step(ranks[0], 1)
        ranks[0].kill()
        ended = [outcome(process) for process in ranks]
    assert [code for code, _, _ in ended] == [-signal.SIGKILL, 1], ended


@pytest.mark.timeout(400)  # each start of the ranks takes some seconds
@pytest.mark.parametrize("seed", [1, 2])
def test_ranks_that_are_killed_and_restarted_leave_no_trace_in_the_run(
    seed: int, text: Path, tmp_path: Path
) -> None:
    arguments = ("train", str(text), *TINY, "--set=train.steps=200")
    draws = random.Random(seed)
    steps = sorted(draws.sample(range(1, 190), 2))
    kills = list(zip(steps, draws.sample((0, 1), 2), strict=True))
    launcher = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2")
    # Seconds after which torchrun looks: at a lost rank it ends the other, which is to notice first.
    options = (f"--master-port={free_port()}", "--max-restarts=3", "--monitor-interval=2")
    torchrun = subprocess.Popen(
        (*launcher, *options, "-m", "tinygpt_tui", *arguments, "--json"),
        env={**os.environ, "TINYGPT_HOME": str(tmp_path / "killed")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for step, rank in kills:
            wait_for_step(torchrun, step)
            process_of(torchrun, rank).kill()
        code, _, errors = outcome(torchrun)
    finally:
        for process in psutil.Process(torchrun.pid).children() if torchrun.poll() is None else ():
            process.kill()
        torchrun.kill()
    assert code == 0, errors
    for _, rank in kills:
        assert f"Rank {rank} (process " in errors

    alone = train_alone(tmp_path / "alone", *arguments[1:], "--set=train.threads=2")
    killed = only_run(tmp_path / "killed")
    assert losses(killed, StepDone) == losses(alone, StepDone)
    assert losses(killed, Evaluated) == losses(alone, Evaluated)
    assert weights(killed) == weights(alone)


def wait_for_step(process: subprocess.Popen[str], step: int) -> None:
    """Until rank 0 has printed that it has taken a step."""
    assert process.stdout is not None
    for line in process.stdout:
        if '"type":"StepDone"' in line and json.loads(line)["step"] >= step:
            return
    pytest.fail(f"ended before step {step}")


def process_of(torchrun: subprocess.Popen[str], rank: int) -> psutil.Process:
    """The process of a rank."""
    for child in psutil.Process(torchrun.pid).children():
        if child.environ().get("RANK") == str(rank):
            return child
    raise AssertionError(f"there is no rank {rank}")
