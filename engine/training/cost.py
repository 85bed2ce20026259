"""What a run costs: the memory it takes, whether there is as much, and the time of a step."""

import time
from collections.abc import Iterable

import psutil
import torch
from msgspec.structs import replace

from engine.config import RunConfig
from engine.device import Hardware, synchronize
from engine.model.size import flops_per_token, on_meta, parameter_count
from engine.protocol import Measured
from engine.training.dataset import Dataset
from engine.training.replica import micro_batch
from engine.training.schedule import context_stages
from engine.training.trainer import Trainer, characters_at_once
from engine.training.workers import WorkerPool

STEP_FLOPS = 2e10
"""Work of one step when a cost is measured: a fraction of a second on a laptop."""


def estimate_memory(config: RunConfig, vocabulary: int, device: torch.device, threads: int) -> int:
    """Bytes that training takes beyond what torch itself does.

    These are the weights (value, momentum, two copies that write, and for each worker the gradient
    so far and that of a micro-batch), and either the activations that are kept for the backward
    pass or the logits of an evaluation, which are more if the vocabulary is large.
    """
    time, model = config.model.context_length, on_meta(config.model, vocabulary)
    parameters = sum(p.numel() for p in model.parameters())
    weights = (4 + 2 * threads) * parameters
    if config.train.optimizer == "adamw":  # two averages for each weight, where Muon has one
        weights += parameters
    rows = evaluated = characters_at_once(config)
    if device.type == "cpu":
        evaluated = threads * max(micro_batch(parameters), time)
        rows = min(rows, evaluated)
    sublayers = [layer.activations(time) for layer in model.sublayers()]
    meanwhile = 2 * max(sublayers)  # what one sublayer needs on top of what all of them keep
    # The logits come as product, as float32, with their logarithms and with their gradient.
    training = rows * (sum(sublayers) + meanwhile + 4 * vocabulary)
    return 4 * (weights + max(training, evaluated * 3 * vocabulary))


def check_memory(config: RunConfig, vocabulary: int, device: torch.device, threads: int) -> None:
    """ValueError with a user-facing message for a run that needs more memory than is free."""
    _check_free(estimate_memory(config, vocabulary, device, threads), device, "This run")


def check_memory_of_all(
    configs: Iterable[RunConfig], characters: int, device: torch.device, threads: int
) -> None:
    """The same for runs that are open together."""
    needed = sum(
        estimate_memory(config, config.model.vocabulary_of(characters), device, threads)
        for config in configs
    )
    _check_free(needed, device, "These runs together")


def _check_free(needed: int, device: torch.device, who: str) -> None:
    free = _free(device)
    if needed > free:
        raise ValueError(
            f"{who} would need about {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB "
            "are free: take a smaller preset, width, context or batch."
        )


def _free(device: torch.device) -> int:
    """Bytes that a program may still take without others being swapped out."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _taken(device: torch.device) -> int:
    """Bytes that this process takes already where the estimate counts: torch, most of them."""
    return 0 if device.type == "cuda" else int(psutil.Process().memory_info().rss)


def measure(
    config: RunConfig, vocabulary: int, hardware: Hardware, workers: WorkerPool
) -> Measured:
    """Parameters, memory and time of a step of `config` on a text of `vocabulary` characters, on the
    hardware and with the idle workers of the run that is open. ValueError, with a user-facing
    message, if it needs more memory than is free."""
    check_memory(config, vocabulary, hardware.device, hardware.threads)
    return Measured(
        config=config,
        parameters=parameter_count(config.model, vocabulary),
        memory=_taken(hardware.device)
        + estimate_memory(config, vocabulary, hardware.device, hardware.threads),
        step_seconds=measure_step(config, vocabulary, hardware, workers),
    )


def measure_step(
    config: RunConfig, vocabulary: int, hardware: Hardware, workers: WorkerPool
) -> float:
    """Seconds that one step of `config` takes here, the mean over a run whose context grows, from
    real steps of a model built aside.

    A step too large to try in a moment is tried with fewer pieces of text, and scaled.
    """
    train = config.train
    flops = flops_per_token(config.model, vocabulary) * config.model.context_length
    size = max(1, min(train.batch_size, int(STEP_FLOPS / flops)))
    ids = torch.arange(20 * config.model.context_length + 40) % vocabulary
    dataset = Dataset(ids, config.model.context_length, 0.1, 0)
    trial = replace(config, train=replace(train, batch_size=size))
    trainer = Trainer(trial, vocabulary, dataset, hardware, workers)

    def step(context_length: int) -> float:
        synchronize(hardware.device)
        began = time.perf_counter()
        trainer.step(0.5, context_length)
        synchronize(hardware.device)
        return time.perf_counter() - began

    # The first of three warms up.
    mean = sum(
        fraction * min([step(context_length) for _ in range(3)][1:])
        for fraction, context_length in context_stages(config)
        if fraction
    )
    return mean * train.batch_size / size
