"""The run folder: where runs are kept, what is in one, which there are.

<home>/runs/<name>/run.json           config, corpus, versions
                   corpus.txt         the text itself: its file may change or go
                   metrics.jsonl      the run's history (`engine.history`)
                   checkpoints/       (`engine.checkpoints`)
                   lock, holder.json  (`engine.lock`)
"""

import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
from msgspec import Struct

from engine.checkpoints import (
    DamagedError,
    Manifest,
    Progress,
    State,
    checkpoints_of,
    read_checkpoint,
    read_manifest,
    set_aside,
    write_checkpoint,
)
from engine.config import RunConfig
from engine.files import clear_unfinished, replace_file
from engine.history import History, read_history
from engine.home import home
from engine.lock import RunLock
from engine.machine import Machine
from engine.names import new_name
from engine.protocol import Event, RunSummary
from engine.settings import nearest

FORMAT = 2


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


class SavedRun(NamedTuple):
    """A run as it was saved."""

    info: RunInfo
    text: str
    manifest: Manifest
    state: State
    events: list[Event]
    checkpoints: list[Path]  # that there were
    damaged: list[Path]  # of these the newest, which cannot be read
    note: str  # one sentence on these, or nothing


def folder_of(name: str) -> Path:
    """The folder of a run."""
    return home() / "runs" / name


def names() -> list[str]:
    """The saved runs, last used first."""
    return [summary.name for summary in summaries()]


def summaries() -> list[RunSummary]:
    """The saved runs, last used first; what cannot be read is left out."""
    found = []
    for path in sorted((home() / "runs").glob("[!.]*/run.json")):
        try:
            info = msgspec.json.decode(path.read_bytes(), type=RunInfo)
            checkpoint = checkpoints_of(path.parent)[-1]
            progress = read_manifest(checkpoint).progress
            used = checkpoint.stat().st_mtime
        except (OSError, msgspec.DecodeError, IndexError, DamagedError):
            continue
        found.append(
            RunSummary(
                name=path.parent.name,
                corpus=info.corpus.name,
                preset=info.config.preset,
                step=progress.step,
                steps=progress.steps,
                best_loss=progress.best_loss,
                used=used,
                size=sum(f.stat().st_size for f in path.parent.rglob("*") if f.is_file()),
            )
        )
    return sorted(found, key=lambda summary: -summary.used)


def delete(name: str) -> None:
    """Remove a run and all that is in it. ValueError, in a sentence, while it is being trained."""
    folder = folder_of(name)
    lock = RunLock(folder)
    lock.take()
    try:
        gone = folder.with_name(f".{name}.deleted")
        folder.rename(gone)
        shutil.rmtree(gone)
    finally:
        lock.release()


class Run:
    """One run's place on disk. Nothing is written before `begin`."""

    def __init__(
        self,
        name: str | None = None,
        saved: SavedRun | None = None,
    ) -> None:
        """`name` and `saved`: of a saved run; none: a fresh one finds a name of its own."""
        runs = home() / "runs"
        self.name = name or new_name({p.name for p in runs.glob("*")})
        self.folder = runs / self.name
        self._saved = saved
        self._history = History(saved.events if saved else ())
        self._lock: RunLock | None = None

    @property
    def begun(self) -> bool:
        """Whether this program writes it."""
        return self._lock is not None

    def begin(self, info: RunInfo, text: str, room: int) -> None:
        """Make it ours to write, from its first step on. `room`: bytes that will be needed.

        ValueError, in a sentence, where another program holds it or has trained it on since;
        OSError where it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < room:
            raise ValueError(
                f"A run of this size needs {room / 1e6:,.0f} MB in {self.folder}, "
                f"where {free / 1e6:,.0f} MB are free."
            )
        lock = RunLock(self.folder)
        lock.take()
        try:
            clear_unfinished(self.folder)
            if self._saved is None:
                replace_file(self.folder / "corpus.txt", text.encode("utf-8", "surrogatepass"))
                content = msgspec.json.format(msgspec.json.encode(info))
                replace_file(self.folder / "run.json", content)
            else:
                clear_unfinished(self.folder / "checkpoints")
                if checkpoints_of(self.folder) != self._saved.checkpoints:
                    raise ValueError(
                        f"The run {self.name!r} has been trained on elsewhere meanwhile: "
                        "open it again."
                    )
                set_aside(self._saved.damaged)
            self._history.open(self.folder)
        except BaseException:
            lock.release()
            raise
        self._lock = lock

    def record(self, event: Event) -> None:
        """Keep an event of the history."""
        self._history.record(event)

    def flush(self) -> None:
        """Hand the history to the system. OSError leaves what could not be written for later."""
        self._history.flush()

    def save(self, progress: Progress, machine: Machine, state: State) -> None:
        """Write a checkpoint; OSError leaves the one before in its place."""
        assert self.begun, "what is written is held"
        self._history.flush()
        write_checkpoint(self.folder, progress, machine, state)

    def discard(self) -> None:
        """Remove what a fresh run has written."""
        if self.begun and self._saved is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Write no more, and let others write."""
        self._history.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


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
        checkpoints = checkpoints_of(folder)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ValueError(f"The run {name!r} cannot be read: {error}.") from None
    if hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != info.corpus.sha256:
        raise ValueError(f"The text of the run {name!r} is not the one it was trained on.")
    largest = 8 * info.config.model.parameters(len(set(text)))  # two floats for each at most
    damaged: dict[Path, DamagedError] = {}
    for checkpoint in reversed(checkpoints):
        try:
            manifest, state = read_checkpoint(checkpoint, largest)
        except DamagedError as error:
            damaged[checkpoint] = error
            continue
        step = manifest.progress.step
        note = ""
        if damaged:
            note = f"Opened as it was at step {step:,}, since {next(iter(damaged.values()))}."
        events = read_history(folder, step)
        return SavedRun(info, text, manifest, state, events, checkpoints, list(damaged), note)
    reason = next(iter(damaged.values()), "none at all")
    raise ValueError(f"The run {name!r} has no checkpoint that is whole: {reason}.")


def new_info(
    config: RunConfig, corpus: CorpusInfo, clock: Callable[[], float] = time.time
) -> RunInfo:
    """`run.json` of a run that begins now."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock()))
    return RunInfo(config, corpus, str(torch.__version__), created)
