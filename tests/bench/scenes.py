"""What the keys are measured on: each scene has two keys that change the screen, in turn."""

from time import perf_counter
from typing import NamedTuple

from terminal import Terminal

LEFT, RIGHT, HOME, END = "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F"
PATIENCE = 10.0
"""Seconds after which a key has not been painted: it was lost, or it changed nothing."""


class Scene(NamedTuple):
    """Two keys that are pressed in turn, each with what it brings on the screen."""

    one: tuple[str, str]
    other: tuple[str, str]
    """The keys, each with a regular expression for what it shows; where that has a group, it is
    tried once what exactly it shows."""
    first: str = ""
    """The keys before."""
    ready: str = ""
    """A regular expression for what is shown once each of the two changes the screen."""


SCENES = {
    "the temperature": Scene(("]", "0.9"), ("[", "0.8")),
    "the chart's cursor": Scene(
        (HOME, "seen 0 characters"), (END, "━ training"), RIGHT, r"step [1-9]\d*  ━ training"
    ),
    "the character that is read": Scene(
        (RIGHT, "next, after (“.*”)"), (LEFT, "next, after (“.*”)"), "2", "next, after “"
    ),
    "the moment looked back at": Scene(
        (HOME, "time · step"), (END, "time · now"), "3", r"[2-9] kept"
    ),
}


def seconds_to_paint(terminal: Terminal, key: str, shown: bytes) -> float:
    """From a key to the output that has this in it. AssertionError if that does not come."""
    began = perf_counter()
    terminal.type(key)
    seen = b""
    while shown not in seen:
        seen += terminal.read(1, emulate=False)
        waited = perf_counter() - began
        assert waited < PATIENCE, f"{key!r} did not bring {shown.decode()!r} on the screen"
    return perf_counter() - began
