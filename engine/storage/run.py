"""The run folder: what is in one, how it is written, how it is opened.

<home>/runs/<name>/run.json           config, corpus, versions
                   corpus.txt         the text itself: its file may change or go
                   metrics.jsonl      the run's history (`engine.storage.history`)
                   checkpoints/       (`engine.storage.checkpoints`)
                   lock, holder.json  (`engine.storage.lock`)
"""

import errno
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
from msgspec import Struct

from data.safe_text import safe_text
from engine.config import RunConfig
from engine.device import Machine
from engine.protocol import Event
from engine.settings import nearest
from engine.storage.atomic import clear_unfinished, make_folder, rename_folder, replace_file
from engine.storage.checkpoints import (
    DamagedError,
    Manifest,
    Progress,
    State,
    best_of,
    checkpoints_of,
    read_checkpoint,
    set_aside,
    write_checkpoint,
)
from engine.storage.history import History
from engine.storage.lock import RunLock, held
from engine.storage.names import check_name, new_name
from engine.storage.paths import home

FORMAT = 2
INFO_LIMIT = 1 << 22
"""Bytes of a `run.json`. One of ours has some thousand, and each different character of its text."""
NOTE_LENGTH = 200
"""Characters of a note at most."""


class CorpusInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """Which text a run learns from."""

    name: str
    source: str
    license: str
    sha256: str
    characters: str  # that are in it, each once: what the model can read and write


class RunInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """`run.json`."""

    config: RunConfig
    corpus: CorpusInfo
    torch: str
    created: str
    note: str = ""
    format: int = FORMAT


class SavedRun(NamedTuple):
    """A run as it was saved."""

    name: str
    info: RunInfo
    text: str
    changed_text: bool  # it is not the one that it was trained on
    manifest: Manifest
    state: State
    checkpoints: list[Path]  # that there were
    dropped: list[Path]  # of these the newest, if it is trained on: damaged, or later
    note: str  # one sentence on these, or nothing


class ChangedTextError(ValueError):
    """A run's text is not the one that it was trained on."""


def folder_of(name: str) -> Path:
    """The folder of a run."""
    return home() / "runs" / name


def names() -> list[str]:
    """The saved runs, by name; not all of them need be readable."""
    return sorted(path.name for path in (home() / "runs").glob("[!.]*") if _is_run(path))


def _is_run(folder: Path) -> bool:
    return (folder / "run.json").is_file() or (folder / "checkpoints").is_dir()


def check_known(name: str) -> None:
    """ValueError, in a sentence, where there is no such run."""
    known = Path(name).name == name and _is_run(folder_of(name))
    if name in ("", "..") or not known:
        near = nearest(name, names()) if names() else ": none is saved yet"
        raise ValueError(f"There is no run {name!r}{near}.")


def free_folder(name: str) -> Path:
    """Where a run of this name would be. ValueError, in a sentence, for one that cannot be."""
    check_name(name)
    folder = folder_of(name)
    if folder.exists():
        raise ValueError(f"There is already a run {name!r}.")
    return folder


def read_info(folder: Path) -> RunInfo:
    """A run's `run.json`. OSError or msgspec.DecodeError where there is none of ours."""
    try:
        with (folder / "run.json").open("rb") as file:
            return msgspec.json.decode(file.read(INFO_LIMIT), type=RunInfo)
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from None


def largest_group(info: RunInfo) -> int:
    """Bytes that a group of a run's tensors has at most: two floats for each parameter."""
    from engine.model.gpt import parameter_count

    return 8 * parameter_count(info.config.model, len(info.corpus.characters))


def write_info(folder: Path, info: RunInfo) -> None:
    """Write a run's `run.json`. OSError leaves the one before in its place."""
    replace_file(folder / "run.json", [msgspec.json.format(msgspec.json.encode(info))])


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
        self._history = History(saved.manifest.progress.step if saved else None)
        self._lock: RunLock | None = None

    @property
    def begun(self) -> bool:
        """Whether this program writes it."""
        return self._lock is not None

    @property
    def gone(self) -> bool:
        """Whether its files have been moved or deleted while this program writes it."""
        return self._lock is not None and not (
            self._lock.is_in(self.folder) and (self.folder / "run.json").exists()
        )

    def begin(self, info: RunInfo, text: str, room: int) -> None:
        """Make it ours to write, from its first step on. `room`: bytes that will be needed.

        ValueError, in a sentence, where another program holds it or has trained it on since;
        OSError where it cannot be written.
        """
        make_folder(self.folder)
        free = shutil.disk_usage(self.folder).free
        if free < room:
            raise ValueError(
                f"A run of this size needs {room / 1e6:,.0f} MB in {self.folder}, "
                f"where {free / 1e6:,.0f} MB are free."
            )
        lock = RunLock(self.folder)
        lock.take()
        try:
            _clear_deleted()
            clear_unfinished(self.folder)
            if self._saved is None:
                replace_file(self.folder / "corpus.txt", [text.encode("utf-8", "surrogatepass")])
                write_info(self.folder, info)
            else:
                clear_unfinished(self.folder / "checkpoints")
                if checkpoints_of(self.folder) != self._saved.checkpoints:
                    raise ValueError(
                        f"The run {self.name!r} has been trained on elsewhere meanwhile: "
                        "open it again."
                    )
                if self._saved.changed_text:
                    write_info(self.folder, info)
                set_aside(self._saved.dropped)
            self._history.open(self.folder)
        except BaseException:
            lock.release()
            raise
        self._lock = lock

    def begin_anew(self, info: RunInfo, text: str, room: int) -> None:
        """Write what is gone once more, the history so far included. Errors as from `begin`."""
        before, self._saved = self._lock, None
        assert before is not None, "what is gone was there"
        self.begin(info, text, room)
        before.release()

    def record(self, event: Event) -> None:
        """Keep an event of the history."""
        self._history.record(event)

    def flush(self) -> None:
        """Hand the history to the system. OSError leaves what could not be written for later."""
        self._check_there()
        self._history.flush()

    def save(self, progress: Progress, machine: Machine, state: State) -> None:
        """Write a checkpoint; OSError leaves the one before in its place."""
        assert self.begun, "what is written is held"
        self._check_there()
        self._history.save()
        write_checkpoint(self.folder, progress, machine, state)

    def _check_there(self) -> None:
        if self.gone:
            raise FileNotFoundError(
                errno.ENOENT,
                "moved or deleted while it was open; the next try writes it anew",
                str(self.folder),
            )

    def rename(self, name: str) -> None:
        """Give it another name. ValueError, in a sentence; OSError where the folder stays."""
        target = free_folder(name)
        with self._held() as there:
            if there:
                rename_folder(self.folder, target)
        self.name, self.folder = name, target

    def annotate(self, info: RunInfo, note: str) -> RunInfo:
        """Keep a note with it; the info that `begin` writes from now on. ValueError, in a sentence;
        OSError where it cannot be written."""
        info = with_note(info, note)
        with self._held() as there:
            if there:
                write_info(self.folder, info)
        return info

    @contextmanager
    def _held(self) -> Iterator[bool]:
        """Whether it has a folder, in which no other program can write meanwhile."""
        if self.begun or self._saved is None:
            yield self.begun
        else:
            with held(self.folder):
                yield True

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


