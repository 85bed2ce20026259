"""The chart can be read: a cursor tells what was recorded, signs say what happened, and the x axis
counts steps, characters or seconds."""

import re
from collections.abc import Sequence

import pytest
from looking import Desk, Opener
from msgspec.structs import replace
from recording import (
    CONFIG,
    EVALUATIONS,
    STEPS,
    corpus_loaded,
    evaluated,
    opened,
    opening,
    step_done,
    trained,
    untrained,
)
from textual import events
from textual.geometry import Offset

from engine.protocol import (
    Compared,
    Event,
    Extended,
    LearningRateChanged,
    PhaseChanged,
    RunCurve,
    StepDone,
    ThreadsChosen,
)
from tests.bench.scenes import END, HOME, LEFT, RIGHT, SCENES
from tui.drawing.series import COMPARED
from tui.drawing.words import count, rate
from tui.panes.loss import LossPane
from tui.panes.prompt import PromptInput

SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])
TRAINED = (*untrained(), *trained(1_240))
UNITS = {"steps": "2,000 steps", "characters": "4.1M characters", "seconds": "of training"}
TEXT = corpus_loaded().sha256
RECORDED = RunCurve(
    "calm-heron",
    ((0, 4.17), (500, 2.2), (2_000, 1.8)),
    "tinyshakespeare",
    TEXT,
    (0, 1_000_000, 2_000_000),
    (0.0, 30.0, 60.0),
)
UNRECORDED = RunCurve("tidy-wren", ((0, 4.17), (500, 2.3), (2_000, 1.6)), "tinyshakespeare", TEXT)


def what_happens() -> list[Event]:
    """A context that grows, a spike, a changed learning rate and an extension, in 1,240 steps."""
    events: list[Event] = []
    for event in trained(1_240):
        if isinstance(event, StepDone):
            short = event.step < 100
            event = replace(event, context_length=64 if short else 256)
            event = replace(event, loss=3.4 if event.step == 700 else event.loss)
        events.append(event)
        if event == step_done(400):
            events.append(LearningRateChanged(400, 0.024))
    return [*events, Extended(1_000, 2_500, 0.0), ThreadsChosen(1_100, 66.0, 4, "")]


def pane_of(desk: Desk) -> LossPane:
    return desk.app.query_one(LossPane)


def plot(desk: Desk) -> list[str]:
    """The rows of the chart, without its labels, from its first cell on."""
    pane = pane_of(desk)
    frame = pane._frame()
    assert frame is not None
    region = pane.content_region
    start = region.x + frame.gutter
    rows = desk.rows[region.y : region.y + frame.values.rows]
    return [row[start : region.right] for row in rows]


def cell_of(desk: Desk, step: int) -> int:
    frame = pane_of(desk)._frame()
    assert frame is not None
    return frame.cell(step)


def cursor_cells(desk: Desk) -> set[int]:
    return {row.index("│") for row in plot(desk) if "│" in row}


def step_told(desk: Desk) -> int:
    line = desk.row("━ training 1." if desk.app.size.width else "")
    return int(line.partition("step ")[2].split()[0].replace(",", ""))


@SIZES
async def test_an_arrow_reads_the_chart_and_escape_leaves_it(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*TRAINED, size=size) as it:
        before = it.rows
        await it.press("left")
        await it.settled()
        step = step_told(it)
        assert 1_200 < step < 1_240
        recorded = step_done(step)
        held_out = next(one for one in EVALUATIONS if one[0] == 1_000)
        await it.sees(f"step {count(step)}  ━ training {recorded.loss:.3f}")
        await it.sees(f"◆ held-out {held_out[1]:.4f} (step 1,000)", "2.40 bits/char", "after 1m")
        await it.sees(f"learning rate {rate(recorded.learning_rate)}")
        await it.sees(f"seen {count(2_048 * step)} characters (")
        await it.sees("← → move · Home End · Esc leaves")
        assert cursor_cells(it) == {cell_of(it, step)}
        await it.press("escape")
        await it.settled()
        assert it.rows == before


