"""Compared runs in the chart: each is drawn, named, and has a mark of its own."""

import pytest
from looking import Opener
from recording import corpus_loaded, trained, untrained

from engine.protocol import Compared, RunCurve
from tui.drawing.series import COMPARED, MOST_COMPARED

SIZES = ((120, 40), (80, 24))
NAMES = ("calm-heron", "tidy-wren", "shy-lynx")
MARKS = tuple(mark for mark, _ in COMPARED)
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
