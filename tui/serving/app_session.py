"""One app behind one page: textual-serve's, without a shell, and ended with its run saved."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

EXIT_TIMEOUT = 60.0
"""Seconds that an app may take to save and end, before it gets a signal."""
MOST_CELLS = 1_000
"""Of a page's terminal, in a line or a column."""


class AppSession(AppService):
    """Runs the app as a child process."""

    def __init__(
        self, command: Sequence[str], websocket: web.WebSocketResponse, downloads: DownloadManager
    ) -> None:
        """`command`: program and arguments. `websocket`: of the page."""
        super().__init__(
            "",
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=websocket.close,
            download_manager=downloads,
        )
        self._arguments = command
        self._process: Process | None = None
        self._stopping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process of the app; 0 before it has started."""
        return self._process.pid if self._process is not None else 0

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Start the program itself: textual-serve takes a line for a shell, in which a file name
        could be a command. Ctrl-C in the server's terminal is not for the app."""
        environment = self._build_environment(_limited(width), _limited(height))
        # A browser shows any character, whatever the server's terminal does.
        environment["LC_ALL"] = "C.UTF-8"
        self._process = process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Pass on what the app shows, until it ends, and then close the connection of its page."""
        try:
            await super().run()
        finally:
            await self.remote_close()

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the app, which makes a picture of that size."""
        await super().set_terminal_size(_limited(width), _limited(height))

    async def on_data(self, payload: bytes) -> None:
        """Show it; where the page has gone, read on, so that the app is not held up as it saves."""
        with suppress(ConnectionResetError):
            await super().on_data(payload)

    async def on_meta(self, data: bytes) -> None:
        """The end of the app is all that it may tell the page: it opens no links and sends no
        files."""
        if json.loads(data).get("type") == "exit":
            await super().on_meta(data)

    async def on_packed(self, payload: bytes) -> None:
        """Part of a file: none was asked for."""

    async def stop(self) -> None:
        """Have the app save and end, and wait until it has."""
        if self._process is None:
            return
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(self._process))
        await asyncio.shield(self._stopping)

    async def _stop(self, process: Process) -> None:
        try:
            await asyncio.wait_for(super().stop(), EXIT_TIMEOUT)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.terminate()  # saves once more, if it can, and ends within seconds
        await process.wait()


def _limited(cells: int) -> int:
    return min(max(cells, 1), MOST_CELLS)
