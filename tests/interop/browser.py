"""A page in headless Chromium, driven by its DevTools protocol."""

import asyncio
import base64
import itertools
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

DEADLINE = 40.0
"""Seconds to wait for a page before the test fails."""
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
"""The browser's program; empty if none is installed."""
SIZE = (1280, 800)
"""Of the page, in pixels."""
_SELECTED = """(() => {
  const transfer = new DataTransfer();
  const copy = new ClipboardEvent("copy", {clipboardData: transfer, bubbles: true});
  document.querySelector(".xterm").dispatchEvent(copy);
  return transfer.getData("text/plain");
})()"""


class Page:
    """One page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.requested: list[str] = []
        """The address of every request and every connection."""

    async def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol; its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=DEADLINE)
            if message.get("method") == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            elif message.get("method") == "Network.webSocketCreated":
                self.requested.append(message["params"]["url"])
            elif message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def open(self, address: str) -> None:
        await self.ask("Network.enable")
        await self.ask("Page.enable")
        await self.ask("Page.navigate", url=address)

    async def press(self, key: str) -> None:
        """Type one character."""
        for kind in ("keyDown", "keyUp"):
            await self.ask("Input.dispatchKeyEvent", type=kind, key=key, text=key)

    async def terminal(self) -> str:
        """The text that the terminal in the page shows: all of it is selected (with Shift, since
        the app takes the mouse otherwise) and copied. Empty as long as there is none."""
        if not await self.evaluate("document.querySelector('.-first-byte .xterm') !== null"):
            return ""
        await self._mouse("mousePressed", 1, 1)
        await self._mouse("mouseMoved", SIZE[0] - 2, SIZE[1] - 2)
        await self._mouse("mouseReleased", SIZE[0] - 2, SIZE[1] - 2)
        return str(await self.evaluate(_SELECTED))

    async def deselect(self) -> None:
        """Click: what was selected to be read has another colour."""
        await self._mouse("mousePressed", 1, 1)
        await self._mouse("mouseReleased", 1, 1)

    async def until(self, shows: Callable[[str], bool]) -> str:
        """Wait for what the terminal shows; its text then."""
        end = monotonic() + DEADLINE
        while not shows(text := await self.terminal()):
            assert monotonic() < end, f"it never appeared; the page was:\n{text}"
            await asyncio.sleep(0.2)
        return text

    async def _mouse(self, kind: str, x: int, y: int) -> None:
        """With the left button and Shift."""
        await self.ask(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="left",
            buttons=1,
            clickCount=1,
            modifiers=8,
        )

    async def picture(self, path: Path) -> None:
        """Save the page as a PNG."""
        result = await self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(result["data"]))


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Page]:
    """A browser with an empty page; the profile's folder is made."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"),
        *("--no-first-run", "--disable-background-networking", "--hide-scrollbars"),
        f"--window-size={SIZE[0]},{SIZE[1]}",
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                pages = [one for one in await response.json() if one["type"] == "page"]
            address = pages[0]["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                await page.ask(
                    "Emulation.setDeviceMetricsOverride",
                    width=SIZE[0],
                    height=SIZE[1],
                    deviceScaleFactor=1,
                    mobile=False,
                )
                yield page
    finally:
        process.kill()
        await process.wait()


async def _port(path: Path) -> int:
    """The port that the browser has written there, once it listens."""
    end = monotonic() + DEADLINE
    while not (path.exists() and (lines := path.read_text().splitlines())):
        assert monotonic() < end, "the browser never listened"
        await asyncio.sleep(0.05)
    return int(lines[0])
