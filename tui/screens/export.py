"""Exports or packs a saved run: in which form, and to where."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Input, Static

from engine.protocol import (
    Command,
    Exported,
    ExportRun,
    Failed,
    GatherReport,
    Imported,
    Packed,
    PackRun,
    Unpacked,
)
from tui.outcomes import SUFFIX, Answer, Written, figures, outcome
from tui.safe_input import SafeInput
from tui.screens.choice import Choice
from tui.screens.dialog import Dialog, Key
from tui.screens.form_row import FormRow
from tui.state import RunState

FRAME_LINES = 10
"""Lines of the dialog other than the result: border, three fields, explanations, blank lines, keys."""
NEWEST, BEST = "newest", "best"
WITH, WITHOUT = "with", "without"


class Form(NamedTuple):
    """A form that a run can be taken away in."""

    word: str
    about: str
    ending: str
    """Of the name that is proposed."""
    command: Callable[[str, str], ExportRun | GatherReport] | None = None
    """For the run, or "RUN@best", and the path. None: it is packed."""
    of_one_step: bool = True
    """Whether it holds the weights of one step."""


FORMS = (
    Form("packed", "One file with all of the run: tinygpt-tui unpack opens it elsewhere.", SUFFIX),
    Form(
        "hf",
        "A folder for transformers: weights, tokenizer, model card.",
        "-hf",
        lambda run, path: ExportRun(run, "hf", path),
    ),
    Form(
        "gguf f16",
        "One file for llama.cpp, with weights of 16 bits.",
        "-f16.gguf",
        lambda run, path: ExportRun(run, "gguf", path, "f16"),
    ),
    Form(
        "gguf f32",
        "One file for llama.cpp, with weights of 32 bits.",
        "-f32.gguf",
        lambda run, path: ExportRun(run, "gguf", path, "f32"),
    ),
    Form(
        "tensorboard",
        "A folder for TensorBoard: losses and samples, no weights.",
        "-tensorboard",
        lambda run, path: ExportRun(run, "tensorboard", path),
        of_one_step=False,
    ),
    Form(
        "report",
        "A page to hand in, for any browser: curves, samples, ladder, settings.",
        ".html",
        lambda run, path: GatherReport((run,), path),
    ),
)


class ExportScreen(Dialog[None]):
    """It stays until it is closed: what came of the export is shown in it."""

    DEFAULT_CSS = """
    ExportScreen { align: center middle; }
    ExportScreen > Vertical {
      width: 84; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    ExportScreen FormRow Label { width: 10; }
    ExportScreen FormRow Choice { width: 1fr; }
    ExportScreen #about { color: $foreground-muted; margin: 0 0 1 10; }
    ExportScreen VerticalScroll { height: auto; margin: 1 0; scrollbar-size-vertical: 1; }
    """

    BINDINGS = [
        Binding("escape", "dismiss", "Close"),
        Binding("enter", "export", "Export", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
        Binding("pagedown", "turn(1)", "Read on", show=False),
        Binding("pageup", "turn(-1)", "Read back", show=False),
    ]

    TITLE_OF_HELP = "export a run"
    ABOUT = (
        "What was trained here goes on elsewhere: packed into one file that this program opens on "
        "another machine, exported to the formats of other programs, or reported on a page. An export is read back and "
        "compared with the run's own model: how far two logits differ at most, and whether both "
        "write the same text. A run that is being trained is saved first and trains on meanwhile. "
        "Nothing is overwritten."
    )
    KEYS = (
        Key("↑ ↓", "fields", "the field before or after; Tab does the same"),
        Key("← →", "choices", "choose among the words of a field"),
        Key("Enter", "export", "write it", "export"),
        Key(
            "Esc",
            "close",
            "close this; what has begun goes on, and its result is reported",
            "dismiss",
        ),
    )

    answer: reactive[Answer | None] = reactive(
        None, repaint=False, layout=False, init=False, always_update=True
    )
    """What the engine has said last, safe to draw."""
    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False, init=False)

    def __init__(
        self, run: str, shown: str, send: Callable[[Command], None], form: str = ""
    ) -> None:
        """`run`: its true name; `shown`: its name, safe to draw. `send`: to the engine. `form`: the
        one that is chosen first."""
        super().__init__()
        self._first = form or FORMS[0].word
        self._run = run
        self._shown = shown
        self._send = send
        self._proposed = ""
        self._waits = False

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = Content(f"export {self._shown}")  # a string would be markup
            yield FormRow("format", Choice([f.word for f in FORMS], self._first, id="form"))
            yield Static("", id="about")
            yield FormRow("weights", Choice([NEWEST, BEST], NEWEST, id="weights"))
            yield FormRow("moments", Choice([WITH, WITHOUT], WITH, id="moments"))
            yield FormRow("to", SafeInput("", compact=True, id="path", select_on_focus=False))
            with VerticalScroll(can_focus=False):
                yield Static("", id="result")
            yield self.key_line()

    def on_mount(self) -> None:
        self._show_form()
        self.query_one("#form").focus()

    def on_resize(self, event: events.Resize) -> None:
        """However much there is to tell, the fields and keys stay in sight."""
        lines = event.size.height - FRAME_LINES
        self.query_one(VerticalScroll).styles.max_height = max(1, lines)

    # What is entered.

    @property
    def _form(self) -> Form:
        chosen = self.query_one("#form", Choice).value
        return next((form for form in FORMS if form.word == chosen), FORMS[0])

    @on(Choice.Changed, "#form")
    def _show_form(self) -> None:
        """Show what goes with the form, and propose a path, unless another has been typed."""
        form, path = self._form, self.query_one("#path", Input)
        self.query_one("#about", Static).update(Content(form.about))
        self.query_one("#row-weights").display = form.command is not None and form.of_one_step
        self.query_one("#row-moments").display = form.command is None
        if path.value == self._proposed:
            self._proposed = _proposal(self._shown + form.ending)
            path.value = self._proposed

    @on(Input.Submitted)
    def action_export(self) -> None:
        """Have it written."""
        self._show_form()  # the word that it follows may not have been handled yet
        form, path = self._form, self.query_one("#path", Input).value.strip()
        if form.command is None:
            moments = self.query_one("#moments", Choice).value == WITH
            command: ExportRun | GatherReport | PackRun = PackRun(self._run, path, moments)
        else:
            best = form.of_one_step and self.query_one("#weights", Choice).value == BEST
            command = form.command(f"{self._run}@best" if best else self._run, path)
        self._waits = True
        self._say(Content("Writing it …"))
        self._send(command)

    # What came of it.

    def watch_state(self, before: RunState, state: RunState) -> None:
        """Show how far it is."""
        if self._waits and state.busy is not before.busy and state.busy.done >= 0:
            self._say(Content(f"{state.busy.what} {state.busy.done:.0%}"))

    def watch_answer(self, answer: Answer | None) -> None:
        self._waits = False
        match answer:
            case Failed(message):
                self._say(Content.styled(message, "$error"))
            case Exported():
                lines = [
                    Content.assemble((name.ljust(10), "$foreground-muted"), value)
                    for name, value in figures(answer)
                ]
                self._say(Content("\n").join([*lines, *map(Content, answer.notes)]))
            case Packed() | Unpacked() | Imported() | Written():
                self._say(Content.styled(outcome(answer), "$success"))
            case None:
                pass

    def action_turn(self, pages: int) -> None:
        """Show what of it did not fit."""
        result = self.query_one(VerticalScroll)
        result.scroll_relative(y=pages * result.size.height, animate=False)

    def _say(self, words: Content) -> None:
        self.query_one("#result", Static).update(words)


def _proposal(name: str) -> str:
    """The path of a new file in the folder that the program was started in."""
    try:
        path = Path.cwd() / name
    except OSError:  # it has been deleted
        path = Path.home() / name
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
