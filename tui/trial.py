"""What the engine tells of a trial, step by step: one frozen value. All text in it is safe to draw."""

from msgspec import Struct
from msgspec.structs import replace

from data.safe_text import safe_characters
from engine.protocol import Event, Failed, LearningRateFound, RateTried, StepInspected


class Trial(Struct, frozen=True):
    """The last trial of the open run: a range test or a step under the microscope."""

    request: int = 0
    """Its number; 0: none since the run was opened."""
    tried: tuple[RateTried, ...] = ()
    found: LearningRateFound | None = None
    step: StepInspected | None = None
    """The step that was inspected last; it stays until there is another."""
    failure: str = ""


def fold_trial(trial: Trial, event: Event, shown: Event) -> Trial:
    """With what was reported of it: `event` as the engine sent it, `shown` safe to draw. Of an earlier
    trial nothing is taken."""
    if getattr(shown, "request", 0) != trial.request:
        return trial
    match event, shown:
        case _, RateTried():
            return replace(trial, tried=(*trial.tried, shown))
        case _, LearningRateFound():
            return replace(trial, found=shown)
        case StepInspected(), StepInspected():
            # One character, or token, for each: places are counted in these.
            rows = tuple(map(safe_characters, event.rows))
            pieces = tuple(map(safe_characters, event.pieces))
            step = replace(shown, rows=rows, text=safe_characters(event.text), pieces=pieces)
            return replace(trial, step=step, failure="")
        case _, Failed(message):
            return replace(trial, failure=message)
        case _:
            return trial
