"""Maps losses to rows of the chart, with ticks at round numbers."""

from __future__ import annotations

from math import ceil, floor, log2, log10

from msgspec import Struct

_ROUND = (1, 2, 5)
_TICKS = (1, 2, 2.5, 5)
_FRACTION_COSTS = 0.05  # a tick of 2.5 must save this fraction of the range
_LARGEST_PLAIN = 1e6
_MARGIN = 1e-3  # rows between the lowest value and the lower edge, so that rounding drops no dot


class ValueScale(Struct, frozen=True):
    """Values on `rows` rows of cells. Ticks are `tick` apart, which is `rows_per_tick` rows, and stand
    for the middle of their row: nothing in a labelled row is further than half a row from its label.
    """

    bottom: int
    """The value in the middle of the bottom row, in multiples of a row."""

    tick: float
    rows_per_tick: int
    rows: int

    @classmethod
    def covering(cls, low: float, high: float, rows: int) -> ValueScale:
        """The scale that shows low to high with the least empty room, and about five or six ticks.

        `rows` is at least 2: two ticks are always shown.
        """
        # A constant with a little noise should look constant.
        span = max(high - low, 0.05 * abs(high), 0.1)
        wanted = max(2, round(rows / 6))
        power = floor(log10(span)) - 2
        ticks = [digit * 10.0**exponent for exponent in range(power, power + 5) for digit in _TICKS]
        best: tuple[float, ValueScale] | None = None
        for tick in ticks:
            for rows_per_tick in range(max(1, wanted // 2), min(2 * wanted, rows // 2) + 1):
                row = tick / rows_per_tick
                bottom = floor(low / row + 0.5 - _MARGIN)
                scale = cls(bottom, tick, rows_per_tick, rows)
                if scale.top < low + span:
                    continue
                waste = rows * row / span + 0.1 * abs(log2(rows_per_tick / wanted))
                waste += _FRACTION_COSTS * _is_fraction(tick)
                if best is None or waste < best[0]:
                    best = waste, scale
        assert best is not None, "a large enough tick covers any span"
        return best[1]

    @property
    def row(self) -> float:
        """The difference between two adjacent rows."""
        return self.tick / self.rows_per_tick

    @property
    def top(self) -> float:
        """The value at the upper edge of the top row."""
        return (self.bottom + self.rows - 0.5) * self.row

    def at(self, value: float, dots: int) -> int:
        """The row of dots of a value, from the top, with `dots` per cell; not clipped to the chart."""
        return floor((self.top - value) / self.row * dots + 1e-6)

    def ticks(self) -> dict[int, str]:
        """Labels by row from the bottom up, all in the same number format."""
        first = -(-self.bottom // self.rows_per_tick)
        last = (self.bottom + self.rows - 1) // self.rows_per_tick
        return {
            self.bottom + self.rows - 1 - number * self.rows_per_tick: self._label(number)
            for number in range(first, last + 1)
        }

    def _label(self, number: int) -> str:
        value = number * self.tick
        exponent = floor(log10(self.tick) + 1e-9) - _is_fraction(self.tick)
        largest = max(abs(self.top), abs(self.bottom * self.row))
        if largest >= _LARGEST_PLAIN:
            return f"{value:.{max(1, floor(log10(largest)) - exponent)}e}"
        return f"{value:,.{0 if self.tick >= 10 else max(1, -exponent)}f}"


def round_up(value: float) -> float:
    """The smallest of …, 1, 2, 5, 10, 20, 50, … at or above a positive value."""
    power: float = 10.0 ** floor(log10(value))
    return next(m * power for m in (*_ROUND, 10) if m * power >= value * (1 - 1e-9))


def two_digits_up(value: float) -> int:
    """The smallest whole number of two digits and zeros at or above a positive value."""
    rounding: int = 10 ** max(0, floor(log10(max(1.0, value))) - 1)
    return ceil(value / rounding) * rounding


def _is_fraction(tick: float) -> bool:
    """Whether a tick is 2.5 times a power of ten, so that its label takes one more digit."""
    return round(tick / 10.0 ** floor(log10(tick) + 1e-9), 6) == 2.5
