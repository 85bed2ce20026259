"""Curves of losses as SVG. They differ in their dashes and marks, not only in colour."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import NamedTuple
from xml.etree.ElementTree import Element

from tui.drawing.axis import StepScale, Unit
from tui.drawing.scale import ValueScale
from tui.drawing.words import count, duration
from tui.report.html import element

Points = Sequence[tuple[float, float]]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 780, 52, 216, 14, 40
"""Of a chart and its margins, in units of the picture. Names of the lines are in the right one."""
ROWS = 30
"""A row is the least distance that the ticks of the vertical axis are multiples of."""
LINE = 13.0
"""The distance of two names, one below the other."""
MOST_MARKS = 24
NAME_LENGTH = 30
DASHES = ("none", "8 4", "2 3", "10 3 2 3", "14 4", "5 2", "8 3 2 3 2 3", "1 2")
"""Of the curves, in their order."""
MARKS = ("circle", "diamond", "square", "triangle")


class Line(NamedTuple):
    """One curve."""

    name: str
    points: Points
    """Ascending by x."""
    style: int
    """The number of its colour, dashes and mark."""
    marked: bool = True
    """Whether each point has a mark, and the name at the right end."""
    band: Sequence[tuple[float, float, float]] = ()
    """x, and the values between which it is shaded."""


class Level(NamedTuple):
    """A value that does not change."""

    name: str
    value: float


class Chart(NamedTuple):
    """What one picture shows."""

    title: str
    lines: Sequence[Line]
    levels: Sequence[Level] = ()
    unit: Unit = "steps"
    """Of x."""
    counted: str = "characters"
    """What is counted by characters: those, or tokens."""
    height: int = 360
    limit: float = float("inf")
    """Values above it are drawn at the upper edge."""
    factor: float = 1.0
    """By which values are multiplied to choose ticks: these are for values of about one."""


class _Scales(NamedTuple):
    """From values to places in the picture."""

    last: float
    values: ValueScale
    height: int
    factor: float = 1.0

    def x(self, x: float) -> float:
        return round(LEFT + min(1.0, max(0.0, x / self.last)) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        rows = (self.values.top - value * self.factor) / self.values.row
        fraction = min(1.0, max(0.0, rows / self.values.rows))
        return round(TOP + fraction * (self.height - TOP - BOTTOM), 1)


def draw(chart: Chart) -> Element:
    """The chart as SVG."""
    scales = _scales(chart)
    names = [(scales.y(level.value), level.name, "level") for level in chart.levels]
    names += [
        (scales.y(line.points[-1][1]), line.name, f"s{line.style % 8}")
        for line in chart.lines
        if line.points and line.marked
    ]
    return element(
        "svg",
        element("title", chart.title),
        *_axes(chart, scales),
        *_levels(chart, scales),
        *(_band(line, scales) for line in chart.lines),
        *(_curve(line, scales) for line in chart.lines),
        *(_mark(line, scales, x, y) for line in chart.lines for x, y in _marked(line)),
        *_names(names, chart.height),
        viewBox=f"0 0 {WIDTH} {chart.height}",
        role="img",
        aria_label=chart.title,
    )


def swatch(line: Line) -> Element:
    """How a line is drawn, for a legend."""
    scales = _Scales(1.0, ValueScale(-1, 1.0, 1, 2), 0)
    place = (scales.x(0.0) + 18, 7.0)
    return element(
        "svg",
        element("line", x1=LEFT, y1=7, x2=LEFT + 36, y2=7, **_stroke(line.style)),
        _shape(line.style, *place) if line.marked else None,
        viewBox=f"{LEFT} 0 36 14",
        class_="swatch",
        aria_hidden="true",
    )


def _scales(chart: Chart) -> _Scales:
    values = [value for line in chart.lines for _, value in line.points if isfinite(value)]
    values += [level.value for level in chart.levels]
    last = max((line.points[-1][0] for line in chart.lines if line.points), default=1.0)
    high = min(max(values, default=1.0), chart.limit)
    low = min(min(values, default=0.0), high)
    scale = ValueScale.covering(low * chart.factor, high * chart.factor, ROWS)
    return _Scales(max(last, 1.0), scale, chart.height, chart.factor)


def _axes(chart: Chart, scales: _Scales) -> Iterable[Element]:
    """Grid lines with their values, and the name of the horizontal axis."""
    rows = scales.values.rows
    for row, label in scales.values.ticks().items():
        y = round(TOP + (row + 0.5) / rows * (chart.height - TOP - BOTTOM), 1)
        if chart.factor != 1.0:
            value = (scales.values.top - (row + 0.5) * scales.values.row) / chart.factor
            label = f"{value:.3g}"
        yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        yield element("text", label, x=LEFT - 8, y=y + 4, class_="tick end")
    floor = chart.height - BOTTOM
    across = WIDTH - LEFT - RIGHT
    seconds = chart.unit == "seconds"
    ticks = StepScale(scales.last, across, False, chart.unit).ticks(70)
    for tick in ticks:
        x = scales.x(tick)
        yield element("line", x1=x, x2=x, y1=floor, y2=floor + 4, class_="axis")
        words = duration(tick) if seconds else count(tick)
        yield element("text", words, x=x, y=floor + 18, class_="tick middle")
    yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=floor, y2=floor, class_="axis")
    words = "seconds of training" if seconds and scales.last < 120 else "time of training"
    yield element(
        "text",
        words if seconds else _words_of(chart),
        x=LEFT + across / 2,
        y=chart.height - 6,
        class_="tick middle",
    )


def _words_of(chart: Chart) -> str:
    """What the axis counts, in words."""
    return "steps" if chart.unit == "steps" else f"{chart.counted} trained on"


def _levels(chart: Chart, scales: _Scales) -> Iterable[Element]:
    for level in chart.levels:
        y = scales.y(level.value)
        yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="level")


def _band(line: Line, scales: _Scales) -> Element | None:
    if not line.band:
        return None
    lower = [(scales.x(x), scales.y(low)) for x, low, _ in line.band]
    upper = [(scales.x(x), scales.y(high)) for x, _, high in line.band]
    d = _path([*upper, *reversed(lower)]) + "Z"
    return element("path", d=d, class_=f"band s{line.style % 8}")


def _curve(line: Line, scales: _Scales) -> Element | None:
    points = [(scales.x(x), scales.y(value)) for x, value in line.points if isfinite(value)]
    if not points:
        return None
    return element("path", d=_path(points), fill="none", **_stroke(line.style))


def _stroke(style: int) -> dict[str, object]:
    dash = DASHES[(style + style // len(DASHES)) % len(DASHES)]
    return {"class_": f"line s{style % 8}", "stroke_dasharray": dash}


def _marked(line: Line) -> Points:
    """The points that have a mark: the last, and of very many some."""
    if not line.marked:
        return ()
    stride = -(-len(line.points) // MOST_MARKS) or 1
    return [(x, value) for x, value in line.points[::-1][::stride] if isfinite(value)]


def _mark(line: Line, scales: _Scales, x: float, value: float) -> Element:
    mark = _shape(line.style, scales.x(x), scales.y(value))
    at = duration(x) if scales.last != int(scales.last) else f"{count(x)}"
    mark.append(element("title", f"{line.name}: {value:.4f} at {at}"))
    return mark


def _shape(style: int, x: float, y: float) -> Element:
    colour = f"mark s{style % 8}"
    match MARKS[style % len(MARKS)]:
        case "circle":
            return element("circle", cx=x, cy=y, r=3, class_=colour)
        case "square":
            return element("rect", x=x - 3, y=y - 3, width=6, height=6, class_=colour)
        case "diamond":
            corners = [(x, y - 4.5), (x + 4.5, y), (x, y + 4.5), (x - 4.5, y)]
        case _:
            corners = [(x, y - 4), (x + 4, y + 3), (x - 4, y + 3)]
    return element("path", d=_path(corners) + "Z", class_=colour)


def _names(names: Sequence[tuple[float, str, str]], height: int) -> Iterable[Element]:
    """The names of lines at their ends, moved apart where they would be on each other."""
    placed: list[float] = []
    for y, _, _ in sorted(names):
        placed.append(max(y, placed[-1] + LINE) if placed else y)
    lowest = float(height - BOTTOM)
    for number in reversed(range(len(placed))):
        placed[number] = min(placed[number], lowest)
        lowest = placed[number] - LINE
    for y, (at, name, class_) in zip(placed, sorted(names), strict=True):
        x = WIDTH - RIGHT
        yield element("path", d=_path([(x, at), (x + 10, round(y, 1))]), class_="leader")
        shown = name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"
        yield element("text", shown, x=x + 14, y=round(y + 4, 1), class_=f"name {class_}")


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
