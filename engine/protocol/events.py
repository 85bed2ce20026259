"""Events: what the engine reports."""

import time
from typing import Literal

from msgspec import Struct

from engine.config import RunConfig
from engine.protocol.commands import OpenRun
from engine.protocol.message import Message, Phase


class Busy(Message, frozen=True):
    """A longer piece of work: what it is, and how much is done (0 to 1, or -1: unknown)."""

    what: str  # empty: it has ended
    done: float = -1.0


class CorpusLoaded(Message, frozen=True):
    """The text has been read and counted. Losses are in nats a character."""

    name: str
    source: str
    license: str
    note: str
    opening: str  # words of this text to begin from, when the person has given none
    characters: int
    lines: int
    vocabulary: int
    train_characters: int
    validation_characters: int
    frequent: tuple[tuple[str, int], ...]
    uniform_loss: float
    unigram_loss: float
    bigram_loss: float


class Opened(Message, frozen=True):
    """A run is ready: fresh (step 0), or as it was saved."""

    run: str
    config: RunConfig
    phase: Phase
    step: int
    steps: int
    elapsed: float  # seconds trained so far
    learning_rate: float
    parameters: int
    device: str
    threads: int
    precision: str
    choice: str  # one line: what was measured to choose threads and precision
    note: str  # one or two sentences: that it is not as it was, or who trains it; or nothing


class ConfirmationRequired(Message, frozen=True):
    """What was asked for needs a yes: the command that then carries it out."""

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
    context_length: int  # characters it reads at once by now: it grows
    seconds: float  # of this step
    elapsed: float  # seconds trained so far, evaluations and writing included
    remaining: float  # seconds, estimated


class Evaluated(Message, frozen=True):
    """The loss over the whole validation part, in pieces of `context_length` characters."""

    step: int
    loss: float  # nats a character
    bits_per_char: float
    accuracy: float  # share of characters guessed right
    context_length: int
    seconds: float
    elapsed: float


class Excerpt(Message, frozen=True):
    """What it writes by itself at this step: a line or two on from the last prompt."""

    step: int
    prompt: str
    text: str


class LearningRateChanged(Message, frozen=True):
    step: int
    learning_rate: float


class Extended(Message, frozen=True):
    """The run was made longer: it now ends after `steps`, or after `minutes` where those rule."""

    step: int
    steps: int
    minutes: float


class SampleStarted(Message, frozen=True):
    sample_id: int
    step: int  # whose weights write
    prompt: str  # what of the prompt the model knows
    unknown: str  # the characters it has never seen, each once; left out
    unseen: int  # how many characters at the prompt's start lie beyond its context


class TextSampled(Message, frozen=True):
    sample_id: int
    text: str
    characters: int  # so far
    seconds: float  # spent writing so far


class SampleDone(Message, frozen=True):
    sample_id: int
    characters: int
    seconds: float
    reason: Literal["length", "stop character", "stopped"]


class Measured(Message, frozen=True):
    """What a run of `config` would cost on this machine."""

    config: RunConfig
    parameters: int
    memory: int  # bytes, estimated
    step_seconds: float  # of a real step, measured


class Saved(Message, frozen=True):
    run: str
    step: int
    path: str


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
    problem: str = ""  # why it cannot be opened: the steps are 0 then

    @property
    def last_used(self) -> str:
        """When, as a person here reads it."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))


class RunsListed(Message, frozen=True):
    """The saved runs, last used first."""

    runs: tuple[RunSummary, ...]


class RunChanged(Message, frozen=True):
    """A saved run has another note or name; no name: it is gone."""

    run: str
    name: str


class RunCurve(Struct, frozen=True):
    """How a saved run went: its loss on held-out text, in nats a character, by step."""

    run: str
    losses: tuple[tuple[int, float], ...]


class Compared(Message, frozen=True):
    """The runs that are to be compared with the open one."""

    runs: tuple[RunCurve, ...]


class Failed(Message, frozen=True):
    """Something went wrong: one sentence for the person."""

    message: str
    during: Literal["open", "train", "sample", "save", "measure", "runs", "engine"]


class Closed(Message, frozen=True):
    """The engine thread has ended; no event follows."""


Event = (
    Busy
    | CorpusLoaded
    | Opened
    | ConfirmationRequired
    | PhaseChanged
    | StepDone
    | Evaluated
    | Excerpt
    | LearningRateChanged
    | Extended
    | SampleStarted
    | TextSampled
    | SampleDone
    | Measured
    | Saved
    | RunsListed
    | RunChanged
    | Compared
    | Failed
    | Closed
)

Recorded = StepDone | Evaluated | Excerpt | LearningRateChanged | Extended
RECORDED = (StepDone, Evaluated, Excerpt, LearningRateChanged, Extended)
"""The events that make up a run's history, kept in its `metrics.jsonl`."""
