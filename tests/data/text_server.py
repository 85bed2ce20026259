"""A server on loopback that does what a test wants: it sends bytes as they are, and cuts."""

import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import pytest

PATIENCE = 5.0
"""Seconds after which a request that nobody finishes is given up."""


class Request(NamedTuple):
    """What a client asks for."""

    path: str
    headers: Mapping[str, str]  # by their names in lower case

    @property
    def start(self) -> int:
        """The first byte that is asked for."""
        return int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])


Script = Callable[[Request], Iterable[bytes]]
"""The bytes that are sent for a request, before the connection is closed."""


class TextServer:
    """Serves by `script`, which a test sets."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: Script = lambda request: [whole(b"")]
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def url(self, path: str = "/text.txt") -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        server = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = PATIENCE

            def handle(self) -> None:
                first = self.rfile.readline().decode().split(" ")
                headers = {}
                while line := self.rfile.readline().decode().strip():
                    name, _, value = line.partition(":")
                    headers[name.casefold()] = value.strip()
                if len(first) < 2:
                    return
                request = Request(first[1], headers)
                server.requests.append(request)
                try:
                    for part in server.script(request):
                        self.wfile.write(part)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client has had enough

        return Handler


def reach_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have downloads use no proxy, and not wait for the disk."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # slow, and no power is lost here


@contextmanager
def serving() -> Iterator[TextServer]:
    """A server that runs."""
    server = TextServer()
    loop = threading.Thread(
        target=server._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    loop.start()
    try:
        yield server
    finally:
        server._server.shutdown()
        server._server.server_close()
        loop.join()


def head(status: str = "200 OK", **headers: object) -> bytes:
    """The beginning of an answer. Names of headers are written with underscores."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "Connection: close", "", ""]).encode()


def whole(content: bytes, **headers: object) -> bytes:
    """An answer with all of a text."""
    usual = {"Content_Length": len(content), "Content_Type": "text/plain"}
    return head(**{**usual, **headers}) + content


def rest(content: bytes, start: int, tag: str = '"1"') -> bytes:
    """An answer with a text from `start` on."""
    place = f"bytes {start}-{len(content) - 1}/{len(content)}"
    status = "206 Partial Content"
    length = len(content) - start
    return head(status, Content_Length=length, Content_Range=place, ETag=tag) + content[start:]
