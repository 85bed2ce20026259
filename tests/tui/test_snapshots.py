"""The whole screen as a picture: untrained, training, done, in a large window and a small one.

The picture of the finished run in the large window is the README's.
"""

from collections.abc import Awaitable, Callable

import pytest
from looking import Desk, recorded_app
from reading_along import Reader
from recording import COPIES, PROMPT, STEPS, VERSE, trained, untrained, written
from textual.pilot import Pilot
from trying import FOUND, rates_tried, step_inspected, taught

from engine.protocol import Event, MappingRequired, PhaseChanged, Teach
from tui.app import TinyGPTApp
from tui.panes.prompt import PromptInput

pytestmark = pytest.mark.usefixtures("at_once")

Compare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]

TRAINING_STEP = 1_240


async def show(pilot: Pilot[None], *events: Event) -> Desk:
    """Play events, and see the last of them."""
    assert isinstance(pilot.app, TinyGPTApp)
    desk = Desk(pilot.app, pilot)
    await desk.until(lambda: desk.engine.started)
    await desk.play(*untrained(), *events)
    return desk


async def prompt(desk: Desk) -> None:
    """Type the prompt, with a cursor that does not blink."""
    desk.app.query_one(PromptInput).cursor_blink = False
    await desk.press("p")
    await desk.type(PROMPT)
    await desk.press("enter")


async def show_untrained(pilot: Pilot[None]) -> None:
    """Before the first step."""
    await show(pilot)


async def show_training(pilot: Pilot[None]) -> None:
    """In the middle of a run, while it writes."""
    desk = await show(pilot, *trained(TRAINING_STEP))
    await prompt(desk)
    await desk.play(*written(VERSE[:90], step=TRAINING_STEP, end=False))
    await desk.sees("step 1,240 / 2,000", "▌")


async def show_done(pilot: Pilot[None]) -> None:
    """At the end of it, with what it wrote."""
    desk = await show(pilot, *trained(STEPS))
    await prompt(desk)
    await desk.play(*written(VERSE, step=STEPS))
    await desk.press("escape")
    await desk.settled()
    await desk.sees("● done", "A service, and the heart")


async def show_copied(pilot: Pilot[None]) -> None:
    """What of it is copied from the training text."""
    await show_done(pilot)
    await Desk(pilot.app, pilot).play(COPIES)


async def show_copy_page(pilot: Pilot[None]) -> None:
    """And from where."""
    await show_copied(pilot)
    desk = Desk(pilot.app, pilot)
    await desk.press("C")
    await desk.sees("copied from line 1,204", "Esc closes")
    pilot.app.screen.refresh()  # what is behind the page may not have been painted yet
    await desk.settled()


def picture(compare: Compare, run_before: Before, size: tuple[int, int]) -> bool:
    """Whether the screen looks as it was accepted."""
    return compare(recorded_app(), terminal_size=size, run_before=run_before)


def test_untrained_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_untrained, (120, 40))


def test_untrained_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_untrained, (80, 24))


def test_training_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_training, (120, 40))


def test_training_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_training, (80, 24))


def test_done_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_done, (120, 40))


def test_done_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_done, (80, 24))


async def show_read(pilot: Pilot[None]) -> None:
    """A passage, read along, with a head switched off."""
    desk = await show(pilot, *trained(TRAINING_STEP))
    reader = Reader(desk)
    reader.step = 1_000
    await reader.press("2", "k", "d", "K")
    await desk.sees("2.31 bits a character (+0.10")


def test_read_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_read, (120, 40))


def test_read_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_read, (80, 24))


@pytest.mark.parametrize(("panels", "size"), [(1, (120, 40)), *((n, (80, 24)) for n in (2, 3, 4))])
def test_read_panels(snap_compare: Compare, panels: int, size: tuple[int, int]) -> None:
    """When it was learned, where the loss lives, the alphabet: the first is in the large picture
    above."""

    async def show_panels(pilot: Pilot[None]) -> None:
        desk = await show(pilot, *trained(TRAINING_STEP))
        reader = Reader(desk)
        reader.step = 1_000
        await reader.press("2", *panels * "v")
        await desk.settled()

    assert picture(snap_compare, show_panels, size)


def test_copied_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_copied, (120, 40))


def test_copied_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_copied, (80, 24))


def test_copy_page_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_copy_page, (80, 24))


async def show_rates(pilot: Pilot[None]) -> None:
    """The range test, and what it suggests."""
    desk = await show(pilot)
    await desk.press("r")
    await desk.play(*rates_tried(), FOUND)
    await desk.sees("Suggested: 0.00811")


def test_rates_120x40(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_rates, (120, 40))


def test_rates_80x24(snap_compare: Compare) -> None:
    assert picture(snap_compare, show_rates, (80, 24))


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
@pytest.mark.parametrize("asking", [False, True])
def test_teaching(snap_compare: Compare, size: tuple[int, int], asking: bool) -> None:
    """A run that was taught a made-up word: its surprise falls, the old text's loss rises, and a
    sample has it. And the form, with the question about what the model does not know."""

    async def show_taught(pilot: Pilot[None]) -> None:
        desk = await show(pilot, *trained(500), *taught())
        await desk.sees("in a sample")
        if asking:
            await desk.press("k", "up", *"the caf\u00e9 \u2603", "enter")
            await desk.until(lambda: desk.engine.sent(Teach))
            asked = desk.engine.sent(Teach)[-1]
            await desk.play(MappingRequired(asked, (("\u00e9", "e"), ("\u2603", "")), 0))
            await desk.sees("Snowman")

    assert picture(snap_compare, show_taught, size)


@pytest.mark.parametrize(
    ("page", "size"), [(1, (120, 40)), (4, (120, 40)), (2, (80, 24)), (5, (80, 24))]
)
def test_microscope(snap_compare: Compare, page: int, size: tuple[int, int]) -> None:
    """Layer by layer, the loss, the update, afterwards."""

    async def show_page(pilot: Pilot[None]) -> None:
        desk = await show(pilot, *trained(TRAINING_STEP))
        await desk.press("m")
        await desk.play(PhaseChanged("paused", TRAINING_STEP), step_inspected())
        await desk.press(*page * ["right"])
        await desk.sees(f"{page + 1}/6")

    assert picture(snap_compare, show_page, size)
