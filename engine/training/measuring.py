"""What a run of some config would cost here, measured beside the run that is open."""

import time

import torch
from msgspec.structs import replace

from engine.config import RunConfig
from engine.device import Hardware, synchronize
from engine.model.gpt import flops_per_token, parameter_count
from engine.protocol import Measured
from engine.training.cost import check_memory, estimate_memory
from engine.training.dataset import Dataset
from engine.training.schedule import context_stages
from engine.training.trainer import Trainer
from engine.training.workers import WorkerPool

STEP_FLOPS = 2e10
"""Work of one step when a cost is measured: a fraction of a second on a laptop."""


def measure(
    config: RunConfig, vocabulary: int, hardware: Hardware, workers: WorkerPool
) -> Measured:
    """Parameters, memory and time of a step of `config`, on the hardware and with the idle workers
    of the run that is open. ValueError, with a user-facing message, if it needs more memory than is
    free."""
    check_memory(config, vocabulary, hardware.device, hardware.threads)
    return Measured(
        config=config,
        parameters=parameter_count(config.model, vocabulary),
        memory=estimate_memory(config, vocabulary, hardware.device, hardware.threads),
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
