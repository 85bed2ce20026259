"""Trials: training steps that are taken on a copy of the open run, and leave no trace in it.

Training waits until a trial is over. A newer one replaces one that is in progress.
"""

from typing import Literal

from msgspec import Struct

from engine.protocol.message import Message
from engine.protocol.place import Place

LOWEST_RATE, HIGHEST_RATE = 1e-4, 1.0
"""Between these the learning rate rises in a range test."""


class FindLearningRate(Message, frozen=True):
    """Try learning rates from low to high, one a step, on the batches that come next (learning-rate
    range test, Smith 2017); answered by a `RateTried` for each and a `LearningRateFound`."""

    request: int


class RateTried(Message, frozen=True):
    """A step of the range test. The rate is that of the run: before the schedule."""

    request: int
    number: int  # counted from 1
    steps: int  # at most
    learning_rate: float
    loss: float  # of its batch, before its update
    smoothed: float


class LearningRateFound(Message, frozen=True):
    """What the range test suggests; rates of 0 where there is none."""

    request: int
    step: int  # of the run
    suggested: float  # where the smoothed loss falls most steeply
    low: float  # the first at which it has clearly fallen
    high: float  # the last before it rises
    ended: Literal["tried all", "the loss rose", "not a number"]


class InspectStep(Message, frozen=True):
    """Look closely at the step that the run takes next; answered by `StepInspected`."""

    request: int
    row: int = 0  # of the batch
    place: int = -1  # of the row's targets; -1: the last, which is predicted from the whole row


class StopTrial(Message, frozen=True):
    """Give up the trial in progress, which is not answered then."""

    request: int = 0


OptimizerName = Literal["Muon", "NorMuon", "Adam", "AdamW"]


class TensorUpdate(Struct, frozen=True):
    """What a step does to one tensor of the model. Norms are Euclidean."""

    name: str
    shape: tuple[int, ...]
    optimizer: OptimizerName
    gradient: float  # norm
    weight: float  # norm, before the update
    update: float  # norm of what the update, weight decay included, adds
    against_gradient: float  # cosine between the update and the negative gradient; 0: undefined


class StepInspected(Message, frozen=True):
    """One step, as the run takes it next: loss, gradient norm and weights are those of that step."""

    request: int
    step: int  # its number
    learning_rate: float  # as applied, of Muon or AdamW
    adam_learning_rate: float  # of Adam; with AdamW the same
    loss: float  # of the batch before the update, in nats per token
    loss_after: float  # of the same batch after it
    gradient_norm: float
    rows: tuple[str, ...]  # the first rows of the batch, as the model sees them
    batch: int  # rows in the batch
    context_length: int
    row: int  # the one looked at
    text: str  # that row, with the token after it
    place: int  # of the token looked at in `text`, from 1 on: the first is not predicted
    before: Place
    after: Place  # the same after the update
    bits_before: tuple[float, ...]  # the surprise at each token of `text` but the first
    bits_after: tuple[float, ...]
    sublayers: tuple[str, ...]  # the names of those in `Place.added`
    tensors: tuple[TensorUpdate, ...]  # in the order of the model
    pieces: tuple[str, ...] = ()  # the tokens of `text`, as they are shown; empty: its characters

    @property
    def noun(self) -> str:
        """What is predicted."""
        return "token" if self.pieces else "character"


TrialCommand = FindLearningRate | InspectStep | StopTrial
TrialEvent = RateTried | LearningRateFound | StepInspected
