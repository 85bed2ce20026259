"""What has become of the runs of a sweep: `results.jsonl` in the folder of the sweep.

A line is added when a run begins and when it ends; of the lines with one key the last counts.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from engine import home

Loss = Annotated[float, Meta(ge=0, le=1e6)]
Number = Annotated[int, Meta(ge=0, le=1 << 53)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]


class TrialResult(Struct, frozen=True, tag=True):
    """What is known of one run of a sweep."""

    key: str  # of the trial
    case: str  # its label
    settings: dict[str, str]  # of the case, by their dotted keys
    seed: int
    state: Literal["started", "done", "diverged", "failed"]
    """Diverged: its loss was no longer a number, which is a result, too."""
    run: str = ""  # the name of the saved run, as it began; empty: it never did
    loss: Loss | None = None  # of the last evaluation, in nats a character
    step: Number = 0  # of the last evaluation
    seconds: Seconds = 0.0  # of training until then
    evaluated: Number = 0  # validation characters that it predicted; 0: not known
    device: str = ""
    threads: Number = 0
    precision: str = ""
    text: str = ""  # the sha256 of the text
    message: str = ""  # why it has failed

    @property
    def is_final(self) -> bool:
        """Whether it is not tried again."""
        return self.state in ("done", "diverged")


def folder_of(name: str) -> Path:
    """The folder of a sweep."""
    return home() / "sweeps" / name


class Results:
    """The newest line of each trial. Lines that are not ours are left where they are."""

    def __init__(self, folder: Path) -> None:
        """Read what is there. OSError."""
        self.path = folder / "results.jsonl"
        self._newest: dict[str, TrialResult] = {}
        self._torn = False
        decoder = msgspec.json.Decoder(TrialResult)
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            for line in file:
                self._torn = not line.endswith(b"\n")  # by a kill in the middle of it
                try:
                    result = decoder.decode(line)
                except (msgspec.DecodeError, RecursionError):
                    continue
                self._newest[result.key] = result

    @property
    def newest(self) -> Mapping[str, TrialResult]:
        """By the key of the trial."""
        return self._newest

    def add(self, result: TrialResult) -> None:
        """Write a line, so that it survives a power failure. OSError."""
        line = msgspec.json.encode(result) + b"\n"
        with self.path.open("ab") as file:
            file.write(b"\n" + line if self._torn else line)
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self._newest[result.key] = result
