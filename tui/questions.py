"""Which questions about the inside of the model are due: one of a kind waits for its answer, at most."""

from collections.abc import Mapping

from msgspec.structs import replace

from engine.protocol import AskWhenLearned, DivideLoss, InsightCommand, Inspect
from tui.asking import Asked
from tui.state import RunState
from tui.time_state import NOW

Questions = Mapping[str, InsightCommand]
"""Questions without a number, by the field of `Insight` that waits for the answer."""
REPLACED = (Inspect, AskWhenLearned, DivideLoss)
"""Questions of which the engine drops the one before, if it is not answered."""


def due(state: RunState, wanted: Questions) -> tuple[RunState, list[InsightCommand]]:
    """Those of the wanted questions that the insight of an open run lacks an answer to, and the
    state that knows that they were asked."""
    insight, commands = state.insight, list[InsightCommand]()
    for kind, question in wanted.items():
        asked: Asked = getattr(insight, kind)
        moment = getattr(question, "step", NOW)
        when = stamp(state) if moment == NOW else moment
        # A newer step waits: an answer that takes longer than the next evaluation would never come.
        replaces = isinstance(question, REPLACED) and asked.question != question
        if (asked.answered or replaces) and (asked.question, asked.when) != (question, when):
            request = insight.requests + 1
            commands.append(replace(question, request=request))
            asked = replace(asked, request=request, question=question, when=when, answered=False)
            insight = replace(insight, requests=request, **{kind: asked})
    return (replace(state, insight=insight) if commands else state), commands


def stamp(state: RunState) -> int:
    """The step whose answers are wanted: while the model is trained, that of the last evaluation;
    otherwise the newest."""
    if state.phase in ("training", "following"):
        return state.evaluated.step if state.evaluated else 0
    return state.step
