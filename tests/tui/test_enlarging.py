"""One key makes a pane as large as the window, and brings all of them back."""

import pytest
from looking import Desk, Opener
from recording import STEPS, VERSE, trained, untrained, written
from textual.widget import Widget

from engine.protocol import StopSample
from tui.panes.loss import LossPane
from tui.panes.prompt import PromptInput, PromptPane
from tui.panes.samples import SamplesPane
from tui.panes.text import TextPane
from tui.panes.training import TrainingPane
from tui.view_actions import PANES

DONE = (*untrained(), *trained(STEPS), *written(VERSE, step=STEPS))
SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


def shown(desk: Desk) -> list[type[Widget]]:
    """The panes on the screen."""
    panes = [desk.app.query_one(pane) for pane in PANES]
    return [type(pane) for pane in panes if pane.region and pane.is_on_screen]


def assert_large(desk: Desk, kind: type[Widget]) -> None:
    assert shown(desk) == [kind]
    width, height = desk.app.size
    size = desk.app.query_one(kind).outer_size
    assert size == (width, height - 3)  # header, message, keys


@SIZES
async def test_any_pane_can_be_made_large_and_small_again(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*DONE, size=size) as it:
        before = it.rows
        assert "z large" in before[-1]
        await it.press("z")
        await it.settled()
        assert ("z all panes" if size == (120, 40) else "z all") in it.rows[-1]
        assert "v view" in it.rows[-1]
        for kind in (LossPane, SamplesPane, PromptPane, TextPane, TrainingPane, LossPane):
            assert_large(it, kind)
            await it.press("v")
            await it.settled()
        await it.press("z")
        await it.settled()
        assert it.rows == before
        await it.press("z", "escape")
        await it.settled()
        assert it.rows == before


@SIZES
async def test_the_pane_with_the_focus_is_made_large(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*DONE, size=size) as it:
        await it.press("p", "tab", "z")  # the answer has the focus
        await it.settled()
        assert_large(it, PromptPane)
        await it.press("escape")
        await it.settled()
        assert_large(it, PromptPane)
        await it.press("escape")
        await it.settled()
        assert len(shown(it)) > 1
        assert it.engine.sent(StopSample) == []


async def test_the_prompt_can_be_reached_from_a_large_pane(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await it.press("z", "p", "z")
        await it.settled()
        assert_large(it, PromptPane)
        assert it.app.query_one(PromptInput).value == "z"


async def test_what_was_large_stays_so_in_another_window(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await it.press("z")
        await it.resize(80, 24)
        assert_large(it, LossPane)
        await it.resize(120, 40)
        assert_large(it, LossPane)


async def test_the_palette_has_it_once(desk: Opener) -> None:
    async with desk(*DONE) as it:
        for there, gone in (
            ("Make one pane as large as the window", "Show all panes again"),
            ("Show all panes again", "Make one pane as large as the window"),
        ):
            commands = it.app.get_system_commands(it.app.screen_stack[0])
            titles = [command.title for command in commands]
            assert titles.count(there) == 1
            assert gone not in titles
            assert not [title for title in titles if "this pane" in title]
            await it.press("z")
