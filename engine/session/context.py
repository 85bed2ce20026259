"""Builds what an open run needs, from its config and its text: everything that owns tensors."""

from collections.abc import Callable, Iterator
from functools import cache

import msgspec
import torch

from data.text import Text
from engine.config import ModelConfig, RunConfig, SampleConfig, TrainConfig
from engine.device import Hardware, Machine, device_of, machine_of
from engine.generation.generator import TextGenerator
from engine.generation.sampler import candidates
from engine.generation.streams import SampleStreams
from engine.memory import collecting_garbage, release_code_pages, release_freed_memory
from engine.model.decoder import CompiledDecoder
from engine.model.gpt import GPT
from engine.model.products import formats_to_measure
from engine.model.size import on_meta
from engine.model.tokenizer import Tokenizer
from engine.protocol import Event
from engine.session.encoding import encoded
from engine.session.inspector import Inspector
from engine.session.moment_models import MomentModels
from engine.session.stepper import NextStep
from engine.storage.checkpoints import State
from engine.storage.corpus_text import Report, unreported
from engine.storage.moment_files import Moment
from engine.storage.teaching import Lesson
from engine.training.autotune import as_before, choose, measure_threads, most_threads
from engine.training.cost import check_memory
from engine.training.optimizers import Optimizer
from engine.training.process_group import joined
from engine.training.rank_trainer import LeadTrainer, check_ranks
from engine.training.replica import Replica
from engine.training.taught import TaughtText
from engine.training.trainer import Trainer
from engine.training.workers import WorkerPool

AS_BEFORE = "as it was trained before"
"""Why a saved run has its number of threads, unless that was asked for."""


class RunContext:
    """Trainer, worker threads and text generators of one run, on the hardware chosen for it."""

    def __init__(
        self,
        config: RunConfig,
        text: Text,
        tokenizer: Tokenizer,
        opening: str,
        clock: Callable[[], float],
        before: Machine | None = None,
        training: str | None = None,
        report: Report = unreported,
    ) -> None:
        """`tokenizer`: knows all of the text. `opening`: the prompt of excerpts until the user sets
        another. `before`: the machine that has trained the run so far. `training`: what is trained
        on instead of the training part of the text. `report` gets the progress of encoding a
        large text.

        ValueError, with a user-facing message, if the device is missing or the memory too small.
        """
        group = joined()
        asked = config.train if group is None else check_ranks(config.train, group)
        train = asked
        if before is not None:
            machine = before.device, before.workers, before.precision
            train = as_before(config.model, asked, *machine)
        threads = most_threads(asked)
        check_memory(config, len(tokenizer), device_of(train.device), threads)
        self.hardware = choose(config.model, train)
        if group is not None:
            self.hardware = self.hardware._replace(reason=f"rank 0 of {group.world}")
        elif train.threads != asked.threads:
            self.hardware = self.hardware._replace(reason=AS_BEFORE)
        release_freed_memory()  # of the trials
        self.tokenizer = tokenizer
        dataset, self.tokens = encoded(text, tokenizer, config, training, report)
        release_freed_memory()  # of the encoding
        self.workers = WorkerPool(self.hardware.threads)
        parts = (config, len(tokenizer), dataset, self.hardware, self.workers)
        self.trainer = LeadTrainer(*parts, group) if group else Trainer(*parts)
        self.threads_are_measured = (
            self.hardware.device.type == "cpu" and not asked.threads and threads > 1
        )
        """Whether the number of threads was chosen by measuring, from several, and not asked for."""
        self.lesson: Lesson | None = None
        """What the run is taught besides its text, if anything."""
        self._opening = opening
        self._clock = clock
        self._reply_generator = TextGenerator(self.trainer.model, self.tokenizer, clock)
        self._excerpt_generator = TextGenerator(self.trainer.model, self.tokenizer, clock)

    @property
    def machine(self) -> Machine:
        """What the last bits of the next step depend on."""
        return machine_of(self.hardware, self.trainer.world)

    @property
    def ranks_note(self) -> str:
        """A sentence on the ranks that train it together, or nothing."""
        return self.trainer.group.note if isinstance(self.trainer, LeadTrainer) else ""

    def measure_threads(self) -> Iterator[float | Hardware]:
        """Measure the threads again, in slices (see `engine.training.autotune.measure_threads`)."""
        config = self.trainer.config
        self.trainer.make_room("measuring threads")
        yield from measure_threads(config.model, config.train, self.hardware)
        release_freed_memory()  # of the trials

    def change_threads(self, hardware: Hardware) -> None:
        """Train on with the threads of `hardware`, which is the same otherwise. Not while a step or
        an evaluation is in progress."""
        self.workers.close()
        self.hardware, self.workers = hardware, WorkerPool(hardware.threads)
        self.trainer.use_workers(self.hardware, self.workers)

    def teach(self, lesson: Lesson) -> None:
        """Mix a text of known characters into the batches. Not while a step is in progress."""
        self.lesson = lesson
        taught = lesson.taught
        kinds = ("\n", "\n \t") if "\n" in taught.text.strip() else ("\n \t",)
        known = (self.tokenizer.split_known(kind)[0] for kind in kinds)
        dataset = self.trainer.dataset
        dataset.taught = TaughtText(
            self.tokenizer.encode_corpus(taught.text),
            taught.share,
            tuple(map(self.tokenizer.encode_corpus, known)),
            dataset.context_length,
            dataset.seed,
        )

    def sample_streams(
        self, config: SampleConfig, context_length: Callable[[], int], emit: Callable[[Event], None]
    ) -> SampleStreams:
        """The samples of the run. There is one set of generators: call this once."""
        return SampleStreams(
            self.tokenizer,
            self._reply_generator,
            self._excerpt_generator,
            opening=self._opening,
            config=config,
            context_length=context_length,
            emit=emit,
        )

    def moment_models(
        self, context_length: Callable[[], int], moments: Callable[[], list[Moment]]
    ) -> MomentModels:
        """The models of earlier steps, of which `moments` are kept."""
        return MomentModels(self.trainer, context_length, moments)

    def inspector(
        self,
        models: MomentModels,
        emit: Callable[[Event], None],
        next_step: Callable[[], NextStep] | None = None,
    ) -> Inspector:
        """What looks inside the model, as it is at present or at a kept step. `next_step`: how a
        run that is trained here goes on, for trials."""
        return Inspector(self.trainer, models, self.tokenizer, emit, self._clock, next_step)

    @property
    def checkpoint_bytes(self) -> int:
        """The size of a checkpoint on disk."""
        tensors = [t for group in self.trainer.state_dict().values() for t in group.values()]
        return sum(t.numel() * t.element_size() for t in tensors)

    def close(self) -> None:
        """End its threads, and what other ranks have begun with it."""
        if isinstance(self.trainer, LeadTrainer):
            self.trainer.settle()
        self.workers.close()


