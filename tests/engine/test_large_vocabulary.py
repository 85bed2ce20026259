"""A text of many different characters takes no more memory than the estimate says."""

import subprocess
import sys

import pytest

PROGRAM = """
import torch
from engine.config import override, small
from engine.device import Hardware
from engine.memory import keep_freed_memory
from engine.training.cost import estimate_memory
from engine.training.dataset import Dataset
from engine.training.trainer import Trainer
from engine.training.workers import WorkerPool
from tests.bench.peak import peak_memory

def train(vocabulary):
    sets = ("n_embd=32", "n_layer=1", "context_length=64", "n_head=1")
    config = override(small("any"), [f"model.{each}" for each in sets])
    hardware = Hardware(torch.device("cpu"), 1, torch.bfloat16, "")
    ids = torch.arange(30_000, dtype=torch.int32) % vocabulary
    trainer = Trainer(config, vocabulary, Dataset(ids, 64, 0.1, 1), hardware, WorkerPool(1))
    trainer.step(0.5, 64)
    next(trainer.evaluate(64))
    return estimate_memory(config, vocabulary, hardware.device, 1)

keep_freed_memory()
train(50)  # what is loaded and compiled with the first step
before = peak_memory()
estimate = train(20_000)
print(estimate, peak_memory() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak")
def test_the_estimate_covers_the_logits_of_20_000_characters() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=100
    )
    estimate, taken = map(int, result.stdout.split())
    assert taken <= estimate <= 2 * taken
