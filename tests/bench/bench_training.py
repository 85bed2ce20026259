"""How fast it learns: tokens a second, and the wall clock until a loss is reached.

Losses are over the whole validation part; the clock runs from the first step to the evaluation
that shows the loss, evaluations included.
"""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
import pytest
from building import CORES, config_of, integer_rate, matrix_rate, tokens_per_second, trainer_of
from figures import Table
from pytest_benchmark.fixture import BenchmarkFixture

from engine.model.products import INTEGERS
from engine.model.size import parameter_count
from engine.model.tokenizer import Vocabulary
from engine.training.schedule import context_stages
from engine.training.trainer import Trainer

APP = str(Path(sys.executable).with_name("tinygpt-tui"))
SEEDS = (1, 2, 3)
PAIRS = 5
NANOGPT_LOSS = 1.8857
"""What nanoGPT's CPU setting ends at."""
QUICK = (
    "--set=model.context_length=64",
    "--set=model.n_layer=2",
    "--set=model.n_head=2",
    "--set=model.n_embd=64",
    "--set=train.batch_size=16",
    "--set=train.context_warmup=0",
    "--set=train.learning_rate=0.05",
    "--set=train.adam_learning_rate=0.03",
    "--set=train.evaluation_interval=1000000",
    "--steps=240",
)
"""A run of 0.11M parameters that ends just below that loss."""
NANOGPT = (
    "--device=cpu", "--compile=False", "--eval_iters=20", "--log_interval=1", "--block_size=64",
    "--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--max_iters=2000",
    "--lr_decay_iters=2000", "--dropout=0.0",
)  # fmt: skip
"""The arguments that its README gives for a CPU."""


def test_tokens_per_second(benchmark: BenchmarkFixture, text: Path, table: Table) -> None:
    """The default preset over a whole run, whose context grows, and how much of the machine's rate
    of matrix products that is."""
    trainer = trainer_of(config_of(text))
    vocabulary = trainer.model.embedding.num_embeddings
    flops = 6 * parameter_count(trainer.config.model, vocabulary)
    tokens_per_second(trainer, 5)
    speeds, rates = [], []

    def pair() -> None:
        rates.append(matrix_rate())
        speeds.append(speed_over_a_run(trainer, 8))
        rates[-1] = (rates[-1] + matrix_rate()) / 2

    benchmark.pedantic(pair, rounds=3 * PAIRS)
    trainer.workers.close()
    fractions = [flops * speed / rate for speed, rate in zip(speeds, rates, strict=True)]
    table.row("tokens/s, default preset, over a run", f"{median(speeds):,.0f}")
    table.row("matrix rate, GFLOP/s", f"{median(rates) / 1e9:.0f}")
    table.row("6 N tokens/s over the matrix rate", f"{median(fractions):.1%}", "45%")
    bits = INTEGERS.get(trainer.hardware.precision)
    if bits:
        rate = integer_rate(bits)
        table.row("integer matrix rate, GFLOP/s", f"{rate / 1e9:.0f}")
        table.row("6 N tokens/s over that", f"{flops * median(speeds) / rate:.1%}")


def speed_over_a_run(trainer: Trainer, steps: int) -> float:
    """Tokens a second, from some steps in each part of a run while its context grows."""
    seconds = 0.0
    for fraction, context_length in context_stages(trainer.config):
        seconds += fraction / tokens_per_second(trainer, steps, context_length)
    return 1 / seconds


