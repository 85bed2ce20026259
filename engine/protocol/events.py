"""Events: what the engine reports."""

from typing import Literal, get_args

from engine.config import RunConfig
from engine.protocol.commands import Opening, OpenRun
from engine.protocol.downloads import DownloadEvent
from engine.protocol.exports import Exported, Imported
from engine.protocol.insight import InsightEvent
from engine.protocol.ladder import LadderMeasured
from engine.protocol.message import Activity, Message, Phase
from engine.protocol.moments import MomentsKept
from engine.protocol.packing import Packed, Unpacked
from engine.protocol.race import RaceEvent
from engine.protocol.reports import ReportGathered
from engine.protocol.saved_runs import Compared, ParentLoaded, RunChanged, RunsListed
from engine.protocol.sweeps import SweepEvent
from engine.protocol.teaching import MappingRequired, TaughtEvent
from engine.protocol.tokens import Tokens


class Busy(Message, frozen=True):
    """Longer work: what it is, and the fraction done (0 to 1, or -1: unknown)."""

    what: str  # empty: it has ended
    done: float = -1.0
    stoppable: bool = False  # by `StopReading`


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
    documents: int = 1  # files that it is made of
    held_out_documents: int = 0  # of them, that are held out whole; 0: the end of the text is
    sha256: str = ""  # of the text, to recognize runs on the same text; empty: not recorded
    trained_on: str = ""  # "the first 50%, words shuffled"; empty: the whole training part


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
    tokens: Tokens = Tokens()


class ConfirmationRequired(Message, frozen=True):
    """The user has to confirm a command: this is the one to send after a yes."""

    question: str
    command: OpenRun | Opening


class PhaseChanged(Message, frozen=True):
    phase: Phase
    step: int


class StepDone(Message, frozen=True):
    """One step of training. The loss is that of its batch before the update."""

    step: int
    loss: float  # nats a token
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
    tokens."""

    step: int
    loss: float  # nats a token
    bits_per_char: float
    accuracy: float  # fraction of tokens that had the highest logit
    context_length: int
    seconds: float
    elapsed: float
    characters: int = 0  # tokens predicted; 0: not recorded, by an earlier version
    bits_per_byte: float | None = None  # None: not a number, or not recorded by an earlier version


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


class Forked(Message, frozen=True):
    """At this step the run was forked from another."""

    step: int
    run: str  # its name then


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


class Failed(Message, frozen=True):
    """Something went wrong: one sentence for the user."""

    message: str
    during: Activity
    request: int = 0  # the number of the question that it answers; 0: it answers none


class Closed(Message, frozen=True):
    """The engine thread has ended; no event follows."""


RunEvent = (
    Opened
    | PhaseChanged
    | StepDone
    | StepProgress
    | Evaluated
    | Excerpt
    | LearningRateChanged
    | Extended
    | ThreadsChosen
    | TaughtEvent
    | SampleStarted
    | TextSampled
    | SampleDone
    | Saved
    | NotSaved
    | LadderMeasured
    | MomentsKept
    | Failed
)
"""What a side of a race reports of its run. `Failed` during "train": it takes no further step, and
the other sides go on."""


class SideEvent(Message, frozen=True):
    """An event of one side of a race. A fold of a run's events, one for each side, takes `event`."""

    side: int  # from 0
    event: RunEvent


Event = (
    RunEvent
    | Busy
    | CorpusLoaded
    | ConfirmationRequired
    | MappingRequired
    | Forked
    | Measured
    | RunsListed
    | RunChanged
    | Compared
    | ParentLoaded
    | InsightEvent
    | Exported
    | Imported
    | Packed
    | Unpacked
    | ReportGathered
    | RaceEvent
    | SweepEvent
    | DownloadEvent
    | SideEvent
    | Closed
)

Recorded = (
    StepDone
    | Evaluated
    | Excerpt
    | LearningRateChanged
    | Extended
    | ThreadsChosen
    | Forked
    | TaughtEvent
)
RECORDED = get_args(Recorded)
"""The events that make up a run's history, kept in its `metrics.jsonl`."""
