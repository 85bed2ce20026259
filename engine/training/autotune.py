"""Device, precision and number of threads of a run: chosen by measuring at the start, the threads
again from time to time."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from statistics import median

import msgspec
import torch

from engine.config import ModelConfig, TrainConfig
from engine.device import Hardware, device_of
from engine.model.fused import has_kernels
from engine.model.gpt import GPT
from engine.model.products import formats_to_measure, integer_formats
from engine.model.size import flops_per_token
from engine.training.replica import Replica
from engine.training.workers import WorkerPool

MAX_THREADS = torch.get_num_threads()
"""torch's own default: the number of cores. Read before any choice is made."""
TRIAL_FLOPS = 2.5e9
"""Work of one trial: about 20 milliseconds."""
NEARLY = 1.1
"""Times that differ by less than this factor may do so by chance."""
ROUNDING_COST = {torch.int8: 1.05}
"""Factor on the time of a step for the steps that rounding costs."""
TRIAL_LENGTH, TRIAL_VOCABULARY = 64, 64
TRIALS = 5
"""Trials of each choice; their median counts."""
MORE_TRIALS = 6
"""Further ones of the number formats that are nearly equally fast."""
HOPELESS = 4.0
"""A choice that takes this many times the least is not tried again: some processors take ten times
as long in bfloat16."""

SHORT_NAMES = {
    torch.float32: "fp32",
    torch.bfloat16: "bf16",
    torch.int16: "int16",
    torch.int8: "int8",
}
NEEDED = {"int16": "AVX2", "int8": "AVX-VNNI or AVX-512-VNNI"}
"""What an x86 processor needs for a format."""

Seconds = dict[tuple[int, torch.dtype], float]
"""What each choice of threads and precision took."""


def choose(model: ModelConfig, train: TrainConfig, others: Iterable[ModelConfig] = ()) -> Hardware:
    """The device asked for, or the best there is; on a CPU the fastest threads and precision, of those
    in which `others` can be trained, too.

    The threads are workers: each uses one of torch's own threads, and so does the calling thread
    from here on. ValueError with a user-facing message for a device that this machine lacks, or a
    precision in which it cannot train this model.
    """
    device = device_of(train.device)
    check_precision(model, train)
    if device.type != "cpu":
        precision = torch.float32
        if train.precision == "bfloat16" or (
            train.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
        ):
            precision = torch.bfloat16
        return Hardware(device, 1, precision, f"{device.type} was found")

    torch.set_num_threads(1)
    counts = [train.threads] if train.threads else _counts(train.batch_size)
    formats = formats_to_measure(integers=all(map(has_kernels, (model, *others))))
    if train.precision != "auto":
        formats = [getattr(torch, train.precision)]
    choices = [(count, precision) for count in counts for precision in formats]
    seconds = {choices[0]: 0.0}
    if len(choices) > 1:
        *_, seconds = _trials(choices, model)  # type: ignore[assignment]  # the last is the result
    seconds = {
        choice: taken * ROUNDING_COST.get(choice[1], 1.0) for choice, taken in seconds.items()
    }
    count, precision = _best(seconds)
    return Hardware(device, count, precision, _reason(seconds))


def check_precision(model: ModelConfig, train: TrainConfig) -> None:
    """ValueError, with a user-facing message, if this model cannot be trained in the precision that is
    asked for."""
    precision = train.precision
    if precision != "auto" and not supports(precision, model, train):
        raise ValueError(
            f"train.precision={precision} is for an x86 processor with {NEEDED[precision]}, not a GPU, "
            "and for the default norm, positions, activation, QK-norm and residual connections: "
            "take auto."
        )


def supports(precision: str, model: ModelConfig, train: TrainConfig) -> bool:
    """Whether this model can be trained in this number format here."""
    formats = [torch.float32, torch.bfloat16]
    if device_of(train.device).type == "cpu" and has_kernels(model):
        formats += integer_formats()
    return getattr(torch, precision, None) in formats


def measure_threads(
    model: ModelConfig, train: TrainConfig, hardware: Hardware
) -> Iterator[float | Hardware]:
    """After each trial the fraction that is done; then the same hardware with the number of threads
    that is clearly faster now, or as it is if none is. The precision stays.

    For a run whose threads were measured at its start, perhaps on another machine.
    """
    counts = sorted({hardware.threads, *_counts(train.batch_size)})
    seconds: Seconds = {}
    for result in _trials([(count, hardware.precision) for count in counts], model):
        if isinstance(result, float):
            yield result
        else:
            seconds = result
    if seconds[hardware.threads, hardware.precision] > NEARLY * min(seconds.values()):
        threads, _ = _best(seconds)
        hardware = hardware._replace(threads=threads, reason=_reason(seconds))
    yield hardware