def test_a_loaded_machine(benchmark: BenchmarkFixture, text: Path, table: Table) -> None:
    """Beside as many busy processes as cores, which leave half of the time."""
    trainer = trainer_of(config_of(text))
    tokens_per_second(trainer, 5)
    ratios = []

    def pair() -> None:
        alone = tokens_per_second(trainer, 15)
        with busy(CORES):
            ratios.append(tokens_per_second(trainer, 15) / alone)

    benchmark.pedantic(pair, rounds=PAIRS)
    trainer.workers.close()
    table.row(
        f"speed with {CORES} busy processes, over alone",
        f"{median(ratios):.2f}",
        "0.5, its share",
    )


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Processes that take all the time they get."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.parametrize(("minutes", "goal"), [(1, "1.48"), (3, "1.435"), (10, "1.405")])
def test_loss_after(
    minutes: int,
    goal: str,
    benchmark: BenchmarkFixture,
    text: Path,
    table: Table,
    tmp_path: Path,
) -> None:
    """The default preset, planned for a number of minutes, with one evaluation at the end."""
    if minutes == 10 and not os.environ.get("LONG"):
        pytest.skip("half an hour: LONG=1 runs it")
    choices = (f"--minutes={minutes}", "--set=train.evaluation_interval=1000000")
    runs = [run(text, tmp_path, *choices, seed=seed) for seed in SEEDS]
    benchmark.pedantic(lambda: None)
    table.row(f"validation loss after {minutes} minutes", listed(r.loss for r in runs), goal)


def test_time_to_the_loss_of_nanogpt(
    benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path, nanogpt: Path
) -> None:
    """Beside nanoGPT's own setting for a CPU, in turn."""
    ours, theirs = [], []
    for seed in range(1, PAIRS + 1):
        ours.append(run(text, tmp_path, *QUICK, seed=seed))
        theirs.append(nanogpt_seconds(nanogpt, text, tmp_path / f"nanogpt-{seed}", seed))
    benchmark.pedantic(lambda: None)
    table.row(f"loss of the quick run ({NANOGPT_LOSS} to reach)", listed(o.loss for o in ours))
    table.row("its seconds", listed((o.seconds for o in ours), 1))
    table.row("seconds of nanoGPT's CPU setting", listed(theirs, 0))
    ratio = median(t / o.seconds for t, o in zip(theirs, ours, strict=True))
    table.row("nanoGPT's time over ours", f"{ratio:.1f}", "25")


class Run(NamedTuple):
    """How a run ended."""

    loss: float  # at its last evaluation
    seconds: float  # from its first step to that evaluation


def run(text: Path, home: Path, *choices: str, seed: int) -> Run:
    """Train without the screen, by the command."""
    done = subprocess.run(
        [APP, "train", str(text), *choices, f"--set=train.seed={seed}", "--json"],
        check=True,
        capture_output=True,
        env={**os.environ, "TINYGPT_HOME": str(home / f"home-{perf_counter()}")},
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    first = next(event for event in events if event["type"] == "StepDone")
    last = [event for event in events if event["type"] == "Evaluated"][-1]
    print(f"seed {seed}: {last['loss']:.4f}, {last['elapsed']:.1f} s, step {last['step']}")
    return Run(last["loss"], last["elapsed"] - first["elapsed"] + first["seconds"])


def nanogpt_seconds(source: Path, text: Path, here: Path, seed: int) -> float:
    """Train nanoGPT as its README says for a CPU; seconds from its first to its last step."""
    shutil.copytree(source, here, ignore=shutil.ignore_patterns(".git", "data", "assets"))
    data = here / "data" / "shakespeare_char"
    data.mkdir(parents=True)
    read = text.read_text()
    ids = Vocabulary(read).encode_corpus(read).numpy().astype(np.uint16)
    for name, part in zip(("train", "val"), np.split(ids, [int(0.9 * len(ids))]), strict=True):
        part.tofile(data / f"{name}.bin")
    (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": len(set(read))}))
    command = [sys.executable, "-u", "train.py", "config/train_shakespeare_char.py", *NANOGPT]
    with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        began = ended = 0.0
        for line in process.stdout:
            ended = perf_counter()
            began = began or (ended if line.startswith("iter 0:") else 0.0)
    assert process.returncode == 0
    return ended - began


def listed(figures: Iterable[float], digits: int = 4) -> str:
    return ", ".join(f"{figure:.{digits}f}" for figure in figures)