async def test_every_cell_with_steps_can_be_reached_and_evaluations_are_met_exactly(
    desk: Opener,
) -> None:
    async with desk(*TRAINED) as it:
        await it.press("right", "home")
        await it.sees("step 0  ◆ held-out", "after 0s")
        met = {0}
        cells = cell_of(it, 1_240)
        for cell in range(1, cells + 1):
            await it.press("right")
            cursor = pane_of(it)._cursor_step(it.app.state)
            assert cursor is not None
            assert cell_of(it, cursor) == cell
            met.add(cursor)
        assert {step for step, *_ in EVALUATIONS if step <= 1_240} <= met
        await it.press("right", "right")
        await it.sees("step 1,240  ━ training")


async def test_at_the_end_it_follows_what_is_trained(desk: Opener) -> None:
    async with desk(*TRAINED) as it:
        it.app.screen.set_focus(pane_of(it))
        await it.sees("step 1,240  ━ training")
        await it.play(step_done(1_241))
        await it.sees("step 1,241  ━ training")
        await it.press("left")
        there = step_told(it)
        await it.play(step_done(1_242))
        assert step_told(it) == there
        for key in ("end", "right"):
            await it.press("left", key)
            await it.sees("step 1,242  ━ training")
        await it.play(step_done(1_243))
        await it.sees("step 1,243  ━ training")


@SIZES
async def test_the_mouse_moves_the_cursor(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*TRAINED, size=size) as it:
        pane = pane_of(it)
        corner = pane.content_region.offset
        gutter = 4
        for kind, step in ((events.MouseDown, 500), (events.MouseMove, 250), (events.MouseUp, 250)):
            at = corner + Offset(gutter + cell_of(it, step), 1)
            await it.pilot._post_mouse_events([kind], offset=at, button=1)
            await it.settled()
            await it.sees(f"step {step}  ━ training {step_done(step).loss:.3f}")
            assert cursor_cells(it) == {cell_of(it, step)}
        assert it.app.mouse_captured is None
        away = corner + Offset(gutter, 1)
        await it.pilot._post_mouse_events([events.MouseMove], offset=away, button=0)
        await it.settled()
        assert step_told(it) == 250, "only while a button is down"


@SIZES
async def test_signs_stand_at_their_steps_and_the_cursor_explains_them(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*untrained(), *what_happens(), size=size) as it:
        expected = {
            100: ("+", "+ step 100: context 64 → 256 characters"),
            400: ("↓", "↓ step 400: the peak of the learning rate lowered to 0.0240"),
            700: ("✶", "✶ step 700: a spike to 3.400"),
            1_000: ("»", "» step 1,000: trained on, to step 2,500"),
        }
        it.app.screen.set_focus(pane_of(it))
        for step, (sign, words) in expected.items():
            cell = cell_of(it, step)
            assert [row for row in plot(it) if row[cell] == sign], sign
            pane_of(it).cursor = step
            await it.sees(words)
        assert "#" not in "".join(plot(it)), "threads change the time only"
        await it.press("L", "L")
        await it.settled()
        assert [row for row in plot(it) if row[cell_of(it, 1_100)] == "#"]


@SIZES
async def test_the_axis_counts_steps_characters_or_seconds(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*TRAINED, size=size) as it:
        before = it.rows
        for unit, ends in UNITS.items():
            assert pane_of(it).x_unit == unit
            await it.sees(ends)
            cell = cell_of(it, 1_000)
            assert [row for row in plot(it) if row[cell] == "◆"], unit
            await it.press("L")
            await it.settled()
        assert it.rows == before


async def test_a_large_chart_has_a_line_for_what_its_signs_mean(desk: Opener) -> None:
    async with desk(*untrained(), *what_happens()) as it:
        assert "longer context" not in "".join(it.rows)
        await it.press("z")
        await it.sees("+ longer context  » trained on  ↓ learning rate lowered  ✶ spike")
        await it.press("L", "L")
        await it.sees("# threads  ✶ spike")


async def test_short_contexts_take_little_room_on_the_axis_of_characters(desk: Opener) -> None:
    steps = [replace(step_done(step), tokens=512) for step in range(1, 501)]
    later = [step_done(step) for step in range(501, 1_001)]
    async with desk(*untrained(), *steps, *later) as it:
        by_steps = cell_of(it, 500)
        await it.press("L")
        await it.settled()
        assert cell_of(it, 500) == pytest.approx(by_steps * 0.32, abs=1.5)


