"""Teaching: which text, and how often it is mixed in."""

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from data.safe_text import safe_text
from engine.protocol import Teach
from tui.daemon import in_daemon
from tui.drawing.words import counted
from tui.safe_input import LinesInput, SafeInput
from tui.screens.completion import CorpusSuggester
from tui.screens.dialog import Key, StateDialog
from tui.screens.form_row import FormRow
from tui.state import RunState
from tui.taught import Teaching, windows
from tui.teaching_text import SHARE, check_length, parse_share, text_to_teach

SHOWN = 60
"""Characters of a text that are quoted."""
LONG = 1_000
"""A pasted text of more characters is not put into the field, where it could not be read."""
HINTS = {
    "text": "Words, with \\n for a line break; or a path, or tales (→ completes it).",
    "share": "How often it is mixed in: this fraction of the windows of text; 0 stops.",
}


class TaughtInput(LinesInput):
    """Takes the text, or a path. What is pasted may be long: then it is kept aside."""

    class Pasted(Message):
        """A long text was pasted."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def on_paste(self, event: events.Paste) -> None:
        """Keep a long text out of the field."""
        if len(event.text) > LONG:
            event.prevent_default()
            event.stop()
            self.post_message(self.Pasted(event.text))


class TeachScreen(StateDialog[None]):
    """A form that stays until the text is taught."""

    DEFAULT_CSS = """
    TeachScreen { align: center middle; }
    TeachScreen > Vertical {
      width: 84; max-width: 100%; height: auto; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    TeachScreen #about { margin-bottom: 1; }
    TeachScreen FormRow Label { width: 7; }
    TeachScreen #share { width: 12; }
    TeachScreen #hint { height: 1; margin-top: 1; color: $foreground-muted; }
    TeachScreen #problem { height: auto; min-height: 1; max-height: 4; }
    """

    BINDINGS = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]

    TITLE_OF_HELP = "teach it another text"
    ABOUT = (
        "A made-up word, a fact, another author: the text is mixed into the batches from the next step "
        "on. Each step reads so many windows of text, each as long as the context; the share is the "
        "fraction of them that the taught text takes. One that is shorter than the context is set "
        "between two words of the run's own text; of a longer one, each window has a part. With every "
        "evaluation the training pane says how its surprise falls and what the held-out loss of the "
        "run's own text does meanwhile: what it forgets. A model keeps its characters: where the text "
        "has others, you are asked whether to replace them."
    )
    KEYS = (
        Key("Enter", "teach", "teach the text from the next step on", "teach"),
        Key("↑ ↓", "fields", "the other field; Tab does the same"),
        Key("Esc", "cancel", "close the form and leave everything as it is", "dismiss"),
    )

    def __init__(self, state: RunState, send: Callable[[Teach], None]) -> None:
        """`state`: as it is now; later ones come by data binding. `send`: to the engine."""
        super().__init__(state)
        self._send = send
        self._seen = state
        self._sent = False
        self._pasted = ""

    def compose(self) -> ComposeResult:
        teaching = self.state.course.teaching
        share = teaching.share if teaching.goes_on else SHARE
        with Vertical() as form:
            form.border_title = "teach it another text"
            yield Static(Content(_about(self.state)), id="about")
            field = TaughtInput(
                compact=True,
                id="text",
                placeholder="empty: the same text" if teaching.since >= 0 else "",
                suggester=CorpusSuggester(),
            )
            yield FormRow("text", field)
            yield FormRow("share", SafeInput(f"{share:g}", compact=True, id="share"), "")
            yield Static("", id="hint")
            yield Static("", id="problem")
            yield self.key_line()

    def on_mount(self) -> None:
        self.query_one("#share" if self.state.course.teaching.goes_on else "#text").focus()
        self._explain()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explain the field."""
        hint = HINTS.get(event.widget.id or "", "")
        self.query_one("#hint", Static).update(Content(hint))

    @on(Input.Changed)
    def _explain(self) -> None:
        """Say what the share means for a step of this run."""
        opened = self.state.opened
        try:
            share = parse_share(self.query_one("#share", Input).value)
        except ValueError:
            words = "from 0 to 1"
        else:
            size = opened.config.train.batch_size if opened else 0
            words = f"{windows(share)}: {share * size:.3g} of the {size:,} in a step"
        self.query_one("#row-share", FormRow).explain(words, marked=False)

    @on(TaughtInput.Pasted)
    def _keep_pasted(self, event: TaughtInput.Pasted) -> None:
        """Take a long text as the one to teach, until another is typed."""
        field = self.query_one("#text", TaughtInput)
        try:
            check_length(event.text)
        except ValueError as error:
            self._show_problem(str(error))
            return
        self._pasted, field.value = event.text, ""
        field.placeholder = (
            f"pasted, {counted(len(event.text), 'character')}: {_quoted(event.text)}"
        )
        self._show_problem("")

    @on(Input.Submitted)
    async def action_teach(self) -> None:
        """Teach what was entered."""
        if self._sent:
            return
        given = self.query_one("#text", TaughtInput).value
        try:
            share = parse_share(self.query_one("#share", Input).value)
            if self._pasted and not given:
                self._ask(Teach(self._pasted, share))
            elif not given and self.state.course.teaching.since >= 0:
                self._ask(Teach("", share))
            else:
                text, source = await in_daemon(lambda: text_to_teach(given), "reading a text")
                check_length(text)
                self._ask(Teach(text, share, source=source))
        except ValueError as error:
            self._show_problem(str(error))

    def _ask(self, command: Teach) -> None:
        self._sent = True
        self._seen = self.state
        self._show_problem("")
        self._send(command)

    def refused(self) -> None:
        """What was asked for is not done: the form can be changed."""
        self._sent = False

    def watch_state(self, state: RunState) -> None:
        if not self.is_mounted or not self._sent:
            return
        if state.course.teaching.lessons != self._seen.course.teaching.lessons:
            self.dismiss()
        elif state.failure is not None and state.failure is not self._seen.failure:
            self.refused()
            self._show_problem(state.failure.message)

    def _show_problem(self, message: str) -> None:
        self.query_one("#problem", Static).update(Content.styled(safe_text(message), "$error"))


def _about(state: RunState) -> str:
    """What is taught now."""
    teaching: Teaching = state.course.teaching
    own = state.corpus.name if state.corpus else "its own text"
    if teaching.since < 0:
        return f"It is mixed into the batches of {own} from the next step on."
    text = f"{_quoted(teaching.text)} ({counted(len(teaching.text), 'character')})"
    if teaching.goes_on:
        return f"Taught since step {teaching.since:,}, in {windows(teaching.share)}: {text}"
    return f"Taught from step {teaching.since:,} to {teaching.until:,}: {text}"


def _quoted(text: str) -> str:
    """The beginning of a text, in one line that is safe to draw."""
    return f"“{safe_text(text[:SHOWN])}{'…' if len(text) > SHOWN else ''}”"