def most_threads(train: TrainConfig) -> int:
    """The most threads that a run may get on a CPU."""
    return train.threads or max(_counts(train.batch_size))


def as_before(
    model: ModelConfig, train: TrainConfig, device: str, threads: int, precision: str
) -> TrainConfig:
    """The config with what was chosen for a saved run, as far as this machine supports it: the
    run then continues as it began, and nothing is measured again."""
    if train.device == "auto" and device == device_of("auto").type:
        train = msgspec.structs.replace(train, device=device)
    if not train.threads and threads <= MAX_THREADS:
        train = msgspec.structs.replace(train, threads=threads)
    if not supports(train.precision, model, train):
        train = msgspec.structs.replace(train, precision="auto")
    if train.precision == "auto" and supports(precision, model, train):
        train = msgspec.structs.replace(train, precision=precision)
    return train


def _counts(batch_size: int) -> list[int]:
    """One thread, half of the cores, all of them; no more than there are windows in a batch."""
    return sorted({min(count, batch_size) for count in (1, (MAX_THREADS + 1) // 2, MAX_THREADS)})


def _trials(
    choices: list[tuple[int, torch.dtype]], config: ModelConfig
) -> Iterator[float | Seconds]:
    """After each trial the fraction that is done; then the seconds of each choice for one block of
    the model, forward and back.

    The median of trials taken in turn: a machine that is busy for a moment is busy for all, and
    one that is busy all along shows that fewer threads pay.
    """
    config = msgspec.structs.replace(
        config, n_layer=1, context_length=min(config.context_length, TRIAL_LENGTH)
    )
    model = GPT(config, TRIAL_VOCABULARY).init_weights(torch.Generator().manual_seed(0))
    most = max(count for count, _ in choices)
    rows = TRIAL_FLOPS / flops_per_token(config, TRIAL_VOCABULARY)
    pieces = max(most, int(rows / config.context_length))
    ids = torch.zeros(pieces, config.context_length, dtype=torch.int64)
    replicas = {
        precision: [Replica(model, precision) for _ in range(most)] for _, precision in choices
    }
    taken: dict[tuple[int, torch.dtype], list[float]] = {choice: [] for choice in choices}
    with ExitStack() as stack:
        pools = {count: stack.enter_context(WorkerPool(count)) for count, _ in choices}
        for done in range(TRIALS + 1):
            least = min((min(series) for series in taken.values() if series), default=math.inf)
            for count, precision in choices:
                series = taken[count, precision]
                if not series or min(series) <= HOPELESS * least:
                    series.append(_trial(pools[count], replicas[precision], ids))
                    yield done / (TRIALS + 1)
        close = _close_formats(_medians(taken))
        for _ in range(MORE_TRIALS):
            for count, precision in close:
                taken[count, precision].append(_trial(pools[count], replicas[precision], ids))
                yield 1.0
    yield _medians(taken)


def _medians(taken: dict[tuple[int, torch.dtype], list[float]]) -> Seconds:
    """The first trial of each choice warms up."""
    return {choice: median(series[1:] or series) for choice, series in taken.items()}


def _close_formats(seconds: Seconds) -> list[tuple[int, torch.dtype]]:
    """The choices of the best number of threads that are nearly equally fast; none if that is one."""
    best, _ = _best(seconds)
    least = min(taken for (count, _), taken in seconds.items() if count == best)
    close = [c for c, taken in seconds.items() if c[0] == best and taken <= NEARLY * least]
    return close if len(close) > 1 else []


def _trial(workers: WorkerPool, replicas: list[Replica], ids: torch.Tensor) -> float:
    """Seconds of one forward and backward pass over these ids."""
    chunks = workers.split(len(ids))
    began = time.perf_counter()
    workers.map(
        lambda i: replicas[i].loss_and_grad(ids[chunks[i]], ids[chunks[i]], ids.numel(), None),
        range(len(chunks)),
    )
    return time.perf_counter() - began


def _best(seconds: Seconds) -> tuple[int, torch.dtype]:
    """The quickest choice, or one with more threads that is as quick but for chance: where cores
    are only busy for a while, more threads are right for the rest of the run."""
    least = min(seconds.values())
    near = [choice for choice, taken in seconds.items() if taken <= NEARLY * least]
    return min(near, key=lambda choice: (-choice[0], seconds[choice]))


def _reason(seconds: Seconds) -> str:
    if len(seconds) == 1:
        return "as asked for"
    best = min(seconds.values())
    return "measured: " + ", ".join(
        f"{threads} × {SHORT_NAMES[precision]} {took / best:.1f}"
        for (threads, precision), took in sorted(seconds.items(), key=lambda item: item[1])
    )
