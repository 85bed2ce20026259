"""The run folder: the one place that knows files.

    <home>/runs/<name>/run.json           config, corpus, versions
                       corpus.txt         the text itself: its file may change or go
                       metrics.jsonl      the run's history, one event a line
                       checkpoints/000007/model.safetensors  optimizer.safetensors  manifest.json

A checkpoint is written beside its final place and renamed into it when it is whole, its manifest
(with the sha256 of every file) last. The generation before stays.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import platformdirs
import safetensors
import safetensors.torch
import torch
from msgspec import Struct
from torch import Tensor

from engine.config import RunConfig
from engine.names import new_name
from engine.protocol import RECORDED, Event, Phase, from_json, to_json
from engine.settings import nearest

State = dict[str, dict[str, Tensor]]
"""What a trainer's `state_dict()` gives: tensors by group and name."""

FORMAT = 1
GENERATIONS = 2
"""Checkpoints that are kept."""


class CorpusInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """Which text a run learns from."""

    name: str
    source: str
    license: str
    sha256: str


class RunInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """`run.json`."""

    config: RunConfig
    corpus: CorpusInfo
    torch: str
    created: str
    format: int = FORMAT


class Progress(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a run stands, apart from its tensors."""

    step: int
    steps: int
    minutes: float
    elapsed: float
    learning_rate: float
    evaluated: int  # the last step that was evaluated; -1: none
    done: bool
    best_loss: float | None

    @property
    def phase(self) -> Phase:
        """The phase in which such a run is opened."""
        if self.done:
            return "done"
        return "paused" if self.step else "untrained"


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json` of a checkpoint."""

    progress: Progress
    sha256: dict[str, str]
    format: int = FORMAT


class SavedRun(NamedTuple):
    """A run as it was saved."""

    info: RunInfo
    text: str
    progress: Progress
    state: State
    events: list[Event]


class Summary(NamedTuple):
    """A run in a list."""

    name: str
    corpus: str
    preset: str
    step: int
    steps: int
    best_loss: float | None
    used: float  # seconds since the epoch


def home() -> Path:
    """Where this program keeps its files: TINYGPT_HOME, or the platform's data folder."""
    named = os.environ.get("TINYGPT_HOME")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("tinygpt-tui"))


def folder_of(name: str) -> Path:
    """The folder of a run."""
    return home() / "runs" / name


def names() -> list[str]:
    """The saved runs, last used first."""
    return [summary.name for summary in summaries()]


def summaries() -> list[Summary]:
    """The saved runs, last used first; what cannot be read is left out."""
    found = []
    for path in sorted((home() / "runs").glob("*/run.json")):
        try:
            info = msgspec.json.decode(path.read_bytes(), type=RunInfo)
            checkpoint = _checkpoints(path.parent)[-1]
            progress = _manifest(checkpoint).progress
        except (OSError, msgspec.DecodeError, IndexError):
            continue
        found.append(
            Summary(
                name=path.parent.name,
                corpus=info.corpus.name,
                preset=info.config.preset,
                step=progress.step,
                steps=progress.steps,
                best_loss=progress.best_loss,
                used=checkpoint.stat().st_mtime,
            )
        )
    return sorted(found, key=lambda summary: -summary.used)


class Run:
    """One run's place on disk. Nothing is written before the first save."""

    def __init__(self, name: str | None = None, history: Iterable[Event] = ()) -> None:
        """`name` and `history`: of a saved run; none: a fresh one finds its own."""
        runs = home() / "runs"
        self.name = name or new_name({p.name for p in runs.glob("*")})
        self.folder = runs / self.name
        self._history = [to_json(event) for event in history]

    def record(self, event: Event) -> None:
        """Keep an event of the history for the next save."""
        if isinstance(event, RECORDED):
            self._history.append(to_json(event))

    def save(self, info: RunInfo, text: str, progress: Progress, state: State) -> None:
        """Write everything; OSError leaves the checkpoint before in its place."""
        checkpoints = self.folder / "checkpoints"
        checkpoints.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "run.json").exists():
            _replace(self.folder / "corpus.txt", text.encode("utf-8", "surrogatepass"))
            _replace(self.folder / "run.json", msgspec.json.format(msgspec.json.encode(info)))
        # As a whole: what a save that failed has left, or one that was lost later, is gone then.
        history = "".join(f"{line}\n" for line in self._history)
        _replace(self.folder / "metrics.jsonl", history.encode())
        number = 1 + max((int(p.name) for p in _checkpoints(self.folder)), default=0)
        _write_checkpoint(checkpoints / f"{number:06d}", progress, state)
        for old in _checkpoints(self.folder)[:-GENERATIONS]:
            shutil.rmtree(old)


