"""The x axis of the chart: steps, characters or seconds, with ticks at round numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor, log10
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from tui.drawing.braille import DOTS_X
from tui.drawing.scale import round_up
from tui.drawing.words import duration

Unit = Literal["steps", "characters", "seconds"]
"""What the x axis counts: steps, characters of the text trained on (whatever the tokens are: by their
mean length), or seconds of training."""

UNITS: tuple[Unit, ...] = get_args(Unit)

FIRST_DECADE = 0.35
"""Decades between 0 and the first step on a logarithmic axis, since log 0 has no position."""

_GAP = 4  # cells between two labels, at least
_ROOM = 12  # cells for a label in characters or seconds, and the gap
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_DURATIONS = (
    *(1, 2, 5, 10, 20, 30),
    *(_MINUTE * number for number in (1, 2, 5, 10, 20, 30)),
    *(_HOUR * number for number in (1, 2, 5, 10)),
)
_DURATION_POWERS = (1, 10, _MINUTE, 10 * _MINUTE, _HOUR, 10 * _HOUR, 100 * _HOUR, 1_000 * _HOUR)
# Where the axis of a run ends whose length is not known yet.
_SHORTEST = {"steps": 10, "characters": 1_000, "seconds": 10}


class Pace(Struct, frozen=True):
    """How far a run had come in another unit at some of its steps, both ascending."""

    steps: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, steps: Sequence[float], values: Sequence[float]) -> Pace:
        """The pace of a run that began with nothing."""
        begun = bool(steps) and steps[0] > 0
        return cls((0.0, *steps), (0.0, *values)) if begun else cls(tuple(steps), tuple(values))

    @property
    def last(self) -> float:
        """How far it has come."""
        return self.values[-1] if self.values else 0.0

    def at(self, step: float) -> float:
        """How far it had come at a step: between two known ones in proportion."""
        after = bisect_right(self.steps, step)
        if not 0 < after < len(self.steps):
            return self.values[min(after, len(self.values) - 1)] if self.values else 0.0
        before = after - 1
        part = (step - self.steps[before]) / (self.steps[after] - self.steps[before])
        return self.values[before] + part * (self.values[after] - self.values[before])


class XAxis(Struct, frozen=True):
    """What the x axis shows of a run, and of those that it is compared with."""

    end: float
    """The right end in its unit, unless the curves go beyond."""

    log: bool = False
    unit: Unit = "steps"
    pace: Pace | None = None
    """Where the steps lie in another unit than steps."""

    compared: tuple[Pace | None, ...] = ()
    """The same of each compared run; without them, by steps."""

    counted: str = "characters"
    """What is counted by characters: those, or tokens."""

    def scales(self, last_step: int, dots: int) -> Scales:
        """The scales of the run and of the compared ones; `last_step`: of any curve."""
        paces = (self.pace, *self.compared)
        newest = max((pace.last for pace in paces if pace), default=0.0)
        last = max(self.end, last_step if self.unit == "steps" else newest, _SHORTEST[self.unit])
        first = max(1.0, self.pace.at(1)) if self.pace else 1.0
        first = min(first, last / 10)
        own = StepScale(last, dots, self.log, self.unit, self.pace, first, self.counted)
        return Scales(own, tuple(replace(own, pace=pace) for pace in self.compared))


class Scales(Struct, frozen=True):
    """Where the steps of a run and those of each compared run lie."""

    own: StepScale
    compared: tuple[StepScale, ...]


class StepScale(Struct, frozen=True):
    """The steps of a run, left to right over `dots` columns of dots, placed by the unit of the axis:
    0 to `last` (at least 1) of it."""

    last: float
    dots: int
    log: bool
    unit: Unit = "steps"
    pace: Pace | None = None
    """Where the steps lie in another unit than steps."""

    first: float = 1.0
    """Where the first step lies, from which on a logarithmic axis is one."""

    counted: str = "characters"
    """What is counted by characters."""

    def at(self, step: float) -> int:
        """The column of a step, clipped to the chart."""
        return self.column(step if self.pace is None else self.pace.at(step))

    def columns(self, steps: Iterable[float]) -> list[int]:
        """The same of many steps, from 0 on."""
        if self.log or self.pace is not None:
            return list(map(self.at, steps))
        last, most = self.last, self.dots - 1
        return [min(most, int(step / last * most + 0.5)) for step in steps]

    def column(self, x: float) -> int:
        """The column of a number of the unit, clipped to the chart."""
        fraction = self._decades(x) / self._decades(self.last) if self.log else x / self.last
        return floor(min(1.0, max(0.0, fraction)) * (self.dots - 1) + 0.5)

    def ticks(self, room: int) -> list[int]:
        """Round numbers of the unit from 0 on, at most about one in every `room` columns of dots."""
        if self.log:
            powers = _DURATION_POWERS if self.unit == "seconds" else _powers_of_ten(self.last)
            return [0, *(power for power in powers if self.first <= power <= self.last)]
        least = max(1.0, self.last * room / self.dots)
        gap = ceil(round_up(least))  # no tick between two whole steps
        if self.unit == "seconds":
            gap = next((one for one in _DURATIONS if one >= least), 0)
            gap = gap or _DAY * ceil(round_up(least / _DAY))
        return list(range(0, floor(self.last) + 1, gap))

    def _decades(self, x: float) -> float:
        """Distance from 0 on a logarithmic axis, in decades; linear until the first step."""
        ratio = x / self.first
        return FIRST_DECADE + log10(ratio) if ratio >= 1 else FIRST_DECADE * max(0.0, ratio)


def x_labels(scale: StepScale, cells: int) -> Iterator[tuple[int, str]]:
    """Labels of the x axis as (first cell, text): the right end with the unit, then those that fit
    before it, far enough from each other to be read as single numbers."""
    units = {"steps": "steps", "characters": scale.counted, "seconds": "of training"}
    unit = units[scale.unit]
    final = f"{_end(scale)} {unit}"
    room = len(final) if scale.unit == "steps" else _ROOM
    ticks = scale.ticks(room * DOTS_X)
    labels = [(scale.column(tick) // DOTS_X, _tick(tick, scale.unit)) for tick in ticks]
    starts = [(max(0, cell - len(text) // 2), text) for cell, text in labels]
    if scale.log:
        # The last power of ten says more than the number of steps, which is written elsewhere.
        newest = starts[-1][0] + len(starts[-1][1])
        if cells - len(final) < newest + _GAP <= cells - len(unit):
            final = unit
    end = cells - len(final)
    yield end, final
    free = 0
    for start, text in starts:
        if free <= start and start + len(text) + _GAP <= end:
            yield start, text
            free = start + len(text) + _GAP


def _powers_of_ten(last: float) -> list[int]:
    return [10**power for power in range(floor(log10(last) + 1e-9) + 1)]


def _tick(x: int, unit: Unit) -> str:
    if unit == "seconds":
        whole = duration(x)
        return whole.removesuffix(" 00s").removesuffix(" 00m") if x else "0"
    return _compact(x) if unit == "characters" else f"{x:,}"


def _end(scale: StepScale) -> str:
    if scale.unit == "seconds":
        return duration(scale.last)
    return _compact(scale.last) if scale.unit == "characters" else f"{scale.last:,.0f}"


def _compact(number: float) -> str:
    """A number of characters in three digits: 500K, 2.5M, 41M."""
    for letter, factor in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if number >= 0.9995 * factor:
            return f"{float(f'{number / factor:.3g}'):,g}{letter}"
    return f"{number:.0f}"
