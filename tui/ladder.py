"""The ladder that the model climbs: simple models of its text, and where it passed them."""

from collections.abc import Sequence
from itertools import groupby
from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import Evaluated, LadderMeasured

COMPRESSOR = "xz"
"""The rung that predicts nothing, and so is no stage of learning."""

MOST_LOWS = 500
"""The number of lowest evaluations at which every second one is left out."""

_APART = 0.005  # nats between two rungs, at least: fewer are not seen
_SHORT = {
    "letter frequencies": "letters",
    "letter pairs": "pairs",
    "letter triples": "triples",
    "groups of four": "four",
    "groups of five": "five",
    "groups of six": "six",
}


class Rung(Struct, frozen=True):
    """The held-out loss of a simple model, in nats per character."""

    name: str
    loss: float
    passed: int | None = None
    """The step of the first evaluation with a lower loss."""

    @property
    def short(self) -> str:
        """Its name where there is little room."""
        return _SHORT.get(self.name, self.name)

    @property
    def value(self) -> str:
        """Its name and loss."""
        return f"{self.name} ({self.loss:.2f})"


class Ladder(Struct, frozen=True):
    """The rungs, the highest loss first, each lower than the one before; and what has been
    evaluated."""

    rungs: tuple[Rung, ...] = ()
    complete: bool = False
    """Whether all of them are known."""
    lows: tuple[tuple[int, float], ...] = ()
    """Step and loss of each evaluation that was the lowest so far, until all rungs are known: a rung
    may be measured after it was passed. Of very many, some are left out."""

    def with_rungs(self, measured: LadderMeasured, uniform: float) -> "Ladder":
        """With the rungs that are known now: those that are better than a uniform guess and, for
        more characters looked at, than fewer."""
        rungs = []
        lowest = uniform
        for name, loss in measured.rungs:
            before = uniform if name == COMPRESSOR else lowest
            if isfinite(loss) and loss < before - _APART:
                rungs.append(Rung(name, loss))
                lowest = lowest if name == COMPRESSOR else loss
        rungs.sort(key=lambda rung: -rung.loss)
        return _passed(replace(self, rungs=tuple(rungs), complete=measured.complete))

    def with_evaluation(self, evaluated: Evaluated) -> "Ladder":
        """With one more evaluation."""
        return self.with_loss(evaluated.step, evaluated.loss)

    def with_loss(self, step: int, loss: float) -> "Ladder":
        """With the held-out loss at a step."""
        if not isfinite(loss) or (self.lows and loss >= self.lows[-1][1]):
            return self
        lows = (*self.lows, (step, loss))
        if self.complete:
            lows = lows[-1:]
        elif len(lows) > MOST_LOWS:
            lows = (*lows[:-1:2], lows[-1])
        return _passed(replace(self, lows=lows))

    def loss(self, name: str) -> float | None:
        """The loss of a rung; None if it is not known."""
        return next((rung.loss for rung in self.rungs if rung.name == name), None)

    def passings(self, before: "Ladder | None" = None) -> list[tuple[int, str]]:
        """The steps at which rungs were passed, and what there is to say of each; only those that
        were not known to be passed `before`."""
        known = {rung.name for rung in before.rungs if rung.passed is not None} if before else ()
        passed = [
            (rung.passed, rung)
            for rung in self.rungs
            if rung.passed is not None and rung.name not in known
        ]
        by_step = groupby(sorted(passed, key=lambda pair: pair[0]), key=lambda pair: pair[0])
        return [(step, _said([rung for _, rung in pairs])) for step, pairs in by_step]


def _passed(ladder: Ladder) -> Ladder:
    """With the step at which each rung was passed."""
    rungs = tuple(
        rung if rung.passed is not None else replace(rung, passed=_step_below(rung, ladder.lows))
        for rung in ladder.rungs
    )
    return ladder if rungs == ladder.rungs else replace(ladder, rungs=rungs)


def _step_below(rung: Rung, lows: Sequence[tuple[int, float]]) -> int | None:
    if not lows or lows[-1][1] >= rung.loss:
        return None
    return next(step for step, loss in lows if loss < rung.loss)


def _said(rungs: Sequence[Rung]) -> str:
    return f"passed {', '.join(rung.value for rung in rungs)}"
