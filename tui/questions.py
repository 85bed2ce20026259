"""Which questions about the inside of the model are due: never two of a kind at once."""

from msgspec.structs import replace

from engine.config import SampleConfig
from engine.protocol import InsightCommand, Inspect, InspectPlace
from tui.insight import Asked
from tui.state import RunState
from tui.time_state import NOW


def due(
    state: RunState, config: SampleConfig, *, place: bool = True
) -> tuple[RunState, list[InsightCommand]]:
    """The questions that the insight of an open run lacks an answer to, and the state that knows
    that they were asked. `config`: the settings of sampling. `place`: whether the selected character
    is looked at closely."""
    moment = state.moments.chosen
    insight, commands = state.insight, list[InsightCommand]()
    text = insight.text.value if insight.text else ""
    passage = Inspect(0, text, insight.start, insight.off, moment)
    before = insight.before_cursor
    wanted: dict[str, Inspect | InspectPlace] = {"asked_passage": passage}
    if insight.off:
        wanted["asked_whole"] = replace(passage, off=())
    if before and place:
        wanted["asked_place"] = InspectPlace(0, before, config, insight.off, moment)
    for kind, question in wanted.items():
        asked: Asked = getattr(insight, kind)
        about = (question, stamp(state) if moment == NOW else moment)
        if asked.answered and asked.about != about:
            request = insight.requests + 1
            commands.append(replace(question, request=request))
            asked = Asked(request, about, question.text, answered=False)
            insight = replace(insight, requests=request, **{kind: asked})
    return (replace(state, insight=insight) if commands else state), commands


def stamp(state: RunState) -> int:
    """The step whose answers are wanted: while the model is trained, that of the last evaluation;
    otherwise the newest."""
    if state.phase in ("training", "following"):
        return state.evaluated.step if state.evaluated else 0
    return state.step
