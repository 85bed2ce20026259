"""textual-serve's server behind a guard, with a plan for who trains."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from textual_serve.server import Server

from tui.serving.app_session import AppSession
from tui.serving.guard import Guard
from tui.serving.notices import notice
from tui.serving.seats import NoSeatError, Seats
from tui.signals import EXIT_SIGNALS

HEARTBEAT = 15.0
"""Seconds between two questions whether a page is still there."""
FONT_SIZE = 16
"""Pixels, unless the address says ?fontsize=."""
LOOK_AGAIN = "3; url=/"
"""When a page that found no session free asks again."""


class GuardedServer(Server):
    """Serves the app to those whom the guard lets in."""

    def __init__(self, program: Sequence[str], guard: Guard, seats: Seats) -> None:
        """`program`: the command of the app, without what a seat adds."""
        super().__init__("", templates_path=Path(__file__).parent)
        self._program = program
        self._guard = guard
        self._seats = seats
        self._sessions: set[AppSession] = set()
        self._ending = False

    async def run(self, listener: socket, started: Callable[[], None]) -> None:
        """Serve until a signal comes, then end every session with its run saved. `started` is called
        once pages can be opened."""
        stopped = asyncio.Event()
        runner = web.AppRunner(await self._make_app(), access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            started()
            with _ending_signals(stopped):
                await stopped.wait()
        finally:
            await runner.cleanup()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard.middleware)
        app.on_response_prepare.append(self._guard.set_headers)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """textual-serve greets here."""

    async def on_shutdown(self, app: web.Application) -> None:
        """End the sessions, all at once; those that wait for a place do not begin."""
        self._ending = True
        await asyncio.gather(*(session.stop() for session in self._sessions))

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """The page with the app, or why there is none now."""
        if refusal := self._seats.refusal(follows=self._guard.only_follows(request)):
            return notice(refusal, 503, refresh=LOOK_AGAIN)
        context: dict[str, Any] = {
            "websocket": f"ws://{request.host}/ws",
            "font_size": _font_size(request.query.get("fontsize", "")),
        }
        return aiohttp_jinja2.render_template("page.html", request, context)

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        """The app sends no files."""
        raise web.HTTPNotFound

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run a session for as long as its page is open."""
        follows = self._guard.only_follows(request)
        try:
            async with self._seats.taken(follows=follows) as seat:
                websocket = web.WebSocketResponse(heartbeat=HEARTBEAT)
                await websocket.prepare(request)
                command = [*self._program, *seat.arguments]
                session = AppSession(command, websocket, self.download_manager)
                self._sessions.add(session)
                try:
                    await session.start(_cells(request, "width", 80), _cells(request, "height", 24))
                    seat.pid = session.pid
                    if not self._ending:
                        await self._process_messages(websocket, session)
                finally:
                    seat.leaving = True
                    await session.stop()
                    self._sessions.discard(session)
        except NoSeatError as refusal:
            raise web.HTTPServiceUnavailable(text=str(refusal)) from None
        return websocket


@contextmanager
def _ending_signals(stopped: asyncio.Event) -> Iterator[None]:
    """The first signal to end sets the event; a second one ends the program at once."""
    loop = asyncio.get_running_loop()

    def forget() -> None:
        for number in EXIT_SIGNALS:
            with suppress(NotImplementedError):  # Windows: Ctrl-C cancels the task
                loop.remove_signal_handler(number)

    def end() -> None:
        forget()
        stopped.set()

    for number in EXIT_SIGNALS:
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        forget()


def _cells(request: web.Request, name: str, otherwise: int) -> int:
    """A size of the page's terminal."""
    text = request.query.get(name, "")
    return int(text) if _is_number(text) else otherwise


def _font_size(text: str) -> int:
    """In pixels."""
    return min(max(int(text), 6), 100) if _is_number(text) else FONT_SIZE


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6
