"""Training of one run by several ranks: rank 0 leads, and the others do what it says.

Each rank has the whole model, draws the whole batch of a step and computes its chunk; the gradients
are added in the order of the ranks, and each takes the same step. So the others need neither files
nor a clock: rank 0 alone decides what is done next, and sends it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec
import torch
from msgspec.structs import replace
from torch import Tensor

from engine.config import RunConfig, TrainConfig
from engine.device import Hardware, device_of
from engine.launch import RankLostError
from engine.memory import keep_freed_memory
from engine.training.autotune import supports
from engine.training.dataset import Dataset
from engine.training.process_group import ProcessGroup
from engine.training.rank_messages import (
    End,
    Evaluate,
    Message,
    Prepare,
    Synchronize,
    TakeStep,
    TaughtPart,
    decoded,
)
from engine.training.replica import Loss
from engine.training.taught import TaughtText
from engine.training.trainer import ChunkResult, Evaluation, StepResult, Trainer
from engine.training.validation import ValidationText
from engine.training.workers import WorkerPool

ABANDONED = -1
"""In place of an exit code: rank 0 gives up the step."""


_RESULTS: msgspec.msgpack.Decoder[list[list[ChunkResult]]] = msgspec.msgpack.Decoder(
    list[list[ChunkResult]]
)


class StepAbandonedError(Exception):
    """Rank 0 has given up the step that this rank has computed its chunk of."""


class RankTrainer(Trainer):
    """The trainer of one rank."""

    def __init__(
        self,
        config: RunConfig,
        vocabulary: int,
        dataset: Dataset,
        hardware: Hardware,
        workers: WorkerPool,
        group: ProcessGroup,
    ) -> None:
        self.group = group
        self.rank, self.world = group.rank, group.world
        super().__init__(config, vocabulary, dataset, hardware, workers)

    def receive_state(self, step: int, skipped: int) -> None:
        """Continue with the weights and the optimizer's state of rank 0, after so many steps."""
        state = self.state_dict()
        for tensors in state.values():
            for name, tensor in tensors.items():
                tensors[name] = torch.empty_like(tensor, memory_format=torch.contiguous_format)
                self.group.broadcast(tensors[name])
        self.load_state_dict(state, step, skipped)

    def _add_ranks(self, loss: Loss) -> float:
        header = torch.zeros(2, dtype=torch.float64, device=self.hardware.device)
        header[0], header[1] = loss, self.group.stop_code
        headers = self.group.sum(self.optimizer.grads, header).tolist()
        if headers[0][1] == ABANDONED:
            self.optimizer.zero_grad()
            raise StepAbandonedError
        if code := int(max(code for _, code in headers)):
            self.group.on_stop(code)
        return float(sum(loss for loss, _ in headers))

    def _of_all_ranks(self, read: list[list[ChunkResult]]) -> list[list[ChunkResult]]:
        found = [_RESULTS.decode(one) for one in self.group.gather(msgspec.msgpack.encode(read))]
        if self.rank:  # whose result nobody asks for
            return read
        return [[result for part in parts for result in part] for parts in zip(*found, strict=True)]


class LeadTrainer(RankTrainer):
    """The trainer of rank 0: what is asked of it, all ranks do. A step or an evaluation ends, or is
    given up, before another begins."""

    _begun: Message | None = None
    """What the others have begun, and wait for this rank to do its part of."""
    _prepared = False
    _taught: TaughtText | None = None
    """What was taught when the others built their trainers."""

    def slices(
        self,
        lr_factor: float,
        context_length: int,
        before_update: Callable[[], None] = lambda: None,
    ) -> Iterator[float | StepResult]:
        rate = self.learning_rate
        self._begin(TakeStep(rate, lr_factor, context_length, self.step_number, self.skipped))
        yield from super().slices(lr_factor, context_length, before_update)

    def evaluate(
        self, context_length: int, text: ValidationText | None = None
    ) -> Iterator[float | Evaluation]:
        self._begin(Evaluate(context_length, taught=text is not None))
        yield from super().evaluate(context_length, text)

    def settle(self) -> None:
        """Give up what was begun and left alone: the others wait for it."""
        begun, self._begun = self._begun, None
        with suppress(RankLostError):  # nothing is lost with it
            if isinstance(begun, TakeStep):
                numbers = [0.0, ABANDONED]
                header = torch.tensor(numbers, dtype=torch.float64, device=self.hardware.device)
                self.group.sum([torch.zeros_like(p) for p in self.optimizer.parameters], header)
            elif isinstance(begun, Evaluate):
                self.group.gather(msgspec.msgpack.encode([]))

    def _begin(self, message: TakeStep | Evaluate) -> None:
        self.settle()
        if not self._prepared or self._taught is not self.dataset.taught:
            self._taught = self.dataset.taught
            self._prepare()
        elif isinstance(message, Evaluate) and self.group.differs:
            _send(self.group, Synchronize())
            self._send_state()
        _send(self.group, message)
        self._begun = message

    def _send_state(self) -> None:
        for tensors in self.state_dict().values():
            for tensor in tensors.values():
                self.group.broadcast(tensor.detach().contiguous())

    def _prepare(self) -> None:
        taught = self.dataset.taught
        ids = torch.cat((self.dataset.train, self.dataset.validation))
        part = None
        if taught is not None:
            separators = tuple(len(kind) for kind in taught.separators)
            part = TaughtPart(len(taught.ids), separators, taught.share, taught.seed)
        message = Prepare(
            config=self.config,
            vocabulary=self.vocabulary,
            characters=len(ids),
            train=len(self.dataset.train),
            ids=_name(ids.dtype),
            val_characters=self.dataset.val_characters,
            device=self.hardware.device.type,
            threads=self.hardware.threads,
            precision=self.hardware.precision_name,
            step=self.step_number,
            skipped=self.skipped,
            taught=part,
        )
        _send(self.group, message)
        self.group.broadcast(ids)
        if taught is not None:
            for more in (taught.ids, *taught.separators):
                self.group.broadcast(more)
        self._send_state()
        self._prepared = True

    def _add_ranks(self, loss: Loss) -> float:
        assert isinstance(self._begun, TakeStep), "the others have given up this step"
        self._begun = None
        return super()._add_ranks(loss)

    def _of_all_ranks(self, read: list[list[ChunkResult]]) -> list[list[ChunkResult]]:
        assert isinstance(self._begun, Evaluate), "the others have given up this evaluation"
        self._begun = None
        return super()._of_all_ranks(read)


