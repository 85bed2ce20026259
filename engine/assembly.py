"""Puts a run together from its config and its text: the one place where everything is built."""

import time
from collections.abc import Callable

import msgspec
import torch

from engine.by_hand import ROWS, ByHand
from engine.checkpoints import State
from engine.config import ModelConfig, RunConfig
from engine.dataset import Dataset
from engine.decoder import Decoder
from engine.hardware import Hardware, as_before, choose, release_freed_memory, synchronize
from engine.machine import Machine, machine_of
from engine.model import GPT
from engine.optim import Optimizer
from engine.shards import Shards
from engine.trainer import Trainer
from engine.vocabulary import Vocabulary
from engine.writer import Writer

STEP_FLOPS = 2e10
"""Work of one step when a cost is measured: a fraction of a second on a laptop."""


class Assembly:
    """All that owns tensors in a run: what learns, what answers prompts, what writes excerpts."""

    def __init__(
        self,
        config: RunConfig,
        text: str,
        characters: str,
        opening: str,
        clock: Callable[[], float],
        before: Machine | None = None,
    ) -> None:
        """`characters`: those of the text. `opening`: words to begin from until a person gives
        some. `before`: where the run was computed so far."""
        self.opening = opening
        train = config.train
        if before is not None:
            train = as_before(train, before.device, before.threads, before.precision)
        self.hardware = choose(config.model, train)
        self.machine = machine_of(self.hardware)
        release_freed_memory()  # of the trials
        self.vocabulary = Vocabulary(characters)
        dataset = Dataset(
            self.vocabulary.encode_corpus(text),
            config.model.context_length,
            config.train.validation,
            config.train.seed,
        )
        self.shards = Shards(self.hardware.threads)
        self.trainer = Trainer(config, len(self.vocabulary), dataset, self.hardware, self.shards)
        self.prompt_writer = Writer(self.trainer.model, self.vocabulary, clock)
        self.excerpt_writer = Writer(self.trainer.model, self.vocabulary, clock)

    @property
    def checkpoint_bytes(self) -> int:
        """What a checkpoint takes on the disk."""
        tensors = [t for group in self.trainer.state_dict().values() for t in group.values()]
        return sum(t.numel() * t.element_size() for t in tensors)

    def close(self) -> None:
        """End its threads."""
        self.shards.close()


def compile_loops() -> None:
    """Have Numba compile all that a step and a character need, or read it from its cache."""
    shape = msgspec.structs.replace(ModelConfig(), width=16, n_layer=1, context_length=8)
    model, ids = GPT(shape, 2), torch.zeros(1, 8, dtype=torch.int64)
    ByHand(model, torch.float32).learn(ids, ids, ids.numel(), None)
    Decoder(shape, 2).read(0)


def check_state(state: State, config: RunConfig, vocabulary: int) -> None:
    """ValueError, in a sentence, for tensors that are not those of such a model. Nothing of its
    size is made."""
    with torch.device("meta"):
        model = GPT(config.model, vocabulary)
        optimizer = Optimizer(model, config.train, Shards(1))
    expected = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    for group, tensors in expected.items():
        for name in tensors.keys() | state[group].keys():
            ours, theirs = tensors.get(name), state[group].get(name)
            if ours is None or theirs is None:
                raise ValueError(f"The checkpoint does not fit its model: {group} {name}.")
            if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
                raise ValueError(
                    f"The checkpoint does not fit its model: {group} {name} is "
                    f"{tuple(theirs.shape)}, not {tuple(ours.shape)}."
                )


def measure_step(config: RunConfig, vocabulary: int, hardware: Hardware, shards: Shards) -> float:
    """Seconds that one step of `config` takes here, the mean over a run whose context grows, from
    real steps of a model built aside.

    A step too large to try in a moment is tried with fewer pieces of text, and scaled.
    """
    train = config.train
    flops = config.model.flops_per_token(vocabulary) * config.model.context_length
    size = max(1, min(train.batch_size, int(STEP_FLOPS / flops)))
    ids = torch.arange(20 * config.model.context_length + 40) % vocabulary
    dataset = Dataset(ids, config.model.context_length, 0.1, 0)
    trial = msgspec.structs.replace(config, train=msgspec.structs.replace(train, batch_size=size))
    trainer = Trainer(trial, vocabulary, dataset, hardware, shards)

    def step(parts: int) -> float:
        trainer.context_length = config.model.context_length // parts
        synchronize(hardware.device)
        began = time.perf_counter()
        trainer.step(0.5)
        synchronize(hardware.device)
        return time.perf_counter() - began

    # The first of three warms up.
    mean = sum(
        share * min([step(parts) for _ in range(3)][1:]) for share, parts in train.stages if share
    )
    return mean * train.batch_size / size


def estimate_memory(config: RunConfig, vocabulary: int, hardware: Hardware) -> int:
    """Bytes that training takes beyond what torch itself does: the weights (value, momentum, move,
    two copies that write, a gradient for each thread) and what is remembered for the way back."""
    model = config.model
    weights = (5 + hardware.threads) * model.parameters(vocabulary)
    rows = config.train.batch_size * model.context_length
    if hardware.device.type == "cpu":  # `engine.by_hand` takes few characters at a time
        rows = min(rows, hardware.threads * max(ROWS, model.context_length))
    chances = model.n_head * model.context_length
    per_row = model.n_layer * (18 * model.width + chances) + 14 * model.width + chances
    return 4 * (weights + rows * (per_row + 3 * vocabulary))
