"""The real app behind the real server: in headless Chromium, and for those who follow."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import pytest

pytest.importorskip("textual_serve", reason="needs the extra serve")

import aiohttp
import browser
import pyte
from command_line import TINY

import engine

DEADLINE = 40.0
"""Seconds to wait for what a page shows before the test fails."""


class Program(NamedTuple):
    """`tinygpt-tui serve`, running."""

    process: asyncio.subprocess.Process
    link: str
    home: Path

    @property
    def address(self) -> str:
        return self.link.partition("/?")[0]

    async def until_saved(self) -> int:
        """Wait until no app writes the only run any more; the step of its newest checkpoint, which
        must be the last one in the history."""
        manifests = "runs/*/checkpoints/*/manifest.json"
        await until(lambda: any(self.home.glob(manifests)) and not engine.run_in_training())
        newest = json.loads(max(self.home.glob(manifests)).read_text())
        (history,) = self.home.glob("runs/*/metrics.jsonl")
        lines = history.read_text().splitlines()
        last = max(json.loads(line)["step"] for line in lines if "StepDone" in line)
        step: int = newest["progress"]["step"]
        assert step == last
        return step


class Terminal:
    """A page without a browser: it connects as a page does, and draws what it is sent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self._screen)

    async def press(self, key: str) -> None:
        await self._socket.send_json(["stdin", key])

    async def until(self, shows: Callable[[str], bool]) -> str:
        """Wait for what it shows; its text then."""
        end = monotonic() + DEADLINE
        while not shows(text := "\n".join(self._screen.display)):
            assert monotonic() < end, f"it never appeared; the screen was:\n{text}"
            message = await self._socket.receive(timeout=DEADLINE)
            assert message.type is aiohttp.WSMsgType.BINARY, f"{message}, after:\n{text}"
            self._stream.feed(message.data)
        return text


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a state of the files."""
    end = monotonic() + DEADLINE
    while not holds():
        assert monotonic() < end
        await asyncio.sleep(0.1)


@pytest.fixture
async def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Program]:
    """A server of a small model."""
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TERM", "dumb")  # that of the server; the app draws in a browser
    monkeypatch.chdir(tmp_path)
    text = Path("my rhymes.txt")
    text.write_text("the cat sat on the mat and the rat ran.\n" * 200)
    command = Path(sys.executable).with_name("tinygpt-tui")
    process = await asyncio.create_subprocess_exec(
        *(command, "serve", text, *TINY, "--steps=1000000", "--port=0"), stdout=PIPE
    )
    assert process.stdout is not None
    link = (await process.stdout.readline()).decode().strip()
    yield Program(process, link, tmp_path / "home")
    if process.returncode is None:
        process.kill()
        await process.wait()


@asynccontextmanager
async def terminal(program: Program) -> AsyncIterator[Terminal]:
    """One who opens the link, for as long as the page is open."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        await http.get(program.link)
        connection = http.ws_connect(
            f"{program.address}/ws?width=120&height=40", headers={"Origin": program.address}
        )
        async with connection as socket:
            yield Terminal(socket)


@pytest.mark.skipif(not browser.CHROMIUM, reason="no chromium program is found")
async def test_a_browser_shows_the_app_and_closing_the_page_saves(
    program: Program, tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    async with browser.chromium(tmp_path / "profile") as page:
        await page.open(program.link)
        shown = await page.until(lambda text: "● untrained" in text)
        header, *_, keys = shown.splitlines()
        assert "tinygpt  ▸1 Train" in header
        assert "my rhymes.txt" in header
        assert "space train" in keys
        assert all(
            part.startswith((program.address, "ws" + program.address[4:]))
            for part in page.requested
        )
        assert await page.evaluate("location.search") == ""
        assert await page.evaluate("document.cookie") == ""

        await page.deselect()
        await page.picture(tmp_path / "page.png")
        with image.open(tmp_path / "page.png") as picture:
            assert picture.size == browser.SIZE
            # The header and the line of keys, at both ends of the window.
            for top in (0, browser.SIZE[1] - 40):
                strip = picture.convert("RGB").crop((0, top, browser.SIZE[0], top + 40))
                assert len(strip.getcolors(100_000)) > 50

        await page.press(" ")
        await page.until(lambda text: "● training" in text)
        await page.ask("Page.close")
        assert await program.until_saved() > 0


async def test_others_follow_the_run_and_ctrl_c_saves_it(program: Program) -> None:
    async with terminal(program) as first:
        await first.until(lambda text: "● untrained" in text)
        await first.press(" ")
        await first.until(lambda text: "● training" in text)
        await until(lambda: any(program.home.glob("runs/*/checkpoints/*/manifest.json")))
        async with terminal(program) as second:
            await second.until(lambda text: "● following" in text)
            program.process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(program.process.wait(), DEADLINE) == 0
    assert not engine.run_in_training()
    assert await program.until_saved() > 0


async def test_a_run_is_saved_though_the_server_is_killed(program: Program) -> None:
    async with terminal(program) as page:
        await page.until(lambda text: "● untrained" in text)
        await page.press(" ")
        await page.until(lambda text: "● training" in text)
        program.process.kill()
        assert await program.until_saved() > 0
