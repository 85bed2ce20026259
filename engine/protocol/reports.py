"""What a report of saved runs is made of. It is gathered by the engine, and drawn elsewhere."""

from typing import Literal

from msgspec import Struct

from engine.config import RunConfig
from engine.device import Machine
from engine.protocol.insight import LossDivided
from engine.protocol.message import Message
from engine.protocol.race import Axis, RaceVerdict, RepetitionInfo
from engine.protocol.sweeps import SweepRead
from engine.protocol.tokens import Tokens

MOST_WHOLE = 6
"""Runs of one report of which everything is gathered: a page is to be read."""


class GatherReport(Message, frozen=True):
    """Gather what there is to report of saved runs, or of those of a race or a sweep; answered by
    `ReportGathered`, or by `Failed` during "export".

    The open run is saved first. Training goes on meanwhile, and no run is changed.
    """

    runs: tuple[str, ...]  # NAME, as last saved, NAME@best, NAME@250; or one race or sweep
    path: str = ""  # of the file to be; repeated in the answer


class TrainingLosses(Struct, frozen=True):
    """The training losses of adjacent steps, in nats a character."""

    first: int
    last: int
    low: float
    mean: float
    high: float
    learning_rate: float  # the mean


class ReportedEvaluation(Struct, frozen=True):
    """An evaluation, and how much of training had been done."""

    step: int
    loss: float  # nats a character
    accuracy: float  # fraction of characters that had the highest logit
    characters: int  # predicted; 0: not recorded, by an earlier version
    trained: int  # characters trained on
    seconds: float  # of training


class ReportedSample(Struct, frozen=True):
    """A sample at an evaluation."""

    step: int
    prompt: str
    text: str
    more: int = 0  # characters that are left out at its end


class ReportedChange(Struct, frozen=True):
    """What was changed while the run was trained: by a user, or threads that were measured again."""

    step: int
    what: Literal["learning rate", "steps", "minutes", "threads", "taught"]
    value: float  # of steps and minutes: the planned total from then on; of taught: the share
    text: str = ""  # of taught: the text, if it is short
    source: str = ""  # of taught: where the text is from, as in `Teach`
    mapped: bool = False  # of taught: unknown characters of that were replaced


class ReportedText(Struct, frozen=True):
    """The text that a run was trained on."""

    name: str
    source: str
    license: str
    sha256: str
    vocabulary: int  # of its tokens
    train_characters: int = 0  # 0: the text is not here
    validation_characters: int = 0
    trained_on: str = ""  # "the first 50%, words shuffled"; empty: the whole training part
    tokens: Tokens = Tokens()  # without examples; of a text that is not here, by its evaluations


class ReportedRun(Struct, frozen=True):
    """A run as it was at a step."""

    run: str
    step: int
    steps: int  # planned
    minutes: float  # planned; 0: the steps decide
    done: bool
    holder: str  # the other program that trains it on; empty: none
    config: RunConfig
    created: str  # date and time in UTC
    note: str
    parent: str  # the run that it was forked from, by its name then; empty: none
    parent_step: int
    parent_config: RunConfig | None  # None: none, or not here
    text: ReportedText
    machine: Machine
    parameters: int
    seconds: float  # of training
    trained: int  # characters trained on
    training: tuple[TrainingLosses, ...]
    evaluations: tuple[ReportedEvaluation, ...]
    """Ascending. Of very many, some are left out; the best, the last and the first below each rung
    are among them."""
    samples: tuple[ReportedSample, ...]
    changes: tuple[ReportedChange, ...]
    rungs: tuple[tuple[str, float], ...]  # of the ladder: name, and loss in nats a character
    divided: LossDivided | None  # None: the text is not here, or it is not among the first runs


class ReportedRace(Struct, frozen=True):
    """A race as it was last saved."""

    race: str
    question: str
    axis: Axis
    seeds: int  # repetitions in all
    settings: tuple[tuple[str, ...], ...]  # of each side, KEY=VALUE: those not the same on all
    repetitions: tuple[RepetitionInfo, ...]
    verdict: RaceVerdict | None  # None: not known yet
    characters_each: tuple[float, ...] = ()  # of each side, as in `RaceSide`; empty: 1 for all


class ReportGathered(Message, frozen=True):
    """What there is to report, in the order of the runs that were asked for."""

    runs: tuple[ReportedRun, ...]
    path: str = ""  # as asked
    whole: int = MOST_WHOLE  # runs, from the first on, of which everything is gathered
    race: ReportedRace | None = None  # that they ran
    sweep: SweepRead | None = None  # that they are of
