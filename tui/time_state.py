"""The kept moments of the open run, the one that is looked at, and the text it writes: one frozen
value."""

from msgspec import Struct
from msgspec.structs import replace

from engine.config import SampleConfig
from engine.protocol import (
    Event,
    Failed,
    MomentsKept,
    SampleDone,
    SampleStarted,
    TextSampled,
)
from tui.writing import Writing, fold_writing

NOW = -1
"""Stands for the weights as they are now, as in `Inspect.step`."""


class AskedText(Struct, frozen=True):
    """A question for a text by the model of some moment."""

    prompt: str
    config: SampleConfig
    chosen: int
    when: int
    """The step of the weights that are wanted."""


class Moments(Struct, frozen=True):
    """All text in it is safe to draw."""

    kept: MomentsKept | None = None
    """None: not reported yet."""
    chosen: int = NOW
    """The step of the kept weights that are looked at."""
    writing: Writing | None = None
    """What the model of that step writes."""
    asked: AskedText | None = None
    """What text was asked for last. There is at most one that has not been started."""
    asked_id: int = 0
    """Its number, which is negative: those of answers to the prompt are positive."""
    started: bool = True
    failure: str = ""

    @property
    def steps(self) -> tuple[int, ...]:
        """Of the kept moments, ascending."""
        return self.kept.steps if self.kept else ()

    @property
    def has_written(self) -> bool:
        """Whether what was asked for is written, or cannot be."""
        return self.started and (self.writing is None or bool(self.writing.ended))

    def stops(self, step: int) -> tuple[int, ...]:
        """What can be looked at in a run that is at `step`: each kept moment, and now."""
        earlier = self.steps[:-1] if self.steps[-1:] == (step,) else self.steps
        return (*earlier, NOW)

    def place(self, step: int) -> int:
        """Which of these is looked at."""
        stops = self.stops(step)
        return stops.index(self.chosen) if self.chosen in stops else len(stops) - 1


def is_of_a_moment(event: SampleStarted | TextSampled | SampleDone) -> bool:
    """Whether a text was asked for here, and is no answer to the prompt."""
    return event.sample_id < 0


def fold_moments(moments: Moments, event: Event) -> Moments:
    """After one more event about the moments or the text of one of them, or a failure."""
    match event:
        case MomentsKept(steps):
            chosen = moments.chosen
            if chosen != NOW and chosen not in steps:  # it has made room for another
                chosen = min(steps, key=lambda step: abs(step - chosen), default=NOW)
            return replace(moments, kept=event, chosen=chosen)
        case SampleStarted(sample_id) if sample_id == moments.asked_id:
            writing = fold_writing(None, event)
            return replace(moments, writing=writing, started=True, failure="")
        case TextSampled() | SampleDone():
            return replace(moments, writing=fold_writing(moments.writing, event))
        case Failed(message) if not moments.started:
            return replace(moments, started=True, failure=message)
        case _:
            return moments
