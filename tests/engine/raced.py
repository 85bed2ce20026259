"""Races that a test has trained, and what they have reported."""

from collections.abc import Iterable

from driving import Driver, history_of, of, timeless, transcript

from engine.config import RunConfig
from engine.protocol import (
    Axis,
    Close,
    Event,
    OpenRace,
    RaceOpened,
    RaceVerdict,
    SideEvent,
    Train,
)
from engine.storage.saved_run import load_run

DIFFERENT = ("model.n_layer=2", "model.dropout=0.2")


def is_final(event: Event) -> bool:
    return isinstance(event, RaceVerdict) and event.final


def raced(*configs: RunConfig, seeds: int = 1, axis: Axis = "characters") -> list[Event]:
    """The events of a race from its beginning to its end."""
    race = OpenRace(configs, "which?", axis, seeds)
    return Driver().when(is_final, Close()).run(race, Train())


def verdict_of(events: Iterable[Event]) -> RaceVerdict:
    """The final one."""
    return next(event for event in events if isinstance(event, RaceVerdict) and event.final)


def of_side(events: Iterable[Event], side: int) -> list[Event]:
    return [event.event for event in events if isinstance(event, SideEvent) and event.side == side]


def runs_of(events: Iterable[Event]) -> list[str]:
    """The runs of the newest repetition."""
    return [side.run for side in of(events, RaceOpened)[-1].sides]


def recorded(name: str) -> list[Event]:
    """The history of a run but for its times, and for samples, whose place depends on them."""
    return [timeless(event) for event in transcript(history_of(load_run(name)))]
