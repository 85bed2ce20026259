"""Runs built without a session, to time their parts."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

from data import files
from engine.config import RunConfig, override, preset
from engine.memory import keep_freed_memory
from engine.model.integer_packing import LIMITS
from engine.model.integer_products import multiply
from engine.model.kernels import Array
from engine.model.tokenizer import Vocabulary
from engine.session.context import RunContext
from engine.training.autotune import HOPELESS, MAX_THREADS
from engine.training.trainer import Trainer

CORES = MAX_THREADS


def config_of(path: Path, *assignments: str, name: str = "small") -> RunConfig:
    return override(preset(name, str(path)), assignments)


def trainer_of(config: RunConfig) -> Trainer:
    """A trainer like the app's, on the hardware it would choose."""
    keep_freed_memory()
    text = files.read(Path(config.corpus)).text
    return RunContext(config, text, Vocabulary(text), "", perf_counter).trainer


def tokens_per_second(trainer: Trainer, steps: int, context_length: int = 0) -> float:
    """Characters trained on in a second, by the median of some steps; the context length is that
    of the model unless given."""
    context_length = context_length or trainer.config.model.context_length
    speeds = []
    for _ in range(steps):
        began = perf_counter()
        tokens = trainer.step(0.5, context_length).tokens
        speeds.append(tokens / (perf_counter() - began))
    return median(speeds)


def matrix_rate(side: int = 1024, trials: int = 15) -> float:
    """FLOP/s of square products here, with all cores, in the quicker of float32 and bfloat16."""
    threads = torch.get_num_threads()
    torch.set_num_threads(CORES)
    rates: list[float] = []
    for precision in (torch.float32, torch.bfloat16):
        a = torch.randn(side, side).to(precision)
        out = torch.empty_like(a)
        seconds = []
        for _ in range(trials):
            began = perf_counter()
            torch.mm(a, a, out=out)
            seconds.append(perf_counter() - began)
            if rates and HOPELESS * 2 * side**3 / seconds[-1] < rates[0]:
                break
        rates.append(2 * side**3 / median(seconds))
    torch.set_num_threads(threads)
    return max(rates)


def integer_rate(bits: int, side: int = 1024, trials: int = 15) -> float:
    """FLOP/s of square products of integers of so many bits here, one on each core."""
    x = np.ones((side, side), np.float32)
    outs, largest = [np.empty_like(x) for _ in range(CORES)], np.empty(side, np.float32)

    def work(out: Array) -> None:
        multiply(LIMITS[bits], x, x, False, out, False, largest.copy())

    seconds = []
    with ThreadPoolExecutor(CORES) as pool:
        for _ in range(trials):
            began = perf_counter()
            list(pool.map(work, outs))
            seconds.append(perf_counter() - began)
    return CORES * 2 * side**3 / median(seconds)
