"""Exports a run: writes it, reads it back and compares, and only then gives it its name."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from data.typed_path import typed_path
from engine.export.formats import FORMATS, Format
from engine.export.proof import Proof, prove
from engine.export.source import Source
from engine.protocol import Exported, ExportRun
from engine.settings import nearest
from engine.storage.atomic import UNFINISHED, make_folder, sync_folder
from engine.storage.paths import check_target


def export(source: Source, command: ExportRun) -> Iterator[float | Exported]:
    """Export a run, in slices: the fractions done, then the result. ValueError, with a user-facing
    message, if the format cannot hold the run, if the path is taken, or if what was written does
    not read back as the run; OSError. Then, and when it is closed early, nothing is left."""
    form = _format(command)
    form.check(source)
    path = typed_path(command.path)
    check_target(path)
    make_folder(path.parent)
    # A folder of a fresh name: whatever lies there already is somebody's.
    with TemporaryDirectory(prefix=".", suffix=UNFINISHED, dir=path.parent) as folder:
        written = Path(folder) / path.name
        yield from form.write(source, written, command.precision) or ()
        yield 0.0
        proof = None
        for result in _compared(form, source, written, command):
            if isinstance(result, float):
                yield result
            else:
                proof = result
        size = _sync(written)
        check_target(path)
        _place(written, path)
    yield _exported(form, source, command, path, size, proof)


def _format(command: ExportRun) -> Format:
    if command.format not in FORMATS:
        known = nearest(command.format, FORMATS)
        raise ValueError(f"There is no export format {command.format!r}{known}.")
    form = FORMATS[command.format]
    if form.tolerance and command.precision not in form.tolerance:
        known = " or ".join(form.tolerance)
        raise ValueError(f"{command.format} is written in {known}, not in {command.precision}.")
    return form


def _compared(
    form: Format, source: Source, written: Path, command: ExportRun
) -> Iterator[float | Proof]:
    """Read back what was written, and compare. Nothing if the format holds no model."""
    if form.read is None:
        return
    for result in prove(source, form.read(written)):
        if isinstance(result, Proof):
            limit = form.tolerance[command.precision] * max(1.0, result.largest_logit)
            if not result.largest_difference <= limit:  # true of NaN too
                raise ValueError(
                    "What was written does not compute what the run does (largest difference of "
                    f"two logits: {result.largest_difference:.2g}): nothing was exported."
                )
            if form.describe is not None:
                form.describe(source, written, result)
        yield result


def _sync(path: Path) -> int:
    """Make a new file, or folder of files, durable; its size in bytes."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    size = 0
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            size += os.fstat(opened.fileno()).st_size
    if path.is_dir():
        sync_folder(path)
    return size


def _place(written: Path, path: Path) -> None:
    """Give what was written its name. An empty folder stays the one that it is: a user may be in
    it."""
    if not path.is_dir():
        written.rename(path)
        sync_folder(path.parent)
    elif written.is_dir():
        for file in written.iterdir():
            file.rename(path / file.name)
        sync_folder(path)
    else:
        raise ValueError(f"{path} is a folder: name the file that is to be written.")


def _exported(
    form: Format, source: Source, command: ExportRun, path: Path, size: int, proof: Proof | None
) -> Exported:
    figures = {} if proof is None else proof._asdict()
    return Exported(
        run=source.name,
        step=source.step,
        format=command.format,
        path=str(path),
        bytes=size,
        largest_difference=figures.pop("largest_difference", None),
        notes=form.notes(source),
        noun=source.noun,
        **figures,
    )
