"""What the engine reports of the saved runs."""

import time

from msgspec import Struct

from engine.protocol.message import Message
from engine.protocol.tokens import TokenizerName, Tokens

NOTE_LENGTH = 200
"""The most characters of a note."""


class RunSummary(Struct, frozen=True):
    """A saved run in a list."""

    name: str
    corpus: str
    preset: str
    step: int
    steps: int
    best_loss: float | None
    used: float  # seconds since the epoch
    size: int  # bytes on the disk
    note: str = ""
    problem: str = ""  # why it cannot be opened; its steps are 0 then
    parameters: int = 0
    parent: str = ""  # the run that it was forked from, by its name then; empty: none
    parent_step: int = 0
    done: bool = False  # whether it has reached its planned end
    tokenizer: TokenizerName = "characters"
    best_bits_per_byte: float | None = None  # the best loss in these; None: not known

    @property
    def last_used(self) -> str:
        """Date and time in the local time zone."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.used))

    @property
    def origin(self) -> str:
        """Where it was forked from, in words; empty: it is no fork."""
        return f"fork of {self.parent}@{self.parent_step}" if self.parent else ""


class RunsListed(Message, frozen=True):
    """The saved runs, last used first."""

    runs: tuple[RunSummary, ...]


class RunChanged(Message, frozen=True):
    """A saved run has a new note or name; an empty name: it was deleted."""

    run: str
    name: str


class RunCurve(Struct, frozen=True):
    """The validation losses of a saved run, in nats a token, by step."""

    run: str
    losses: tuple[tuple[int, float], ...]
    corpus: str = ""  # the name of its text
    sha256: str = ""  # of its text; empty: not recorded
    characters: tuple[int, ...] = ()  # tokens trained on until each loss; empty: not recorded
    seconds: tuple[float, ...] = ()  # trained until each loss; empty: not recorded
    tokens: Tokens = Tokens()  # without examples


class Compared(Message, frozen=True):
    """The runs that are to be compared with the open one."""

    runs: tuple[RunCurve, ...]


class ParentLoaded(Message, frozen=True):
    """The open run is a fork: the run that it was forked from, as far as it is known."""

    curve: RunCurve | None
    problem: str = ""  # a sentence on why there is no curve