@cache
def load_loops() -> None:
    """Have Numba compile what training and sampling need, or load it from its cache: once in a
    process. Then return to the system what only that needed, and the start before it."""
    with collecting_garbage():  # a compiler makes much of it
        _compile_loops()
    release_code_pages()


def _compile_loops() -> None:
    shape = msgspec.structs.replace(ModelConfig(), n_embd=16, n_layer=1, context_length=8)
    model, ids = GPT(shape, 2).init_weights(torch.Generator()), torch.zeros(1, 8, dtype=torch.int64)
    for precision in formats_to_measure(integers=True):
        _, grads = Replica(model, precision).loss_and_grad(ids, ids, ids.numel(), None)
    for train in (TrainConfig(optimizer="muon"), TrainConfig(optimizer="normuon")):
        optimizer = Optimizer(model, train, WorkerPool(1))
        optimizer.set_grads([grads])
        optimizer.step(0.0)
    candidates(CompiledDecoder(shape, 2).read(0), SampleConfig())


def check_state(state: State, config: RunConfig, vocabulary: int) -> None:
    """ValueError with a user-facing message for tensors that are not those of such a model, in the
    groups that there are. No tensor of its size is allocated."""
    model = on_meta(config.model, vocabulary)
    with torch.device("meta"):
        optimizer = Optimizer(model, config.train, WorkerPool(1))
    expected = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    for group, tensors in ((name, expected[name]) for name in state):
        for name in tensors.keys() | state[group].keys():
            ours, theirs = tensors.get(name), state[group].get(name)
            if ours is None or theirs is None:
                raise ValueError(f"The checkpoint does not fit its model: {group} {name}.")
            if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
                raise ValueError(
                    f"The checkpoint does not fit its model: {group} {name} is "
                    f"{tuple(theirs.shape)}, not {tuple(ours.shape)}."
                )
