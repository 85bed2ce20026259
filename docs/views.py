"""Make the README's pictures of the views Read and Time: a saved run, looked at in the real app.

    python docs/views.py RUN           draw docs/read.svg and docs/time.svg

The app runs without a terminal, on the real engine; what the pictures show is what it answered.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from filmstrip import Frame, animated_svg, rows
from textual.pilot import Pilot

from engine.protocol import OpenRun
from tui.app import TinyGPTApp
from tui.theme import CLASSROOM

HERE = Path(__file__).parent
SIZE = (120, 40)
PATIENCE = 120.0
"""Seconds that one answer of the engine may take."""
PASSAGE = 3
"""Which passage of the held-out text is read: the first has no whole line at its beginning."""
CURSOR_LINE = 5
"""The line of the passage that the cursor is moved to."""
PAST = 0.4
"""Which of the kept moments the slider is at, as a fraction of them."""


async def draw(run: str) -> None:
    """Draw both pictures of a saved run. TimeoutError where the engine does not answer."""
    app = TinyGPTApp(OpenRun(run))
    async with app.run_test(size=SIZE) as pilot:
        assert isinstance(pilot.app, TinyGPTApp)
        await _until(pilot, lambda: app.state.opened is not None and app.state.ladder.complete)
        await pilot.press("2")
        await _answered(pilot)
        for _ in range(PASSAGE):
            await pilot.press("h")
            await _answered(pilot)
        await pilot.press(*["down"] * CURSOR_LINE)
        await _answered(pilot)
        _save(app, "read", f"The Read view of the run {run}.")
        await pilot.press("3")
        await _answered(pilot)
        stops = app.state.moments.stops(app.state.step)
        for _ in range(round((1 - PAST) * (len(stops) - 1))):
            await pilot.press("left")
        await _answered(pilot)
        _save(app, "time", f"The Time view of the run {run}.")
        await pilot.press("q")


async def _answered(pilot: Pilot[None]) -> None:
    """Wait until every question that the view asks is answered, and the answers are drawn."""
    app = pilot.app
    assert isinstance(app, TinyGPTApp)
    assert app.page is not None
    await pilot.pause()
    kinds = app.page.questions(app.state, app.sample_config)
    await _until(
        pilot,
        lambda: (
            all(getattr(app.state.insight, kind).answered for kind in kinds)
            and app.state.moments.has_written
        ),
    )


async def _until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not reached():
        if monotonic() > deadline:
            raise TimeoutError("The engine has not answered.")
        await pilot.pause(0.05)
    await pilot.pause(0.3)  # a pane draws at most so often


def _save(app: TinyGPTApp, name: str, description: str) -> None:
    svg = animated_svg(
        [Frame(rows(app), 1.0)],
        title="tinygpt-tui",
        description=description,
        foreground=str(CLASSROOM.foreground),
        background=str(CLASSROOM.background),
    )
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(draw(sys.argv[1]))
