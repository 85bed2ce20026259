"""Who may talk to the server: a token in the first address, then a cookie. One token is for those
who may train, another for those who may only follow.

A page of another site may make a browser on this machine send requests here: by DNS rebinding it
comes with a foreign Host, by a form, an image or a WebSocket with a foreign Origin.
"""

import hmac
import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from tui.serving.notices import notice

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine for itself."""
WITHOUT_TOKEN = "Open the whole link that tinygpt-tui serve has printed, with its token."
FOREIGN = "This request comes from another site, or under a name that is not this server's."

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]+))?")


class Guard:
    """Checks every request before anything else sees it."""

    def __init__(self, port: int, names: Collection[str], *, any_address: bool = False) -> None:
        """`names`: those under which it is reached, as in an URL. `any_address`: under each address
        of this machine, too; an address cannot be rebound as a name can."""
        self.token = _random()
        self.token_to_follow = _random()
        self._passes = {self.token: _random(), self.token_to_follow: _random()}
        self._cookie = f"tinygpt-{port}"  # browsers keep cookies by host, whatever the port
        self._port = port
        self._names = frozenset(name.lower() for name in names)
        self._any_address = any_address

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 where a request is not allowed, set the cookie where it brings the token."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0].lower()):
            return notice(FOREIGN, 403)
        # Of a page that this server sent, and a page only: a WebSocket has no other protection.
        origins = request.headers.getall("Origin", [])
        expected = [f"http://{hosts[0].lower()}"]
        if origins != expected and (origins or request.path == "/ws"):
            return notice(FOREIGN, 403)
        if request.path == "/" and "token" in request.query:
            token = _among(request.query["token"], self._passes.keys())
            return self._welcome(self._passes[token]) if token else notice(WITHOUT_TOKEN, 403)
        return await handler(request) if self._pass_of(request) else notice(WITHOUT_TOKEN, 403)

    def only_follows(self, request: web.Request) -> bool:
        """Whether one whose request was let in may only follow."""
        return self._pass_of(request) != self._passes[self.token]

    async def set_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """What a browser may do with an answer: nothing leads to another machine."""
        # 'self' does not mean WebSockets in every browser. The host has been checked, or is refused.
        host = request.headers.get("Host", "").lower()
        socket = f" ws://{host}" if self._is_ours(host) else ""
        policy = {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self' 'unsafe-inline'",  # xterm.js writes its own
            "font-src": "'self'",
            "img-src": "'self' data:",
            "connect-src": f"'self'{socket}",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        response.headers.update(
            {
                "Content-Security-Policy": "; ".join(map(" ".join, policy.items())),
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            }
        )
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"

    def _pass_of(self, request: web.Request) -> str:
        """What its cookie holds; empty if that is nothing of this server's."""
        return _among(request.cookies.get(self._cookie, ""), self._passes.values())

    def _welcome(self, value: str) -> web.Response:
        """Set the cookie to this value, and go on without the token.

        By a page and not by a redirect: on one that began at another site, as a link in a mail
        does, a browser leaves out a cookie that is SameSite=Strict.
        """
        response = notice("Opening the app…", 200, refresh="0; url=/")
        response.set_cookie(self._cookie, value, path="/", httponly=True, samesite="Strict")
        return response

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header, in lower case, names this server."""
        match = _HOST.fullmatch(host)
        if match is None or int(match["port"] or 80) != self._port:
            return False
        return match["name"] in self._names or (self._any_address and _is_address(match["name"]))


def _random() -> str:
    return secrets.token_urlsafe(32)


def _among(given: str, expected: Collection[str]) -> str:
    """The one of these secrets that is given; empty if none is. It takes a time that does not tell
    how much of it is right."""
    content = given.encode("utf-8", "replace")
    same = [one for one in expected if hmac.compare_digest(content, one.encode())]
    return same[0] if same else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
