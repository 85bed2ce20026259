"""Figures of a run, and how they are written."""

from collections.abc import Sequence
from math import log

from engine.protocol import LadderMeasured, ReportedEvaluation, ReportedRun, Tokens, are_mixed
from tui.ladder import Ladder


def loss(nats: float) -> str:
    """A loss with the digits that mean something."""
    return f"{nats:.4f}"


def bits(nats: float, tokens: Tokens) -> str:
    """The same in the unit of `bits_unit`."""
    per_byte = tokens.bits_per_byte(nats)
    return f"{tokens.bits_per_character(nats) if per_byte is None else per_byte:.3f}"


def bits_unit(tokens: Tokens) -> str:
    """Bits a byte, where it is known how many the text has."""
    return "bits a byte" if tokens.bytes_each else "bits a character"


def nats_unit(tokens: Tokens) -> str:
    """What the losses of a run are in."""
    return f"nats a {tokens.noun}"


def is_mixed(runs: Sequence[ReportedRun]) -> bool:
    """Whether the runs have different tokens, so that only bits a byte compare."""
    return are_mixed(run.text.tokens for run in runs)


def best_of(run: ReportedRun) -> ReportedEvaluation | None:
    """The evaluation with the lowest loss."""
    return min(run.evaluations, key=lambda one: one.loss, default=None)


def ladder_of(run: ReportedRun) -> Ladder:
    """The rungs, and which of them were passed when."""
    ladder = Ladder().with_rungs(LadderMeasured(run.rungs, complete=True), log(run.text.vocabulary))
    for one in run.evaluations:
        ladder = ladder.with_loss(one.step, one.loss)
    return ladder
