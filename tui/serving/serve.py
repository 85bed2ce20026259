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

OPEN_TO_OTHERS = """\
Other machines can connect, over plain HTTP: whoever can read this network's traffic can read the
link. Anyone with the link operates this program, and reads and writes files with it, as you.
"""


def serve(
    program: Sequence[str],
    arguments: Sequence[str],
    *,
    host: str,
    port: int,
    sessions: int,
    opens: bool,
) -> None:
    """Serve the app, the command `program` with `arguments`, until a signal comes. `opens`: whether
    to open it in the user's browser. ValueError, with a user-facing message, if the address cannot
    be used."""
    listener = _listener(host, port)
    local = _is_loopback(host)
    port = listener.getsockname()[1]
    name = "127.0.0.1" if local else _name_for_others(host)
    own_names = () if local else (name, socket.gethostname(), f"{socket.gethostname()}.local")
    guard = Guard(port, {*LOOPBACK, *own_names}, any_address=not local)
    server = GuardedServer(guard, Seats(program, arguments, limit=sessions), "tinygpt-tui")
    link = f"http://{name}{'' if port == 80 else f':{port}'}/?token={guard.token}"

    def started() -> None:
        if not local:
            click.echo(OPEN_TO_OTHERS)
        click.echo(f"{link}\nCtrl-C ends the server; every run is saved first.")
        if opens:
            webbrowser.open(link)

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


def _is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name_for_others(host: str) -> str:
    """An address of this machine, as in an URL, by which others reach what listens at `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower()
    if not address.is_unspecified:
        return f"[{address}]" if address.version == 6 else str(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # of documentation; nothing is sent by this
        except OSError:  # no network
            return socket.gethostname().lower()
        return str(route.getsockname()[0])
