"""The views: the header says which is shown, keys, mouse and palette lead to the others."""

import pytest
from looking import Desk, Opener, recorded_app
from recording import STEPS, VERSE, step_done, trained, untrained, written

from engine.protocol import Pause, PhaseChanged, Train
from tui.panes.header import HeaderLine
from tui.panes.loss import LossPane
from tui.panes.prompt import PromptInput
from tui.views import TRAIN

DONE = (*untrained(), *trained(STEPS))
SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


def is_shown(desk: Desk, number: int) -> bool:
    return f"▸{number} " in desk.rows[0]


@SIZES
async def test_the_number_keys_lead_to_the_views_and_escape_back(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*DONE, size=size) as it:
        before = it.rows
        await it.sees("▸1 Train  2 Read  3 Time  4 Lab", "run amber-otter")
        await it.press("2")
        await it.sees(" 1 Train ▸2 Read")
        await it.until(lambda: not it.app.query_one(LossPane).is_on_screen)
        await it.press("escape")
        await it.settled()
        assert it.rows == before
        await it.press("2", "1")
        await it.settled()
        assert it.rows == before


async def test_the_header_can_be_clicked(desk: Opener) -> None:
    async with desk(*DONE) as it:
        place = it.rows[0].index("2 Read")
        await it.pilot.click(HeaderLine, offset=(place - 1, 0))
        await it.sees("▸2 Read")
        await it.pilot.click(HeaderLine, offset=(it.rows[0].index("1 Train"), 0))
        await it.sees("▸1 Train")


async def test_the_palette_offers_the_other_views(desk: Opener) -> None:
    async with desk(*DONE) as it:
        for number, offered in ((1, "view 2"), (2, "view 1")):
            await it.press(str(number))
            commands = it.app.get_system_commands(it.app.screen_stack[0])
            titles = [command.title for command in commands]
            assert [title for title in titles if "view" in title and offered in title]
            assert not [title for title in titles if f"view {number}" in title]


async def test_digits_in_the_prompt_are_text(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await it.press("p")
        await it.type("12")
        assert it.app.query_one(PromptInput).value == "12"
        assert is_shown(it, 1)


async def test_training_keys_act_in_each_view(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("2", "space")
        assert it.engine.sent(Train)
        await it.play(PhaseChanged("training", 0), step_done(1))
        await it.press("space")
        assert it.engine.sent(Pause)
        assert "v view" not in it.rows[-1]


async def test_the_prompt_key_leads_back_to_the_prompt(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await it.press("2", "p", "2")
        await it.sees("▸1 Train")
        assert it.app.query_one(PromptInput).value == "2"


async def test_a_view_that_is_not_shown_does_not_hear_of_the_run(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("2")
        page = it.app.page
        assert page is not None
        await it.press("1")
        before = page.state
        await it.play(PhaseChanged("training", 0), step_done(1))
        assert page.state is before
        await it.press("2")
        assert page.state is it.app.state


async def test_what_is_written_while_another_view_is_shown_fills_its_lines(desk: Opener) -> None:
    async with desk() as it:
        await it.press("2")
        await it.settled()
        await it.play(*written(VERSE))
        await it.press("1")
        await it.sees(VERSE.splitlines()[-1])


async def test_a_frame_before_a_view_is_laid_out_leaves_nothing_behind(desk: Opener) -> None:
    async with desk(*untrained(), *trained(300)) as it:
        await it.press("3")
        await it.settled()
        await it.play(step_done(301))  # what is hidden changes
        it.app._show(TRAIN)
        assert it.rows  # painted at once
        await it.settled()
        shown = it.rows
        await it.resize(121, 40)
        await it.resize(120, 40)
        assert it.rows == shown


def test_what_the_engine_reports_while_the_app_ends_is_no_failure() -> None:
    """No screen is left then that a view could be on."""
    app = recorded_app()
    app.show_state(app.state)
    assert app.page is None