def check_ranks(train: TrainConfig, group: ProcessGroup) -> TrainConfig:
    """The config for one of the ranks: on a CPU it has one thread, unless more are asked for.
    ValueError, with a user-facing message, where there are more of them than the run has work for,
    or than GPUs."""
    train = replace(train, threads=train.threads or 1)
    workers = group.world * train.threads
    if workers > train.batch_size:
        threads = f" with {train.threads} threads each" if train.threads > 1 else ""
        raise ValueError(
            f"{group.world} ranks{threads} are more than the {train.batch_size} windows of text in a "
            "batch: start fewer (--nproc-per-node), or take a larger train.batch_size."
        )
    gpus = torch.cuda.device_count()
    if device_of(train.device).type == "cuda" and group.launch.local_world > gpus:
        raise ValueError(
            f"{group.launch.local_world} ranks were started on this machine, which has {gpus} GPUs: "
            f"take --nproc-per-node {gpus}, or --device cpu."
        )
    return train


def follow_rank_0(group: ProcessGroup) -> int:
    """Do what rank 0 says until it ends; the exit code. ValueError, with a user-facing message, if
    this machine cannot; RankLostError."""
    keep_freed_memory()
    trainer: RankTrainer | None = None
    while True:
        message = decoded(group.receive())
        match message:
            case End(code):
                group.close()
                return code
            case Prepare():
                trainer = _built(message, group)
            case Synchronize() if trainer:
                trainer.receive_state(trainer.step_number, trainer.skipped)
            case TakeStep() if trainer:
                assert trainer.step_number == message.step, "a step is missing or doubled"
                trainer.learning_rate, trainer.skipped = message.learning_rate, message.skipped
                # Rank 0 has found the same, and says what follows from it.
                with suppress(ArithmeticError, StepAbandonedError):
                    trainer.step(message.lr_factor, message.context_length)
            case Evaluate(context_length, taught) if trainer:
                mixed_in = trainer.dataset.taught
                text = mixed_in.evaluated if taught and mixed_in else None
                for _ in trainer.evaluate(context_length, text):
                    pass


def end_ranks(group: ProcessGroup, code: int) -> None:
    """Have the others end with this exit code, where none is lost; in rank 0. RankLostError."""
    if not group.lost:
        _send(group, End(code))
        group.close()


def _send(group: ProcessGroup, message: Message) -> None:
    group.send(msgspec.msgpack.encode(message))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _built(message: Prepare, group: ProcessGroup) -> RankTrainer:
    """The trainer that rank 0 describes, with the same weights."""
    config = message.config
    device = device_of(message.device)
    if device.type == "cpu":
        torch.set_num_threads(1)

    def ids(characters: int) -> Tensor:
        tensor = torch.empty(characters, dtype=getattr(torch, message.ids))
        group.broadcast(tensor)
        return tensor

    dataset = Dataset(
        ids(message.characters),
        config.model.context_length,
        config.train.val_fraction,
        config.train.seed,
        message.val_characters,
        message.train,
    )
    if message.taught is not None:
        separators = message.taught.separators
        text, *kinds = [ids(number) for number in (message.taught.characters, *separators)]
        share, seed = message.taught.share, message.taught.seed
        dataset.taught = TaughtText(text, share, tuple(kinds), dataset.context_length, seed)
    precision = getattr(torch, message.precision)
    on_device = replace(config.train, device=message.device)
    if not supports(message.precision, config.model, on_device):
        raise ValueError(
            f"Rank 0 computes in {message.precision}, for which the processor of this rank lacks the "
            "instructions: set train.precision=float32."
        )
    hardware = Hardware(device, message.threads, precision, "as in rank 0")
    trainer = RankTrainer(
        config, message.vocabulary, dataset, hardware, WorkerPool(hardware.threads), group
    )
    trainer.receive_state(message.step, message.skipped)
    return trainer
