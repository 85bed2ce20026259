"""Where to compute, in which number format and with how many threads: measured at the start."""

import ctypes
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

import torch

from engine.config import ModelConfig, TrainConfig

MOST_THREADS = torch.get_num_threads()
"""What torch takes by itself: the number of cores. Read before any choice is made."""
TRIAL_FLOPS = 5e8
"""Work of one trial: a few milliseconds."""
TRIALS = 7
"""Trials of each choice; their median counts."""


class Hardware(NamedTuple):
    """The choice, and how it came about."""

    device: torch.device
    threads: int
    precision: torch.dtype
    reason: str

    @property
    def precision_name(self) -> str:
        return str(self.precision).removeprefix("torch.")


def choose(model: ModelConfig, train: TrainConfig) -> Hardware:
    """The device asked for, or the best there is; on a CPU the quickest threads and precision.

    Sets the number of threads of the calling thread. ValueError, in a sentence, for a device
    that this machine lacks.
    """
    device = _device(train.device)
    if device.type != "cpu":
        precision = torch.float32
        if train.precision == "bfloat16" or (
            train.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
        ):
            precision = torch.bfloat16
        return Hardware(device, torch.get_num_threads(), precision, f"{device.type} was found")

    threads = [train.threads] if train.threads else _counts()
    formats = [torch.float32, torch.bfloat16]
    if train.precision != "auto":
        formats = [getattr(torch, train.precision)]
    choices = [(count, precision) for count in threads for precision in formats]
    seconds = _trials(choices, model.width) if len(choices) > 1 else {choices[0]: 0.0}
    count, precision = min(seconds, key=lambda choice: seconds[choice])
    torch.set_num_threads(count)
    return Hardware(device, count, precision, _reason(seconds))


def keep_freed_memory() -> None:
    """Ask the C library to keep large freed blocks for the next step.

    glibc gives them back to the system each time, and a training step then spends up to a
    quarter of its time on page faults. Elsewhere there is nothing to do.
    """
    if platform.system() == "Linux" and platform.libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 1 << 30)
        libc.mallopt(trim_threshold, 1 << 30)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread, for work in small pieces.

    Sharing out a product of one row costs more than it saves, and on a loaded machine the
    threads wait for one another: writing was 10 to 50 times slower with two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cpu"
        if torch.cuda.is_available():
            name = "cuda"
        elif torch.backends.mps.is_available():
            name = "mps"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device here that torch can use: take --device cpu.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise ValueError("There is no Apple GPU here that torch can use: take --device cpu.")
    return torch.device(name)


def _counts() -> list[int]:
    """One thread, half of the cores, all of them."""
    return sorted({1, (MOST_THREADS + 1) // 2, MOST_THREADS})


def _trials(
    choices: list[tuple[int, torch.dtype]], width: int
) -> dict[tuple[int, torch.dtype], float]:
    """Seconds of each choice: the median of trials taken in turn, so that a machine that is busy
    for a moment is busy for all, and one that is busy all along shows that fewer threads pay."""
    taken: dict[tuple[int, torch.dtype], list[float]] = {choice: [] for choice in choices}
    for number in range(TRIALS + 1):
        for count, precision in choices:
            torch.set_num_threads(count)
            seconds = _half_block(width, precision)
            if number:  # the first one warms up
                taken[count, precision].append(seconds)
    return {choice: median(series) for choice, series in taken.items()}


def _half_block(width: int, precision: torch.dtype) -> float:
    """Seconds for the products and passes of an MLP."""
    x = torch.ones(max(64, int(TRIAL_FLOPS / (16 * width**2))), width)
    up, down = torch.ones(4 * width, width), torch.ones(width, 4 * width)
    began = time.perf_counter()
    hidden = (x.to(precision) @ up.to(precision).T).relu()
    (hidden * hidden @ down.to(precision).T).float().add_(x)
    return time.perf_counter() - began


def _reason(seconds: dict[tuple[int, torch.dtype], float]) -> str:
    if len(seconds) == 1:
        return "as asked for"
    best = min(seconds.values())
    return "measured: " + ", ".join(
        f"{threads} × {'bf16' if precision == torch.bfloat16 else 'fp32'} {took / best:.1f}"
        for (threads, precision), took in sorted(seconds.items(), key=lambda item: item[1])
    )
