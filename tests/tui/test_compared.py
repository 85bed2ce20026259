"""Compared runs in the chart: each is drawn, named, and has a mark of its own."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from command_line import invoked
from driving import saved_run
from looking import OPENING, Desk, Opener
from msgspec.structs import replace
from recording import (
    EVALUATIONS,
    RecordedEngine,
    corpus_loaded,
    opened,
    opening,
    state_after,
    trained,
    untrained,
)

from engine.protocol import (
    Compare,
    Compared,
    Evaluated,
    Event,
    Forked,
    ParentLoaded,
    RunChanged,
    RunCurve,
    StepDone,
)
from tui.app import TinyGPTApp
from tui.cli.opening import after_opening
from tui.compared import MOST_COMPARED
from tui.drawing.chart import frame
from tui.drawing.series import COMPARED, HELD_OUT
from tui.panes.chart_axis import x_axis
from tui.panes.chart_cursor import explained
from tui.panes.header import message
from tui.panes.loss import LossPane, losses
from tui.state import fold

SIZES = ((120, 40), (80, 24))
NAMES = ("calm-heron", "tidy-wren", "shy-lynx")
MARKS = tuple(mark for mark, _ in COMPARED[:MOST_COMPARED])
TEXT = corpus_loaded().sha256
RUNS = tuple(
    RunCurve(name, ((0, 4.17), (500, 2.2 + n / 10), (2_000, 1.5 + n / 10)), "tinyshakespeare", TEXT)
    for n, name in enumerate(NAMES)
)
OTHER = RunCurve("wise-crane", ((0, 4.6), (500, 1.2), (2_000, 0.9)), "tales", "0" * 64)
TRAINED = (*untrained(), *trained(1_240))


async def test_every_run_that_is_drawn_is_named_with_its_mark(desk: Opener) -> None:
    assert len(MARKS) == len(NAMES) == MOST_COMPARED
    async with desk(*TRAINED) as it:
        await it.play(Compared(RUNS))
        await it.sees("○ calm-heron 1.5000  △ tidy-wren 1.6000  □ shy-lynx 1.7000")
        chart = [row for row in it.rows if "calm-heron" not in row]
        for mark in MARKS:
            assert any(mark in row for row in chart), "distinguishable without colours too"


async def test_the_command_line_names_runs_to_compare(at_once: None, verse_file: Path) -> None:
    name = saved_run(verse_file)
    more = after_opening(None, {"steps": None, "minutes": None}, (name,))
    app = TinyGPTApp(OPENING, engine=RecordedEngine, more=more)
    async with app.run_test() as pilot:
        it = Desk(app, pilot)
        await it.until(lambda: it.engine.sent(Compare) == [Compare((name,))])
    refused = invoked("--compare", f"{name}s")
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"Error: There is no run '{name}s' to compare with; near it: {name}.\n",
    )
    assert "--compare draws 3 runs at most, not 4." in invoked(*["--compare", name] * 4).stderr
    assert "it goes alone" in invoked("--follow", "--compare", name).stderr


async def test_in_a_small_window_the_number_of_the_others_is_shown(desk: Opener) -> None:
    async with desk(*TRAINED, size=(80, 24)) as it:
        await it.play(Compared(RUNS))
        await it.sees("○ calm-heron 1.5000  +2")
        await it.play(Compared(RUNS[:1]))
        await it.sees("○ calm-heron 1.5000  2.40 bits/char")


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_on_another_text_is_said_to_be_one(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*TRAINED, size=size) as it:
        await it.play(Compared((OTHER,)))
        await it.sees("○ wise-crane 0.9000 (other text)")
        await it.play(Compared(RUNS[:1]))
        await it.until(lambda: "other text" not in "".join(it.rows))


async def test_a_run_of_an_earlier_version_is_not_said_to_be_of_another_text(desk: Opener) -> None:
    async with desk(*TRAINED) as it:
        await it.play(Compared((RunCurve("calm-heron", ((0, 4.17),)),)))
        await it.sees("○ calm-heron 4.1700")
        assert "other text" not in "".join(it.rows)


async def test_a_long_name_leaves_room_for_the_others(desk: Opener) -> None:
    runs = (RunCurve("x" * 60, ((0, 4.17), (500, 2.0))), *RUNS[1:])
    async with desk(*TRAINED) as it:
        await it.play(Compared(runs))
        await it.sees("…", "△ tidy-wren 1.6000")


PARENT = RunCurve("calm-heron", tuple((step, loss) for step, loss, _ in EVALUATIONS), "", TEXT)
FORK_AT = 1_000
INHERITED = (
    *opening()[:-1],
    replace(opened(), step=FORK_AT, phase="paused"),
    *(
        event
        for event in (*untrained(), *trained(FORK_AT))
        if isinstance(event, StepDone | Evaluated)
    ),
    Forked(FORK_AT, PARENT.run),
)
GONE = "The run 'calm-heron', from which it was forked, is gone or renamed: its curve is not drawn."


def higher(events: Iterable[Event]) -> Iterator[Event]:
    """What was recorded after the fork, with losses above those of its parent."""
    for event in events:
        if isinstance(event, StepDone | Evaluated) and event.step > FORK_AT:
            yield replace(event, loss=event.loss + 0.3)


def columns(rows: list[str], signs: str) -> list[int]:
    """Where signs stand in the plot."""
    return sorted(column for row in rows for column, sign in enumerate(row) if sign in signs)


@pytest.mark.parametrize("size", [(84, 20), (76, 9)])
def test_a_fork_and_its_parent_are_branches_of_one_tree(size: tuple[int, int]) -> None:
    tree = state_after(*INHERITED, ParentLoaded(PARENT), *higher(trained(1_500)))
    rows = [line.plain for line in LossPane().draw(tree, *size)]
    chart = rows[: next(n for n, row in enumerate(rows) if row.endswith(" steps"))]
    (fork,) = columns(chart, "Y")
    assert columns(chart, HELD_OUT)[0] == fork
    parents = columns(chart, MARKS[0])
    assert parents[0] < fork < parents[-1]
    assert columns(chart, HELD_OUT)[-1] < parents[-1]
    assert any("○ calm-heron 1.5532 (parent)" in row for row in rows)
    alone = state_after(*INHERITED, ParentLoaded(None, GONE))
    whole = [line.plain for line in LossPane().draw(alone, *size)]
    assert columns(whole[: len(chart)], HELD_OUT)[0] < fork
    assert message(alone).plain == GONE


def test_the_parent_leaves_the_chart_with_its_fork() -> None:
    tree = state_after(*INHERITED, Compared(RUNS), ParentLoaded(PARENT))
    assert [curve.run for curve in tree.compared] == [*NAMES]
    renamed = fold(tree, RunChanged("calm-heron", "old-oak"))
    assert losses(renamed).branches_at == FORK_AT
    assert losses(fold(renamed, RunChanged("old-oak", ""))).branches_at == 0
    assert [curve.run for curve in fold(tree, corpus_loaded()).compared] == [*NAMES[1:]]


def test_the_cursor_tells_where_a_run_was_forked() -> None:
    tree = state_after(*INHERITED, ParentLoaded(PARENT))
    framed = frame(
        losses(tree), width=80, height=20, x=x_axis(tree, "steps", log=False), whole=False
    )
    assert framed is not None
    assert explained(tree, framed, "steps", FORK_AT) == "Y step 1,000: forked from calm-heron"
