"""What tests of the screen share: an app over a recorded engine, and ways to wait and to look."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from looking import Desk, Opener, recorded_app
from recording import untrained
from rich.console import RenderableType
from textual._compositor import Compositor

from engine.protocol import Event
from tui.panes.pane import Pane


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen looks the same whatever the shell that runs the tests has set."""
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS", "TEXTUAL_FPS", "TERM_PROGRAM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is drawn as it comes, and not at the pace of a screen."""
    monkeypatch.setattr("tui.engine_app.FRAME", 0.0)
    monkeypatch.setattr("tui.link.patience_of", lambda event: 0.0)
    for pane in (Pane, *Pane.__subclasses__()):
        monkeypatch.setattr(pane, "INTERVAL", 0.0)


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen is drawn when a test looks at it, not also each time that it changes: without a
    terminal nobody sees that, and it takes a quarter of the time."""
    paint = Compositor.render_update

    def render_update(
        compositor: Compositor, full: bool = False, *arguments: Any, **named: Any
    ) -> RenderableType | None:
        if full:  # a picture
            return paint(compositor, full, *arguments, **named)
        compositor._dirty_regions.clear()
        return None

    monkeypatch.setattr(Compositor, "render_update", render_update)


@pytest.fixture
def desk(at_once: None, unpainted: None) -> Opener:
    """Opens an app, by default on an untrained run at 120x40."""

    @asynccontextmanager
    async def open_desk(
        *events: Event, size: tuple[int, int] = (120, 40), why: str = "", play: bool = True
    ) -> AsyncIterator[Desk]:
        app = recorded_app(why)
        async with app.run_test(size=size) as pilot:
            desk = Desk(app, pilot)
            await desk.until(lambda: desk.engine.started == 1)
            if play:
                await desk.play(*(events or untrained()))
            yield desk

    return open_desk
