"""Events: what the engine reports."""

import time
from typing import Literal

from msgspec import Struct

from engine.config import RunConfig
from engine.protocol.commands import OpenRun
from engine.protocol.insight import InsightEvent
from engine.protocol.ladder import LadderMeasured
from engine.protocol.message import Message, Phase
from engine.protocol.moments import MomentsKept


class Busy(Message, frozen=True):
    """Longer work: what it is, and the fraction done (0 to 1, or -1: unknown)."""

    what: str  # empty: it has ended
    done: float = -1.0


class CorpusLoaded(Message, frozen=True):
    """The text has been read and counted. Losses are in nats a character."""

    name: str
    source: str
    license: str
    note: str
    opening: str  # the prompt when the user has given none
    characters: int
    lines: int
    vocabulary: int
    train_characters: int
    validation_characters: int
    frequent: tuple[tuple[str, int], ...]
    uniform_loss: float
    unigram_loss: float
    bigram_loss: float
    sha256: str = ""  # of the text, to recognize runs on the same text; empty: not recorded


class Opened(Message, frozen=True):
    """A run is ready: a new one (step 0), or a saved one."""

    run: str
    config: RunConfig
    phase: Phase
    step: int
    steps: int
    elapsed: float  # seconds of training so far
    learning_rate: float
    parameters: int
    device: str
    threads: int
    precision: str
    choice: str  # one line: what was measured to choose threads and precision
    note: str  # what differs from when it was saved, or who trains it; or empty
    saving: bool = True  # False: what is trained is lost with the program


class ConfirmationRequired(Message, frozen=True):
    """The user has to confirm a command: this is the one to send after a yes."""

    question: str
    command: OpenRun


class PhaseChanged(Message, frozen=True):
    phase: Phase
    step: int


class StepDone(Message, frozen=True):
    """One step of training. The loss is that of its batch before the update."""

    step: int
    loss: float  # nats a character
    gradient_norm: float
    learning_rate: float
    tokens: int
    context_length: int  # of this step: it grows during a run
    seconds: float  # of this step
    elapsed: float  # seconds of training so far, evaluations and sampling included
    remaining: float  # seconds, estimated


class StepProgress(Message, frozen=True):
    """What is done of a step that takes more than a second: a fraction, 0 to 1."""

    step: int
    done: float
    elapsed: float  # seconds of training so far


class Evaluated(Message, frozen=True):
    """The loss over the validation part, or the fixed sample of it, in pieces of `context_length`
    characters."""

    step: int
    loss: float  # nats a character
    bits_per_char: float
    accuracy: float  # fraction of characters that had the highest logit
    context_length: int
    seconds: float
    elapsed: float
    characters: int = 0  # predicted; 0: not recorded, by an earlier version


class Excerpt(Message, frozen=True):
    """A sample at this step without being asked: a few lines from the prompt for samples, with the
    run's own settings."""

    step: int
    prompt: str
    text: str


class LearningRateChanged(Message, frozen=True):
    step: int
    learning_rate: float


class Extended(Message, frozen=True):
    """The run was extended: it now ends after `steps`, or after `minutes` if these are not 0.

    The learning rate, at `lr_factor` of its peak, rises to `lr_peak` of it and falls to zero from
    there. A peak of 0: by an earlier version, which stretched the schedule that the run began with.
    """

    step: int
    steps: int
    minutes: float
    elapsed: float = 0.0
    lr_factor: float = 0.0
    lr_peak: float = 0.0


class ThreadsChosen(Message, frozen=True):
    """The number of threads was measured again, and is another from the next step on."""

    step: int
    elapsed: float  # seconds of training so far
    threads: int
    choice: str  # one line: what was measured


class SampleStarted(Message, frozen=True):
    sample_id: int
    step: int  # of the weights that generate
    prompt: str  # without unknown characters
    unknown: str  # characters outside the vocabulary, each once
    unseen: int  # characters at the start of the prompt that do not fit the context


class TextSampled(Message, frozen=True):
    sample_id: int
    text: str
    characters: int  # so far
    seconds: float  # spent on it so far


class SampleDone(Message, frozen=True):
    sample_id: int
    characters: int
    seconds: float
    reason: Literal["length", "stop character", "stopped"]


class Measured(Message, frozen=True):
    """What a run of `config` would cost on this machine."""

    config: RunConfig
    parameters: int
    memory: int  # bytes, estimated: on a GPU, there; else of the whole process
    step_seconds: float  # measured


class Saved(Message, frozen=True):
    run: str
    step: int
    path: str


class NotSaved(Message, frozen=True):
    """Comes in place of `Saved` where nothing is saved."""

    run: str
    step: int


class RunSummary(Struct, frozen=True):
    """A saved run in a list."""

    name: str
    corpus: str
    preset: str
    step: int
    steps: int
    best_loss: float | None
    used: float  # seconds since the epoch
    size: int  # bytes on the disk
    note: str = ""
    problem: str = ""  # why it cannot be opened; its steps are 0 then
    parameters: int = 0
    parent: str = ""  # the run that it was forked from, by its name then; empty: none
    parent_step: int = 0

    @property
    def last_used(self) -> str:
        """Date and time in the local time zone."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))

    @property
    def origin(self) -> str:
        """Where it was forked from, in words; empty: it is no fork."""
        return f"fork of {self.parent}@{self.parent_step}" if self.parent else ""


class RunsListed(Message, frozen=True):
    """The saved runs, last used first."""

    runs: tuple[RunSummary, ...]


class RunChanged(Message, frozen=True):
    """A saved run has a new note or name; an empty name: it was deleted."""

    run: str
    name: str


class RunCurve(Struct, frozen=True):
    """The validation losses of a saved run, in nats a character, by step."""

    run: str
    losses: tuple[tuple[int, float], ...]
    corpus: str = ""  # the name of its text
    sha256: str = ""  # of its text; empty: not recorded
    characters: tuple[int, ...] = ()  # trained on until each loss; empty: not recorded
    seconds: tuple[float, ...] = ()  # trained until each loss; empty: not recorded


class Compared(Message, frozen=True):
    """The runs that are to be compared with the open one."""

    runs: tuple[RunCurve, ...]


class Failed(Message, frozen=True):
    """Something went wrong: one sentence for the user."""

    message: str
    during: Literal["open", "train", "sample", "save", "measure", "runs", "inspect", "engine"]


class Closed(Message, frozen=True):
    """The engine thread has ended; no event follows."""


Event = (
    Busy
    | CorpusLoaded
    | Opened
    | ConfirmationRequired
    | PhaseChanged
    | StepDone
    | StepProgress
    | Evaluated
    | Excerpt
    | LearningRateChanged
    | Extended
    | ThreadsChosen
    | SampleStarted
    | TextSampled
    | SampleDone
    | Measured
    | Saved
    | NotSaved
    | RunsListed
    | RunChanged
    | Compared
    | LadderMeasured
    | InsightEvent
    | MomentsKept
    | Failed
    | Closed
)

Recorded = StepDone | Evaluated | Excerpt | LearningRateChanged | Extended
RECORDED = (StepDone, Evaluated, Excerpt, LearningRateChanged, Extended)
"""The events that make up a run's history, kept in its `metrics.jsonl`."""
