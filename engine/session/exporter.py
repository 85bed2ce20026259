"""Exports, packs and unpacks runs, in slices between those of training."""

from collections.abc import Iterator
from pathlib import Path

from data.typed_path import typed_path
from engine.memory import is_out_of_memory
from engine.protocol import (
    Busy,
    Event,
    Exported,
    ExportRun,
    Failed,
    GatherReport,
    Imported,
    ImportRun,
    Packed,
    PackRun,
    ReportGathered,
    Unpacked,
    UnpackRun,
)
from engine.session.opened_run import Clock, Emit
from engine.session.packing import packed, unpacked
from engine.session.slices import Slices
from engine.session.sources import source_of
from engine.storage.paths import folder_of

SECONDS = 0.03
"""About how long training waits at a time."""


Transfer = ExportRun | ImportRun | PackRun | UnpackRun | GatherReport
VERBS = {
    ExportRun: "export",
    ImportRun: "import",
    PackRun: "pack",
    UnpackRun: "unpack",
    GatherReport: "report",
}
"""What it is, for the user; with "ed", what could not be done, with "ing" what is being done."""


class Exporter:
    """Works on one of these at a time."""

    def __init__(self, emit: Emit, clock: Clock) -> None:
        self._emit = emit
        self._verb = ""
        self._what = ""
        self._slices: Slices[Exported | Imported | Packed | Unpacked | ReportGathered] = Slices(
            clock
        )

    @property
    def active(self) -> bool:
        """Whether an export is in progress."""
        return self._slices.active

    def start(self, command: Transfer) -> None:
        """Start an export, unless one is in progress, which is reported."""
        if self.active:
            reason = f"One run is being {self._verb}ed already: wait for that."
            self._emit(Failed(reason, "export"))
            return
        self._verb = VERBS[type(command)]
        match command:
            case ExportRun(run) | PackRun(run):
                self._what = f"{self._verb}ing {run}"
            case UnpackRun(path) | ImportRun(path):
                self._what = f"{self._verb}ing {Path(path).name}"
            case GatherReport(runs=runs):
                what = runs[0].replace(":", " ") if len(runs) == 1 else f"{len(runs)} runs"
                self._what = f"{self._verb}ing {what}"
        self._emit(Busy(self._what, 0.0))
        match command:
            case ExportRun():
                self._slices.start(_export(command))
            case ImportRun():
                self._slices.start(_import(command))
            case PackRun():
                self._slices.start(packed(command))
            case UnpackRun():
                self._slices.start(unpacked(command))
            case GatherReport():
                self._slices.start(_report(command))

    def work(self) -> None:
        """Work on the export for a moment, and report how far it is, or what came of it."""
        if not self.active:
            return
        result = self._advance()
        if isinstance(result, float):
            self._emit(Busy(self._what, result))
        else:
            self._emit(Busy(""))
            self._emit(result)

    def _advance(self) -> float | Event:
        try:
            return self._slices.advance_for(SECONDS)
        except ValueError as error:
            return Failed(str(error), "export")
        except OSError as error:
            where = error.filename or "a file"
            return Failed(f"It could not be {self._verb}ed: {where}: {error.strerror}.", "export")
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return Failed(f"The run could not be {self._verb}ed: it needs more memory.", "export")

    def close(self) -> None:
        """Give up an export in progress; nothing of it is left."""
        self._slices.abandon()


def _export(command: ExportRun) -> Iterator[float | Exported]:
    import torch  # with the first of these, or the first run

    from engine.export.exporting import export  # brings torch

    # As when a run is open. On a busy machine two threads wait for each other at every product.
    torch.set_num_threads(1)
    yield from export(source_of(command.run), command)


def _import(command: ImportRun) -> Iterator[float | Imported]:
    from engine.export.importing import ImportedRun, import_folder  # torch, as above

    path = typed_path(command.path)
    for result in import_folder(path, command.name, command.corpus):
        if isinstance(result, ImportedRun):
            yield Imported(result.name, result.step, str(folder_of(result.name)), result.note)
        else:
            yield result


def _report(command: GatherReport) -> Iterator[float | ReportGathered]:
    import torch  # as above

    from engine.session.report_gathering import report  # torch, as above

    torch.set_num_threads(1)  # as above
    yield from report(command)
