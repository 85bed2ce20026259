"""The prompt, and under it the generated text as it streams."""

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style

from engine.config import SampleConfig
from tui.drawing.words import count, counted
from tui.drawing.wrapping import Wrapping
from tui.panes.pane import Pane
from tui.panes.scrolling import ScrollingLines, lines_of
from tui.safe_input import LinesInput
from tui.sampling_controls import SAMPLING_CONTROLS, shown
from tui.state import RunState
from tui.writing import Writing

CURSOR = "▌"
END = "■"
ENDINGS = {
    "length": "length reached",
    "stop character": "ended by a stop character",
    "stopped": "stopped",
}


class PromptInput(LinesInput):
    """The prompt in one line; the up and down keys recall earlier prompts."""

    BINDINGS = [
        Binding("enter", "submit", "generate"),
        Binding("escape", "app.leave", "stop, leave"),
        Binding("tab", "app.focus_next", "scroll"),
        Binding("up", "earlier", "earlier"),
        Binding("down", "later", "later"),
    ]

    def __init__(self) -> None:
        super().__init__(
            placeholder="p or Tab: type a beginning, Enter continues it; an empty line writes on",
            compact=True,
            id="prompt-input",
        )
        self._history: list[str] = []
        self._place = 0

    def remember(self) -> None:
        """Add the prompt to the history, unless it is the last one there."""
        if self.value and self.value not in self._history[-1:]:
            self._history.append(self.value)
        self._place = len(self._history)

    def action_earlier(self) -> None:
        """Recall the prompt before."""
        self._recall(self._place - 1)

    def action_later(self) -> None:
        """Recall the prompt after."""
        self._recall(self._place + 1)

    def _recall(self, place: int) -> None:
        if 0 <= place <= len(self._history):
            self._place = place
            self.value = self._history[place] if place < len(self._history) else ""
            self.cursor_position = len(self.value)


class WrittenText(ScrollingLines):
    """The prompt, muted, and the text generated from it."""

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    _writing: Writing | None = None
    _wrapping = Wrapping(1)

    def watch_state(self, state: RunState) -> None:
        before, now = self._writing, state.writing
        if now is before:
            return
        self._writing = now
        if now is None:  # another run is open
            self.show([])
            return
        same = before is not None and before.prompt == now.prompt
        if before is not None and same and now.text.startswith(before.text):
            self._wrapping.append(now.text[len(before.text) :])
        else:
            self._begin(now)
        self._show(now)

    def on_resize(self, _event: events.Resize) -> None:
        if self._writing is not None:
            self._begin(self._writing)
            self._show(self._writing)

    def _begin(self, writing: Writing) -> None:
        self._wrapping = Wrapping(self.room - cell_len(CURSOR))
        self._wrapping.append(writing.prompt + writing.text)

    def _show(self, writing: Writing) -> None:
        lines = lines_of(self._wrapping.lines, len(writing.prompt))
        lines[-1] = lines[-1]._replace(cursor=END if writing.ended else CURSOR)
        self.show(lines)


class WritingFacts(Pane):
    """Which weights generated the text, how fast, and what of the prompt was left out."""

    DEFAULT_CSS = "WritingFacts { height: 1; }"
    INTERVAL = 0.1

    def part(self, state: RunState) -> object:
        return (state.writing, state.opened and state.opened.config.model.context_length)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        writing = state.writing
        if writing is None:
            return [Content.styled("nothing generated yet", "$foreground-muted")]
        facts = [
            f"by step {count(writing.step)}",
            counted(writing.characters, "character"),
            f"{count(writing.speed)} char/s",
        ]
        if writing.ended:
            facts.append(ENDINGS[writing.ended])
        text = Content.styled(" · ".join(facts), "$foreground-muted")
        if writing.unknown:
            text += Content.styled(f" · never seen, left out: {writing.unknown}", "$warning")
        if writing.unseen:
            text += Content.styled(
                f" · sees only the end: {counted(writing.unseen, 'character')} beyond its context",
                "$warning",
            )
        return [text.truncate(width, ellipsis=True)]


class SamplingControlsLine(Pane):
    """The sampling settings with their keys, which can be clicked."""

    DEFAULT_CSS = """
    SamplingControlsLine { height: 1; link-color: $primary; link-style: none; }
    """
    INTERVAL = 0.0

    config: reactive[SampleConfig] = reactive(SampleConfig(), layout=False)

    def part(self, state: RunState) -> object:
        return None

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        parts = []
        for number, control in enumerate(SAMPLING_CONTROLS):
            keys = [
                Content.styled(
                    key,
                    Style.parse("$primary")
                    + Style.from_meta({"@click": f"app.change_setting({number}, {way})"}),
                )
                for key, way in ((control.down, -1), (control.up, 1))
            ]
            label = Content.assemble(
                (control.label, "$foreground-muted"), f" {shown(self.config, control)} "
            )
            parts.append(label + Content(" ").join(keys))
        whole = Content("   ").join(parts)
        return [(whole if whole.cell_length <= width else Content(" ").join(parts)).truncate(width)]


class PromptPane(Vertical):
    """The prompt, its settings and the generated text."""

    BORDER_TITLE = "prompt"

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)
    config: reactive[SampleConfig] = reactive(SampleConfig(), repaint=False, layout=False)

    def compose(self) -> ComposeResult:
        yield PromptInput()
        yield WritingFacts().data_bind(PromptPane.state)
        yield WrittenText(id="written").data_bind(PromptPane.state)
        yield SamplingControlsLine().data_bind(PromptPane.config)