def with_note(info: RunInfo, note: str) -> RunInfo:
    """The info with another note. ValueError, in a sentence, for one that is too long."""
    if len(note) > NOTE_LENGTH:
        raise ValueError(f"A note has {NOTE_LENGTH} characters at most, not {len(note)}.")
    return msgspec.structs.replace(info, note=note.encode("utf-8", "replace").decode())


def load(wanted: str, *, changed_text: bool = False) -> SavedRun:
    """A saved run by its name, from its newest checkpoint that is whole; with "@best" behind the
    name, from that of its best exam. `changed_text`: even if its text is not what it was.

    ValueError, in a sentence, when there is no such run or nothing of it can be read.
    """
    name, which = wanted, ""
    if wanted.endswith(("@best", "@latest")):
        name, _, which = wanted.rpartition("@")
    check_known(name)
    folder = folder_of(name)
    try:
        info = read_info(folder)
        text = (folder / "corpus.txt").read_bytes().decode("utf-8", "surrogatepass")
        checkpoints = checkpoints_of(folder)
    except OSError as error:
        where = Path(error.filename).name if error.filename else "a file"
        raise ValueError(f"The run {name!r} cannot be read: {where}: {error.strerror}.") from None
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ValueError(f"The run {name!r} cannot be read: {error}.") from None
    info, changed = _with_text(name, info, text, changed_text)
    best = best_of(folder) if which == "best" else None
    if which == "best" and best is None:
        raise ValueError(f"The run {name!r} has had no exam whose weights are kept.")
    dropped = [checkpoint for checkpoint in checkpoints if best and checkpoint > best]
    first_damage: DamagedError | None = None
    for checkpoint in reversed(checkpoints[: len(checkpoints) - len(dropped)]):
        try:
            manifest, state = read_checkpoint(checkpoint, largest_group(info))
        except DamagedError as error:
            first_damage = first_damage or error
            dropped.append(checkpoint)
            continue
        step = manifest.progress.step
        note = ""
        if first_damage:
            note = f"Opened as it was at step {step:,}, since {first_damage}."
        elif dropped:
            note = (
                f"Opened as it was at step {step:,}, its best; training on drops what came after."
            )
        return SavedRun(name, info, text, changed, manifest, state, checkpoints, dropped, note)
    reason = first_damage or "none at all"
    raise ValueError(f"The run {name!r} has no checkpoint that is whole: {reason}.")


def _with_text(name: str, info: RunInfo, text: str, accepted: bool) -> tuple[RunInfo, bool]:
    """The info of a run that goes on with this text, and whether the text is another."""
    sha256 = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    unknown = "".join(sorted(set(text) - set(info.corpus.characters)))
    changed = sha256 != info.corpus.sha256
    if unknown:
        raise ValueError(
            f"The text of the run {name!r} (corpus.txt in its folder) is not the one it was trained "
            f"on: it has characters that the model does not know: {safe_text(unknown[:20])}"
        )
    if changed and not accepted:
        raise ChangedTextError(
            f"The text of the run {name!r} (corpus.txt in its folder) is not the one it was "
            "trained on."
        )
    corpus = msgspec.structs.replace(info.corpus, sha256=sha256)
    return msgspec.structs.replace(info, corpus=corpus), changed


def _clear_deleted() -> None:
    """Remove what a stop in the middle of deleting has left."""
    for gone in (home() / "runs").glob(".*.deleted"):
        shutil.rmtree(gone, ignore_errors=True)


def new_info(
    config: RunConfig, corpus: CorpusInfo, clock: Callable[[], float] = time.time
) -> RunInfo:
    """`run.json` of a run that begins now."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock()))
    return RunInfo(config, corpus, str(torch.__version__), created)
