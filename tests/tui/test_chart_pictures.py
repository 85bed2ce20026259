"""The loss chart as a picture while it is read: a cursor on a sign, by steps and by time."""

from collections.abc import Awaitable, Callable

import pytest
from looking import Desk, recorded_app
from msgspec.structs import replace
from recording import step_done, trained, untrained
from textual.pilot import Pilot

from engine.protocol import Compared, Event, LearningRateChanged, RunCurve, StepDone
from tui.app import TinyGPTApp
from tui.panes.loss import LossPane

pytestmark = pytest.mark.usefixtures("at_once")

Compare = Callable[..., bool]
SPIKE_AT, CHANGED_AT = 700, 400
OTHER = RunCurve(
    "calm-heron",
    ((0, 4.17), (250, 2.4), (500, 1.95), (1_000, 1.75), (2_000, 1.6)),
    seconds=(0.0, 25.0, 50.0, 100.0, 200.0),
)


def history() -> list[Event]:
    """A run whose context grows, with a spike and a changed learning rate."""
    events: list[Event] = []
    for event in trained(1_240):
        if isinstance(event, StepDone):
            context = 64 if event.step < 100 else 128 if event.step < 200 else 256
            event = replace(event, context_length=context, tokens=8 * context)
            event = replace(event, loss=3.4 if event.step == SPIKE_AT else event.loss)
        events.append(event)
        if event == replace(step_done(CHANGED_AT), context_length=256, tokens=2_048):
            events.append(LearningRateChanged(CHANGED_AT, 0.024))
    return events


def reading(*keys: str, step: int, sees: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys, and put the cursor at a step."""

    async def show(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, TinyGPTApp)
        desk = Desk(pilot.app, pilot)
        await desk.until(lambda: desk.engine.started)
        await desk.play(*untrained(), *history(), Compared((OTHER,)))
        await desk.press("left", *keys)
        pilot.app.query_one(LossPane).cursor = step
        await desk.settled()
        await desk.sees(sees)

    return show


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_reading_by_steps(snap_compare: Compare, size: tuple[int, int]) -> None:
    read = reading(step=CHANGED_AT, sees="↓ step 400: the peak of the")
    assert snap_compare(recorded_app(), terminal_size=size, run_before=read)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_reading_by_seconds(snap_compare: Compare, size: tuple[int, int]) -> None:
    read = reading("L", "L", step=SPIKE_AT, sees="✶ step 700: a spike to 3.400")
    assert snap_compare(recorded_app(), terminal_size=size, run_before=read)
