"""How a test looks at the screen, and waits for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from time import monotonic

from recording import OPENING, RecordedEngine
from rich.segment import Segment
from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.geometry import Region
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from engine.protocol import Command, Event, FindCopies
from tui.app import TinyGPTApp

TIMEOUT = 60.0
"""Seconds until a state that does not come counts as a failure."""
POLL = 0.005
"""Seconds between two looks at a state that is waited for; no test relies on them."""


async def until(pilot: Pilot[None], reached: Callable[[], object], what: str = "") -> None:
    """Let the app work until something holds."""
    deadline = monotonic() + TIMEOUT
    while not reached():
        assert monotonic() < deadline, f"waited in vain {what}\n" + "\n".join(shown(pilot.app))
        assert not pilot.app._exception
        if pilot.app.is_running:
            await pilot.pause(POLL)
        else:
            await asyncio.sleep(0)


def strips(screen: Screen[object]) -> list[Strip]:
    """The picture of a screen, a strip a row."""
    return screen._compositor.render_strips()


def shown(app: App[None]) -> list[str]:
    """The text of the screen that is on top, row by row."""
    return [strip.text for strip in strips(app.screen)] if app.screen_stack else []


def segments(app: App[None]) -> Iterator[Segment]:
    """Everything that is drawn: each screen as a whole, and each widget even where it is covered."""
    for screen in app.screen_stack:
        for strip in strips(screen):
            yield from strip
        for widget in screen.walk_children(Widget):
            size = widget.outer_size
            if widget.is_mounted and size.width and size.height:
                for strip in widget.render_lines(Region(0, 0, *size)):
                    yield from strip


def recorded_app(why: str = "", *, saving: bool = True) -> TinyGPTApp:
    """The app over a recorded engine."""
    return TinyGPTApp(OPENING, why, engine=RecordedEngine, saving=saving)


def engine_of(app: TinyGPTApp) -> RecordedEngine:
    """The recorded engine of an app."""
    assert isinstance(app.engine, RecordedEngine)
    return app.engine


class Desk:
    """A user of the app: presses keys, looks at the screen, waits for a state."""

    def __init__(self, app: TinyGPTApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.engine = engine_of(app)

    async def until(self, reached: Callable[[], object], what: str = "") -> None:
        """Wait until something holds."""
        await until(self.pilot, reached, what)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other; what each changes has happened before the next."""
        for key in keys:
            self._send(key)
            await self._dispatch()

    async def type(self, text: str) -> None:
        """Press a key for each character, as fast as a terminal can send them."""
        for character in text:
            self._send(character)
        await self._dispatch()

    def _send(self, key: str) -> None:
        name = _character_to_key(key) if len(key) == 1 else key
        character = key if len(key) == 1 else {"space": " ", "enter": "\r", "tab": "\t"}.get(key)
        self.app.post_message(events.Key(name, character))

    async def _dispatch(self) -> None:
        """Let what was sent pass through the app, the widget with the focus and its parents, and
        what follows from it through all the others. A page has up to a hundred: not at each hop."""
        for _ in range(5):
            await self._hop()
        await self.pilot._wait_for_screen()
        if self.app.screen_stack:
            self.app.screen._on_timer_update()  # as the next frame does: the layout that follows

    async def _hop(self) -> None:
        """Wait until a key would have reached the widget with the focus, its parents and the app."""
        waiting: set[DOMNode] = set()

        def taken(node: DOMNode) -> None:
            waiting.remove(node)

        for node in (self.app.focused or self.app.screen).ancestors_with_self:
            if node.call_later(taken, node):
                waiting.add(node)
        while any(node.is_running for node in waiting) and not self.app._exception:
            await asyncio.sleep(0)

    async def play(self, *events: Event) -> None:
        """Let the engine tell events, and the app take them."""
        self.engine.play(events)
        await self.settled()

    async def settled(self) -> None:
        """Wait until every event of the engine is on the screen."""
        await self.until(lambda: not self.app._link._waiting)
        await self._dispatch()
        await self.pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        """Make the window larger or smaller."""
        await self.pilot.resize_terminal(width, height)
        await self.settled()

    async def sees(self, *texts: str) -> None:
        """Wait until every text stands on the screen, each in one row."""

        def all_there() -> bool:
            rows = self.rows
            return all(any(text in row for row in rows) for text in texts)

        await self.until(all_there, f"for {texts}")

    @property
    def asked(self) -> list[Command]:
        """The commands after the first, but for the questions of the screen itself."""
        return [one for one in self.engine.commands[1:] if not isinstance(one, FindCopies)]

    @property
    def rows(self) -> list[str]:
        """The screen, row by row."""
        return shown(self.app)

    def row(self, text: str) -> str:
        """The first row with this text."""
        return next(row for row in self.rows if text in row)


Opener = Callable[..., AbstractAsyncContextManager[Desk]]
"""What the fixture `desk` is: opens an app for a while."""