@SIZES
async def test_compared_runs_follow_the_axis_and_those_without_a_record_are_named(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*TRAINED, size=size) as it:
        await it.play(Compared((RECORDED, UNRECORDED)))
        marks = [mark for mark, _ in COMPARED[:2]]
        assert all(mark in "".join(plot(it)) for mark in marks)
        await it.press("L")
        await it.settled()
        (notification,) = it.app._notifications
        assert notification.message.endswith("of a record of its characters: tidy-wren.")
        pane = pane_of(it)
        drawn = "\n".join(line.plain for line in pane.draw(it.app.state, *pane.size))
        chart = drawn.partition("characters\n")[0]
        assert marks[0] in chart
        assert marks[1] not in chart
        if size == (120, 40):
            assert "△ tidy-wren 1.6000 (not drawn: characters not recorded)" in drawn


async def test_a_compared_curve_lies_where_its_characters_were(desk: Opener) -> None:
    """Half as many characters a step as the open run."""
    points = tuple((step, 1.6) for step in range(0, 2_001, 10))
    other = RunCurve("x", points, "", "", tuple(1_024 * step for step, _ in points), ())
    async with desk(*TRAINED) as it:
        await it.play(Compared((other,)))
        await it.press("L", "a")
        await it.settled()
        pane = pane_of(it)
        frame = pane._frame()
        assert frame is not None
        assert frame.x.compared[0].at(2_000) == pytest.approx(frame.x.own.at(1_000), abs=1)


async def test_a_run_by_minutes_ends_where_its_time_is_up(desk: Opener) -> None:
    train = replace(CONFIG.train, minutes=3.0)
    first = opening()[:-1]
    run: Sequence[Event] = (
        *first,
        opened(replace(CONFIG, train=train)),
        evaluated(*EVALUATIONS[0]),
        PhaseChanged("training", 0),
        *map(step_done, range(1, 201)),
    )
    async with desk(*run) as it:
        await it.press("L", "L")
        await it.sees("3m 00s of training")
        await it.press("left")
        await it.sees("after 11s")


async def test_an_extended_run_has_room_for_what_is_to_come(desk: Opener) -> None:
    done = (*untrained(), *trained(STEPS), Extended(STEPS, 2 * STEPS, 0.0))
    async with desk(*done, PhaseChanged("training", STEPS), step_done(STEPS + 1)) as it:
        await it.sees("4,000 steps")
        await it.press("L")
        await it.sees("8.2M characters")
        assert [row for row in plot(it) if row[cell_of(it, STEPS)] == "»"]


@SIZES
async def test_before_anything_is_recorded_there_is_nothing_to_read(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*opening(), size=size) as it:
        await it.press("left", "right", "home", "end", "L")
        await it.settled()
        assert cursor_cells(it) == set()
        await it.sees("characters")
        await it.play(*untrained()[len(opening()) :])
        await it.sees("step 0  ◆ held-out 4.1")


async def test_arrows_in_the_prompt_are_the_prompts(desk: Opener) -> None:
    async with desk(*TRAINED) as it:
        await it.press("p")
        await it.type("ab")
        await it.press("left", "left")
        await it.type("c")
        assert it.app.query_one(PromptInput).value == "cab"
        assert cursor_cells(it) == set()


async def test_the_large_chart_is_read_too_and_escape_leaves_the_cursor_first(
    desk: Opener,
) -> None:
    async with desk(*TRAINED) as it:
        await it.press("z", "left")
        await it.settled()
        assert cursor_cells(it)
        await it.press("escape")
        await it.settled()
        assert cursor_cells(it) == set()
        assert pane_of(it).outer_size.width == 120
        await it.press("escape")
        await it.settled()
        assert pane_of(it).outer_size.width < 120


async def test_the_benchmark_presses_its_keys_only_once_each_moves_the_cursor(
    desk: Opener,
) -> None:
    names = {LEFT: "left", RIGHT: "right", HOME: "home", END: "end"}
    *pressed, first, ready = SCENES["the chart's cursor"]
    async with desk(*untrained(), PhaseChanged("training", 0)) as it:
        await it.press(names[first])
        assert not re.search(ready, "\n".join(it.rows))  # both ends are step 0
        await it.play(step_done(1))
        assert re.search(ready, "\n".join(it.rows))
        for key, brings in 2 * pressed:
            before = it.rows
            await it.press(names[key])
            assert brings not in "\n".join(before)
            assert brings in "\n".join(it.rows)
