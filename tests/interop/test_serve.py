"""The app in a browser: who is let in, who trains and who follows, and the page itself."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual_serve", reason="needs the extra serve")

import aiohttp
from command_line import invoked

import engine
from tui.serving import serve as serving
from tui.serving.guard import LOOPBACK, Guard
from tui.serving.seats import Seats
from tui.serving.server import GuardedServer

FAKE_APP = [sys.executable, str(Path(__file__).with_name("fake_app.py"))]
MINE = ["mine.txt"]


class Visitor:
    """A browser as far as the server sees it."""

    def __init__(self, session: aiohttp.ClientSession, address: str, guard: Guard) -> None:
        self.http = session
        self.address = address
        self.guard = guard

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and text of an answer."""
        async with self.http.get(self.address + path, headers=headers) as response:
            return response.status, await response.text()

    @asynccontextmanager
    async def page(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A connection as the page of the server opens it, until that is closed."""
        async with self.http.ws_connect(
            self.address + "/ws", headers={"Origin": self.address}
        ) as socket:
            yield socket

    async def arguments(self, socket: aiohttp.ClientWebSocketResponse) -> list[str]:
        """Those of the fake app behind a page."""
        arguments: list[str] = json.loads(await socket.receive_bytes(timeout=10))
        return arguments


def browser_session() -> aiohttp.ClientSession:
    """It keeps cookies, also of an address without a name."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


@asynccontextmanager
async def served(
    arguments: Sequence[str] = MINE, *, limit: int = 3, training: int = 1
) -> AsyncIterator[Visitor]:
    """A server of the fake app, and one who has opened its link."""
    listener = serving._listener("127.0.0.1", 0)
    port = listener.getsockname()[1]
    guard = Guard(port, LOOPBACK)
    seats = Seats(arguments, limit=limit, training=training)
    server = GuardedServer(FAKE_APP, guard, seats)
    started = asyncio.Event()
    running = asyncio.create_task(server.run(listener, started.set))
    await started.wait()
    async with browser_session() as session:
        visitor = Visitor(session, f"http://127.0.0.1:{port}", guard)
        status, _ = await visitor.get(f"/?token={guard.token}")
        assert status == 200
        yield visitor
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    listener.close()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine finds of saved runs: "trained" by another process, "written" by one that has
    ended."""
    found: dict[str, str] = {}
    monkeypatch.setattr(engine, "run_in_training", lambda: found.get("trained", ""))
    monkeypatch.setattr(engine, "run_written_by", lambda pid, since: found.get("written", ""))
    monkeypatch.setattr(engine, "run_names", lambda: [*found.values()])
    return found


async def test_only_the_link_lets_in(runs: dict[str, str]) -> None:
    """The token in the first address, then the cookie; nothing at all without."""
    async with served() as visitor, aiohttp.ClientSession() as outsider:
        them = Visitor(outsider, visitor.address, visitor.guard)
        for path in ("/", "/?token=", "/?token=x", "/ws", "/static/js/textual.js", "/download/x"):
            status, text = await them.get(path)
            assert (status, "pen the whole link" in text or path == "/ws") == (403, True), path
        answer = await outsider.get(f"{visitor.address}/?token={visitor.guard.token}")
        cookie = answer.headers["Set-Cookie"]
        assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= {*cookie.split("; ")}
        assert visitor.guard.token not in cookie
        for path in ("/", "/static/js/textual.js"):
            assert (await visitor.get(path))[0] == 200


@pytest.mark.parametrize("path", ["/", "/?token={token}", "/ws", "/static/js/textual.js"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "pwned.example:{port}"},  # a name that was bound to this address
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1"},
        {"Host": "x@127.0.0.1:{port}"},
        {"Host": "10.0.0.1:{port}", "Origin": "http://10.0.0.1:{port}"},
        {"Origin": "http://pwned.example"},
        {"Origin": "http://127.0.0.1:1"},  # of the same site, so it comes with the cookie
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "null"},
    ],
)
async def test_another_site_is_refused(
    runs: dict[str, str], path: str, headers: dict[str, str]
) -> None:
    """Although the browser that it uses has the cookie, or even the token."""
    async with served() as visitor:
        port = visitor.address.rpartition(":")[2]
        meant = {name: value.format(port=port) for name, value in headers.items()}
        status, text = await visitor.get(path.format(token=visitor.guard.token), **meant)
        assert (status, "from another site" in text) == (403, True)
        assert "Set-Cookie" not in text


async def test_a_websocket_needs_cookie_and_origin(runs: dict[str, str]) -> None:
    """No other page, and no program without the link, gets a session."""
    async with served() as visitor, aiohttp.ClientSession() as outsider:
        async with visitor.page() as socket:
            assert await visitor.arguments(socket) == MINE
        refused = [
            (outsider, {"Origin": visitor.address}),
            (visitor.http, {"Origin": "http://pwned.example"}),
            (visitor.http, {}),
        ]
        for http, headers in refused:
            with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                await http.ws_connect(f"{visitor.address}/ws", headers=headers)
            assert error.value.status == 403


async def test_the_page_leads_nowhere_else(runs: dict[str, str]) -> None:
    """No font server, no other address; and the policy of the page allows none."""
    async with served() as visitor:
        async with visitor.http.get(visitor.address) as response:
            text = await response.text()
            policy = response.headers["Content-Security-Policy"]
        addresses = re.findall(r"\w+://[^\s\"']+", text)
        assert addresses == [f"ws{visitor.address.removeprefix('http')}/ws"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        async with visitor.page() as socket:  # what an app asks a page to open is not passed on
            await visitor.arguments(socket)
            await socket.send_json(["ping", "1"])
            assert await socket.receive_json() == ["pong", "1"]


async def test_the_first_trains_and_others_follow(runs: dict[str, str]) -> None:
    async with served(limit=2) as visitor, visitor.page() as first:
        assert await visitor.arguments(first) == MINE
        status, text = await visitor.get("/")
        assert (status, "Nothing is trained yet" in text) == (503, True)
        assert 'http-equiv="refresh"' in text

        runs["trained"] = "amber-otter"
        assert (await visitor.get("/"))[0] == 200
        async with visitor.page() as second:
            assert await visitor.arguments(second) == ["--follow"]
            status, text = await visitor.get("/")
            assert (status, "All 2 sessions" in text) == (503, True)
            with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                async with visitor.page():
                    pass
            assert error.value.status == 503


async def test_the_next_page_goes_on_with_the_run_that_was_left(runs: dict[str, str]) -> None:
    """Also where the page before it has only shown that run; not once it has been deleted."""
    async with served() as visitor:
        runs["written"] = "amber-otter"
        async with visitor.page() as first:
            assert await visitor.arguments(first) == MINE
        async with visitor.page() as second:
            assert await visitor.arguments(second) == ["--run", "amber-otter"]
            runs["saved"] = runs.pop("written")
        async with visitor.page() as third:
            assert await visitor.arguments(third) == ["--run", "amber-otter"]
        del runs["saved"]
        async with visitor.page() as fourth:
            assert await visitor.arguments(fourth) == MINE


async def test_the_link_to_follow_never_trains(runs: dict[str, str]) -> None:
    async with served() as visitor, browser_session() as session:
        them = Visitor(session, visitor.address, visitor.guard)
        assert (await them.get(f"/?token={visitor.guard.token_to_follow}"))[0] == 200
        status, text = await them.get("/")
        assert (status, "Nothing is trained yet" in text) == (503, True)
        runs["trained"] = "amber-otter"
        async with them.page() as page:
            assert await them.arguments(page) == ["--follow"]
            async with visitor.page() as first:
                assert await visitor.arguments(first) == MINE


async def test_more_than_one_may_train(runs: dict[str, str]) -> None:
    runs["trained"] = "amber-otter"
    async with served(training=2) as visitor, visitor.page() as first, visitor.page() as second:
        assert await visitor.arguments(first) == await visitor.arguments(second) == MINE
        async with visitor.page() as third:
            assert await visitor.arguments(third) == ["--follow"]


@pytest.mark.parametrize(
    "name",
    ["two words.txt", "a'b\"c.txt", "$(touch pwned).txt", "; touch pwned #", "-x", "--port=1", "*"],
)
async def test_any_file_name_is_one_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: dict[str, str], name: str
) -> None:
    """From the command line to the app, without a shell between."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("the cat sat on the mat.\n" * 100)
    given: list[Any] = []
    monkeypatch.setattr(serving, "serve", lambda program, arguments, **_: given.append(arguments))
    options = ["--no-save", "--set", f"sample.stop={name}", "--set=train.steps=10"]
    assert invoked("serve", "--port", "0", *options, "--", name).exit_code == 0
    (arguments,) = given
    assert arguments == [
        f"--set=sample.stop={name}",
        "--set=train.steps=10",
        "--no-save",
        "--",
        name,
    ]
    async with served(arguments) as visitor, visitor.page() as socket:
        assert await visitor.arguments(socket) == arguments
    assert not Path("pwned").exists()


def output_of_serve(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What the command prints when it begins to serve."""

    async def run(self: GuardedServer, listener: object, started: Callable[[], None]) -> None:
        started()

    monkeypatch.setattr(GuardedServer, "run", run)
    result = invoked("serve", "tales", "--port", "0", *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_what_another_address_means_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    link = r"^http://%s:\d+/\?token=[\w-]{40,}$"
    local = output_of_serve(monkeypatch)
    assert len(re.findall(link % r"127\.0\.0\.1", local, re.MULTILINE)) == 1
    assert "plain HTTP" not in local
    to_all = output_of_serve(monkeypatch, "--host", "0.0.0.0")
    assert "plain HTTP" in to_all
    assert "as\nyou" in to_all
    assert len({*re.findall(link % r"(?!0\.0\.0\.0)[^/]+", to_all, re.MULTILINE)}) == 2


def test_what_cannot_be_served_is_refused() -> None:
    with serving._listener("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        refusals = {
            ("-",): "standard input",
            ("tales", "--port", str(port)): f"127.0.0.1, port {port}: Address already in use",
            ("none.txt",): "none.txt",
        }
        for arguments, reason in refusals.items():
            result = invoked("serve", *arguments)
            assert (result.exit_code, reason in result.output) == (2, True), result.output
