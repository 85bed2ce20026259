"""Sweeps: training with many settings, several seeds each. `tinygpt-tui sweep` trains them, each run
in a process of its own; here is what is known of one."""

from typing import Literal

from msgspec import Struct

from engine.protocol.message import Message
from engine.protocol.saved_runs import RunCurve

UNCHANGED = "no change"
"""The label of a case without settings of its own."""


class ListSweeps(Message, frozen=True):
    """List the sweeps that were begun; answered by `SweepsListed`."""


class ReadSweep(Message, frozen=True):
    """Read what has become of the runs of a sweep so far; answered by `SweepRead`."""

    sweep: str


class ReadCurves(Message, frozen=True):
    """Read the validation losses of saved runs; answered by `CurvesRead`."""

    runs: tuple[str, ...]


class SweepCase(Struct, frozen=True):
    """Settings that are tried."""

    settings: tuple[str, ...]  # KEY=VALUE: those of its own
    trials: tuple[str, ...]  # the keys of its runs, one for each seed

    @property
    def label(self) -> str:
        """What it is called: KEY=VALUE, KEY=VALUE."""
        return ", ".join(self.settings) or UNCHANGED


class SweepPlan(Struct, frozen=True):
    """What the file of a sweep asks for."""

    name: str
    seeds: int
    cases: tuple[SweepCase, ...]
    file: str = ""  # its content


class TrialResult(Struct, frozen=True, tag=True):
    """What is known of one run of a sweep."""

    key: str  # of the trial: the same for the same text, settings and seed
    case: str  # its label
    seed: int
    state: Literal["started", "done", "diverged", "failed"]
    """Diverged: its loss was no longer a number, which is a result, too."""
    run: str = ""  # the name of the saved run, as it began; empty: it never did
    loss: float | None = None  # of the last evaluation, in nats a token
    step: int = 0  # of the last evaluation
    seconds: float = 0.0  # of training until then
    evaluated: int = 0  # validation characters that it predicted; 0: not known
    device: str = ""
    threads: int = 0
    precision: str = ""
    text: str = ""  # the sha256 of the text
    message: str = ""  # why it has failed
    bits_per_byte: float | None = None  # the loss in these; None: not known

    @property
    def is_final(self) -> bool:
        """Whether it is not tried again."""
        return self.state in ("done", "diverged")


class SweepRead(Message, frozen=True):
    """A sweep as it stands: its plan, and the newest result of each run that has begun."""

    sweep: str
    plan: SweepPlan | None = None  # None: it has not been begun
    results: tuple[TrialResult, ...] = ()
    running: bool = False  # whether a program trains its runs now


class CurvesRead(Message, frozen=True):
    """The curves that were asked for; empty for a run that cannot be read."""

    runs: tuple[RunCurve, ...]


class SweepSummary(Struct, frozen=True):
    """A sweep in a list."""

    name: str
    runs: int  # planned
    done: int  # with a loss at their end, or diverged
    used: float  # seconds since the epoch
    problem: str = ""  # why it cannot be read


class SweepsListed(Message, frozen=True):
    """The sweeps, last used first."""

    sweeps: tuple[SweepSummary, ...]


SweepCommand = ListSweeps | ReadSweep | ReadCurves
SweepEvent = SweepRead | CurvesRead | SweepsListed
