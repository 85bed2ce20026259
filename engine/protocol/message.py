"""What commands and events have in common."""

from typing import Literal

from msgspec import Struct

Phase = Literal["untrained", "training", "paused", "done", "failed", "following"]
"""Following: another program trains the run, and this one watches."""

Activity = Literal[
    "open",
    "train",
    "teach",
    "sample",
    "save",
    "measure",
    "runs",
    "inspect",
    "export",
    "log",
    "engine",
]
"""What can fail."""


class Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A small frozen value that may cross between threads: only str, int, float, bool and tuples of
    them. In JSON it is tagged with its type."""
