"""Takes runs elsewhere and opens what comes from there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.reactive import reactive

from data.typed_path import typed_path
from engine.protocol import (
    Event,
    Exported,
    Failed,
    GatherReport,
    Imported,
    ImportRun,
    OpenRun,
    Packed,
    ReportGathered,
    Unpacked,
    UnpackRun,
)
from tui.app_part import AppPart
from tui.dialogs import ask_for_line
from tui.engine_app import EngineApp
from tui.safe_struct import safe
from tui.state import RunState

if TYPE_CHECKING:  # loaded with the first answer
    from tui.outcomes import Answer

QUESTION = "A packed run (.tinygpt), or a folder that was exported for transformers:"


class ExportActions(AppPart):
    """The part of the app that exports, packs, unpacks and reports runs."""

    _in_dialog = False
    """Whether the dialog that shows what came of it is open."""
    export_answer: reactive[Answer | None] = reactive(
        None, repaint=False, layout=False, init=False, always_update=True
    )
    """What the engine has said last of an export, safe to draw."""

    def export_commands(self) -> Iterable[SystemCommand]:
        """What the command palette offers."""
        if self.state.raw_opened is not None:
            words = "Export or pack the open run…"
            yield SystemCommand(words, "For other programs or machines", self.export_open_run)
            words = "Write a report on the open run…"
            yield SystemCommand(words, "A page to hand in", partial(self.export_open_run, "report"))
        if (race := self.state.lab.raw_opened) is not None:
            words = "Write a report on the race…"
            ask = partial(self.ask_for_report, f"race:{race.value.race}")
            yield SystemCommand(words, "A page to hand in", ask)
        words = "Open a packed run or an exported folder…"
        yield SystemCommand(words, "One from another machine", self.ask_for_run)

    def export_open_run(self, form: str = "") -> None:
        """Ask in which form to take the open run elsewhere. `form`: the one that is chosen first."""
        opened, raw = self.state.opened, self.state.raw_opened
        if opened is not None and raw is not None:
            self.ask_for_export(raw.value.run, opened.run, form)

    def ask_for_export(self, run: str, shown: str, form: str = "") -> None:
        """Ask in which form to take a run elsewhere. `run`: its true name; `shown`: safe to draw."""
        from tui.screens.export import ExportScreen  # when it is opened

        def closed(_: None) -> None:
            self._in_dialog = False

        self._in_dialog = True
        screen = ExportScreen(run, shown, self.engine.send, form)
        screen.data_bind(EngineApp.state, answer=ExportActions.export_answer)
        self.push_screen(screen, closed)

    def ask_for_report(self, name: str) -> None:
        """Ask for a file, and write a report on a race or a sweep. `name`: its kind and name."""
        from tui.report.file import SUFFIX, check_target  # when it is asked

        def write(typed: str) -> None:
            if typed:
                check_target(typed_path(typed))
                self.engine.send(GatherReport((name,), typed))

        kind, _, true_name = name.partition(":")
        question = f"The file of the report on the {kind} {true_name}, a page to hand in:"
        ask_for_line(self, question, write, f"{true_name}{SUFFIX}")

    def ask_for_run(self) -> None:
        """Ask for a packed run or an exported folder, and open it as a saved run."""

        def take(path: str) -> None:
            if path:
                self.engine.send(ImportRun(path) if _is_folder(path) else UnpackRun(path))

        ask_for_line(self, QUESTION, take)

    def _handle_event(self, event: Event, state: RunState) -> None:
        super()._handle_event(event, state)
        match event:
            case Exported() | Packed() | Unpacked() | Imported() | Failed(during="export"):
                self._tell(safe(event))
            case ReportGathered():
                self.run_worker(self._write_report(event))
            case _:
                pass
        if isinstance(event, Unpacked | Imported):
            self.engine.send(OpenRun(event.run))

    async def _write_report(self, gathered: ReportGathered) -> None:
        """Write a report, in another thread, and tell what came of it."""
        from tui.report.file import write_report  # with the first report

        answer: Answer
        try:
            path = typed_path(gathered.path)
            answer = await asyncio.to_thread(write_report, gathered, path)
        except ValueError as error:
            answer = Failed(str(error), "export")
        self._tell(safe(answer))

    def _tell(self, answer: Answer) -> None:
        """Show what came of it, `answer` being safe to draw: in the dialog, or else at the side."""
        if self._in_dialog:
            self.export_answer = answer
        elif isinstance(answer, Failed):
            self.notify(answer.message, severity="error", markup=False)
        else:
            from tui.outcomes import outcome  # with the first answer

            self.notify(outcome(answer), markup=False)


def _is_folder(path: str) -> bool:
    try:
        return typed_path(path).is_dir()
    except ValueError:  # the engine says why
        return False
