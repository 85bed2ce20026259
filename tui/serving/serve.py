"""Opens the address, says where the app is, and serves it until Ctrl-C."""

import asyncio
import ipaddress
import socket
import webbrowser
from collections.abc import Sequence

import click

from tui.serving.guard import LOOPBACK, Guard
from tui.serving.seats import Seats
from tui.serving.server import GuardedServer

TO_ALL = """\
Other machines can connect, over plain HTTP: whoever can read the traffic of this network can read
the links. Anyone with the first link operates this program, and reads and writes files with it, as
you. Anyone with the second one follows the run that is trained, and changes nothing.

{train}
{follow}
"""
ENDING = "Ctrl-C ends the server; every run is saved first."


def serve(
    program: Sequence[str],
    arguments: Sequence[str],
    *,
    host: str,
    port: int,
    sessions: int,
    training: int,
    opens: bool,
) -> None:
    """Serve the app, the command `program` with `arguments`, until a signal comes; at most `sessions`
    of it, of which `training` may train. `opens`: whether to open it in the user's browser.
    ValueError, with a user-facing message, if the address cannot be used."""
    listener = _listener(host, port)
    address = ipaddress.ip_address(listener.getsockname()[0])
    port = listener.getsockname()[1]
    local = address.is_loopback
    name = _reached_at() if address.is_unspecified else _in_url(address)
    names = {*LOOPBACK, name} if local else {*LOOPBACK, name, host, *_own_names()}
    guard = Guard(port, names, any_address=not local)
    seats = Seats(arguments, limit=sessions, training=training)
    server = GuardedServer(program, guard, seats)
    page = f"http://{name}{'' if port == 80 else f':{port}'}/?token="
    train, follow = page + guard.token, page + guard.token_to_follow

    def started() -> None:
        click.echo(train if local else TO_ALL.format(train=train, follow=follow))
        click.echo(ENDING)
        if opens:
            webbrowser.open(train)

    with listener:
        asyncio.run(server.run(listener, started))


def _listener(host: str, port: int) -> socket.socket:
    """A socket that listens there. ValueError, with a user-facing message, if that cannot be."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(
            f"The app cannot be served at {host}, port {port}: {reason}. --port 0 takes a free port."
        ) from None


def _in_url(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _own_names() -> list[str]:
    """How other machines may call this one."""
    name = socket.gethostname()
    return [name, f"{name}.local"]


def _reached_at() -> str:
    """An address of this machine, at which others reach it; its name where it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # of documentation; nothing is sent by this
        except OSError:
            return socket.gethostname()
        return str(route.getsockname()[0])
