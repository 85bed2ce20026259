"""Figures of a run, and how they are written."""

from math import log

from engine.protocol import LadderMeasured, ReportedEvaluation, ReportedRun
from tui.ladder import Ladder


def loss(nats: float) -> str:
    """A loss with the digits that mean something."""
    return f"{nats:.4f}"


def bits(nats: float) -> str:
    """The same in bits a character."""
    return f"{nats / log(2):.3f}"


def best_of(run: ReportedRun) -> ReportedEvaluation | None:
    """The evaluation with the lowest loss."""
    return min(run.evaluations, key=lambda one: one.loss, default=None)


def ladder_of(run: ReportedRun) -> Ladder:
    """The rungs, and which of them were passed when."""
    ladder = Ladder().with_rungs(LadderMeasured(run.rungs, complete=True), log(run.text.vocabulary))
    for one in run.evaluations:
        ladder = ladder.with_loss(one.step, one.loss)
    return ladder
