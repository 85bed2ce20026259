"""Where saved runs are kept, and which of them exist.

<home>/runs/<name>/run.json           config, corpus, versions (`engine.storage.run_info`)
                   corpus.txt         the text itself: the user's file may change or go
                   metrics.jsonl      the run's history (`engine.storage.history`)
                   events.out...      the same for TensorBoard, if wanted (`engine.storage.event_log`)
                   ladder.json        losses of simple models (`engine.storage.ladder_file`)
                   checkpoints/       (`engine.storage.manifest`, `engine.storage.checkpoints`)
                   lock, holder.json  (`engine.storage.lock`)
                   launch.json        of ranks that train it (`engine.storage.launch_file`)
"""

import shutil
from pathlib import Path

from data.home import home as home
from engine.settings import nearest
from engine.storage.names import check_name


class NoSpaceError(ValueError):
    """The disk has too little space for a run. The message is for the user."""


def runs_folder() -> Path:
    """The folder that holds all runs."""
    return home() / "runs"


def folder_of(name: str) -> Path:
    """The folder of a run."""
    return runs_folder() / name


def run_names() -> list[str]:
    """The names of the saved runs, sorted; some of them may be unreadable."""
    return sorted(path.name for path in runs_folder().glob("[!.]*") if _is_run(path))


def check_exists(name: str) -> None:
    """ValueError, with a user-facing message, where there is no such run."""
    exists = Path(name).name == name and _is_run(folder_of(name))
    if name in ("", "..") or not exists:
        known = run_names()
        near = nearest(name, known) if known else ": none is saved yet"
        raise ValueError(f"There is no run {name!r}{near}.")


def free_folder(name: str) -> Path:
    """The folder for a new run of this name. ValueError, with a user-facing message, for a name that
    is invalid or taken."""
    check_name(name)
    folder = folder_of(name)
    if folder.exists():
        raise ValueError(f"There is already a run {name!r}.")
    return folder


def check_target(path: Path) -> None:
    """ValueError, with a user-facing message, for a path that is taken: nothing is overwritten."""
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        what = "is not empty" if path.is_dir() else "exists already"
        raise ValueError(f"{path} {what}: export to another path, or delete it first.")


def free_space(folder: Path) -> int:
    """Bytes that are free on the disk of a folder, which need not exist yet. OSError."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free


def _is_run(folder: Path) -> bool:
    return (folder / "run.json").is_file() or (folder / "checkpoints").is_dir()
