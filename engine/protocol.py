"""Everything that crosses between the engine thread and the rest: the whole boundary, one page.

Commands go in, events come out. All are small frozen values: only str, int, float, bool and
tuples of them. An event is at once the type, its check and its JSON line: `metrics.jsonl` and
`train --json` hold the same lines that the app folds.
"""

import json
import time
from typing import Literal

import msgspec
from msgspec import Struct

from engine.config import RunConfig, SampleConfig

Phase = Literal["untrained", "training", "paused", "done", "failed", "following"]
"""Following: another program trains the run, and this one watches."""


class _Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A value that may cross."""


# Commands: what a person asks of the engine.


class Open(_Message, frozen=True):
    """Begin a fresh run of this config. The run before it is saved first."""

    config: RunConfig


class OpenRun(_Message, frozen=True):
    """Open a saved run by its name, to prompt it or to train on: as it was saved last, or, with
    "@best" behind the name, as it was in its best exam."""

    name: str
    changed_text: bool = False  # even if its text is not the one that it was trained on


class Train(_Message, frozen=True):
    """Train until the planned end; after that end, by as much again."""


class Pause(_Message, frozen=True):
    """Stop after the step that is being taken."""


class Step(_Message, frozen=True):
    """Take one step, then pause."""


class Stop(_Message, frozen=True):
    """End the run here: a last evaluation, then save."""


class Rollback(_Message, frozen=True):
    """Go on from the last checkpoint, at half the learning rate."""


class SetLearningRate(_Message, frozen=True):
    """Change the learning rate from the next step on (the schedule still scales it)."""

    learning_rate: float


class Sample(_Message, frozen=True):
    """Write on from the prompt. A newer one supersedes it; `sample_id` tells them apart."""

    sample_id: int
    prompt: str
    config: SampleConfig


class StopSample(_Message, frozen=True):
    """Stop writing."""


class Measure(_Message, frozen=True):
    """Take a real step of this config aside, to tell what a run of it would cost."""

    config: RunConfig


class Save(_Message, frozen=True):
    """Save the run now."""


class ListRuns(_Message, frozen=True):
    """List the saved runs; answered by `RunsListed`."""


class RenameRun(_Message, frozen=True):
    """Give a saved run, or the open one, another name."""

    run: str
    name: str


class AnnotateRun(_Message, frozen=True):
    """Keep a note with a saved run, or the open one, in place of the one before."""

    run: str
    note: str


class DeleteRun(_Message, frozen=True):
    """Remove a saved run that no program trains."""

    run: str


class Compare(_Message, frozen=True):
    """Tell how these saved runs went: these, and no others."""

    runs: tuple[str, ...]


class Close(_Message, frozen=True):
    """Save, if there is anything to save, and end the thread."""

    save: bool = True


Command = (
    Open
    | OpenRun
    | Train
    | Pause
    | Step
    | Stop
    | Rollback
    | SetLearningRate
    | Sample
    | StopSample
    | Measure
    | Save
    | ListRuns
    | RenameRun
    | AnnotateRun
    | DeleteRun
    | Compare
    | Close
)


# Events: what the engine tells.


class Busy(_Message, frozen=True):
    """A longer piece of work: what it is, and how much is done (0 to 1, or -1: unknown)."""

    what: str  # empty: it has ended
    done: float = -1.0


class CorpusLoaded(_Message, frozen=True):
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


class Opened(_Message, frozen=True):
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


class ConfirmationRequired(_Message, frozen=True):
    """What was asked for needs a yes: the command that then carries it out."""

    question: str
    command: OpenRun


class PhaseChanged(_Message, frozen=True):
    phase: Phase
    step: int


class StepDone(_Message, frozen=True):
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


class Evaluated(_Message, frozen=True):
    """The loss over the whole validation part, in pieces of `context_length` characters."""

    step: int
    loss: float  # nats a character
    bits_per_char: float
    accuracy: float  # share of characters guessed right
    context_length: int
    seconds: float
    elapsed: float


class Excerpt(_Message, frozen=True):
    """What it writes by itself at this step: a line or two on from the last prompt."""

    step: int
    prompt: str
    text: str


class LearningRateChanged(_Message, frozen=True):
    step: int
    learning_rate: float


class Extended(_Message, frozen=True):
    """The run was made longer: it now ends after `steps`, or after `minutes` where those rule."""

    step: int
    steps: int
    minutes: float


class SampleStarted(_Message, frozen=True):
    sample_id: int
    step: int  # whose weights write
    prompt: str  # what of the prompt the model knows
    unknown: str  # the characters it has never seen, each once; left out
    unseen: int  # how many characters at the prompt's start lie beyond its context


class TextSampled(_Message, frozen=True):
    sample_id: int
    text: str
    characters: int  # so far
    seconds: float  # spent writing so far


class SampleDone(_Message, frozen=True):
    sample_id: int
    characters: int
    seconds: float
    reason: Literal["length", "stop character", "stopped"]


class Measured(_Message, frozen=True):
    """What a run of `config` would cost on this machine."""

    config: RunConfig
    parameters: int
    memory: int  # bytes, estimated
    step_seconds: float  # of a real step, measured


class Saved(_Message, frozen=True):
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


class RunsListed(_Message, frozen=True):
    """The saved runs, last used first."""

    runs: tuple[RunSummary, ...]


class RunChanged(_Message, frozen=True):
    """A saved run has another note or name; no name: it is gone."""

    run: str
    name: str


class RunCurve(Struct, frozen=True):
    """How a saved run went: its loss on held-out text, in nats a character, by step."""

    run: str
    losses: tuple[tuple[int, float], ...]


class Compared(_Message, frozen=True):
    """The runs that are to be compared with the open one."""

    runs: tuple[RunCurve, ...]


class Failed(_Message, frozen=True):
    """Something went wrong: one sentence for the person."""

    message: str
    during: Literal["open", "train", "sample", "save", "measure", "runs", "engine"]


class Closed(_Message, frozen=True):
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


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def to_json(event: Event) -> str:
    """One line of strict JSON (a number that is not finite becomes null)."""
    try:
        return _encoder.encode(event).decode()
    except UnicodeEncodeError:  # a path that is no text; it is told with "?" in these places
        plain = json.dumps(msgspec.to_builtins(event), ensure_ascii=False)
        return plain.encode("utf-8", "replace").decode()


def from_json(line: str | bytes) -> Event:
    """The event of one line; ValueError when it is none of ours."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"A line of the run's record is not readable: {error}.") from None