def load(name: str) -> SavedRun:
    """A saved run, from its newest checkpoint that is whole.

    ValueError, in a sentence, when there is no such run or nothing of it can be read.
    """
    folder = folder_of(name)
    if name in ("", "..") or Path(name).name != name or not (folder / "run.json").is_file():
        known = names()
        raise ValueError(
            f"There is no run {name!r}{nearest(name, known) if known else ': none is saved yet'}."
        )
    try:
        info = msgspec.json.decode((folder / "run.json").read_bytes(), type=RunInfo)
        text = (folder / "corpus.txt").read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ValueError(f"The run {name!r} cannot be read: {error}.") from None
    if hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != info.corpus.sha256:
        raise ValueError(f"The text of the run {name!r} is not the one it was trained on.")
    problem: Exception | None = None
    for checkpoint in reversed(_checkpoints(folder)):
        try:
            progress, state = _read_checkpoint(checkpoint)
        except (OSError, ValueError, msgspec.DecodeError, safetensors.SafetensorError) as error:
            problem = problem or error
            continue
        return SavedRun(info, text, progress, state, _history(folder, progress.step))
    raise ValueError(
        f"The run {name!r} has no checkpoint that is whole: {problem or 'none at all'}."
    )


def _history(folder: Path, step: int) -> list[Event]:
    """The recorded events up to `step`: a later one belongs to a checkpoint that was lost."""
    lines = (folder / "metrics.jsonl").read_bytes().splitlines()
    events = [from_json(line) for line in lines]
    return [event for event in events if isinstance(event, RECORDED) and event.step <= step]


def _checkpoints(folder: Path) -> list[Path]:
    """Its checkpoints, oldest first; one that was never finished has another name."""
    return sorted(p for p in (folder / "checkpoints").glob("*") if p.name.isdecimal())


def _manifest(checkpoint: Path) -> Manifest:
    return msgspec.json.decode((checkpoint / "manifest.json").read_bytes(), type=Manifest)


def _read_checkpoint(checkpoint: Path) -> tuple[Progress, State]:
    manifest = _manifest(checkpoint)
    state = {}
    for name, digest in manifest.sha256.items():
        content = (checkpoint / f"{Path(name).name}.safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError(f"{name} in checkpoint {checkpoint.name} has been changed")
        state[name] = safetensors.torch.load(content)
    return manifest.progress, state


def _write_checkpoint(final: Path, progress: Progress, state: State) -> None:
    unfinished = final.with_name(final.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    digests = {}
    try:
        for name, tensors in state.items():
            content = safetensors.torch.save({k: t.contiguous().cpu() for k, t in tensors.items()})
            digests[name] = hashlib.sha256(content).hexdigest()
            _replace(unfinished / f"{name}.safetensors", content)
        manifest = msgspec.json.encode(Manifest(progress, digests))
        _replace(unfinished / "manifest.json", msgspec.json.format(manifest))
        unfinished.rename(final)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _sync_folder(final.parent)


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that at every moment the old or the new one is there, whole."""
    temporary = path.with_name(path.name + ".unfinished")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, and need not be
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_info(
    config: RunConfig, corpus: CorpusInfo, clock: Callable[[], float] = time.time
) -> RunInfo:
    """`run.json` of a run that begins now."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock()))
    return RunInfo(config, corpus, str(torch.__version__), created)
