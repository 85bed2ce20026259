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
from tui.copies import Copies
from tui.drawing.words import count, counted
from tui.drawing.wrapping import Wrapping
from tui.panes.pane import Pane
from tui.panes.scrolling import COPIED, ScrollingLines, lines_of, with_copies
from tui.safe_input import LinesInput
from tui.sampling_controls import SAMPLING_CONTROLS, shown
from tui.state import RunState
from tui.writing import Writing

MUTED = "$foreground-muted"
SEPARATOR = " · "
LESS = ("hint", "speed", "ending", "not copied", "length")
"""The facts on a text that are left out where the pane is too narrow, in this order."""
SHOW_COPY = Style.from_meta({"@click": "app.show_copy"})
CURSOR = "▌"
END = "■"
ENDINGS = {
    "length": "length reached",
    "stop character": "ended by a stop character",
    "stopped": "stopped",
}


class PromptInput(LinesInput, inherit_css=False):
    """The prompt in one line; the up and down keys recall earlier prompts.

    It has its own few rules: the first paint would wait for those of any input.
    """

    DEFAULT_CSS = """
    PromptInput {
      width: 1fr; height: 1; scrollbar-size-horizontal: 0; pointer: text;
      background: $background; color: $foreground;
      &:focus { background-tint: $foreground 5%; }
      &>.input--cursor {
        background: $input-cursor-background; color: $input-cursor-foreground;
        text-style: $input-cursor-text-style;
      }
      &>.input--selection {
        background: $input-selection-background; color: $input-selection-foreground;
      }
      &>.input--placeholder { color: $text-disabled; }
      &:ansi>.input--cursor { background: ansi_white; color: ansi_black; }
      &:ansi>.input--placeholder { color: ansi_default; text-style: dim; }
    }
    """

    COMPONENT_CLASSES = LinesInput.COMPONENT_CLASSES
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
        if writing.copies is not None and writing.copies.spans:
            begin = len(writing.prompt)
            spans = tuple((begin + start, begin + end) for start, end in writing.copies.spans)
            lines = with_copies(lines, writing.prompt + writing.text, spans, "app.show_copy")
        lines[-1] = lines[-1]._replace(cursor=END if writing.ended else CURSOR)
        self.show(lines)


class WritingFacts(Pane):
    """Which weights generated the text, how fast, what of it is copied, and what of the prompt was
    left out."""

    DEFAULT_CSS = "WritingFacts { height: 1; link-color: $primary; link-style: none; }"
    INTERVAL = 0.1

    def part(self, state: RunState) -> object:
        return (state.writing, state.opened and state.opened.config.model.context_length)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        writing = state.writing
        if writing is None:
            return [Content.styled("nothing generated yet", MUTED)]
        facts = _facts(writing)
        for name in LESS:
            if Content(SEPARATOR).join(facts.values()).cell_length > width:
                facts.pop(name, None)
        text = Content(SEPARATOR).join(facts.values()).stylize_before(MUTED)
        return [text.truncate(width, ellipsis=True)]


def _facts(writing: Writing) -> dict[str, Content]:
    """The facts on a text by their names, in their order."""
    facts = {
        "step": Content(f"by step {count(writing.step)}"),
        "length": Content(counted(writing.characters, "character")),
        "speed": Content(f"{count(writing.speed)} char/s"),
    }
    if writing.ended:
        facts["ending"] = Content(ENDINGS[writing.ended])
    if writing.copies is not None:
        facts |= _copy_facts(writing.copies)
    if writing.unknown:
        facts["unknown"] = Content.styled(f"never seen, left out: {writing.unknown}", "$warning")
    if writing.unseen:
        beyond = counted(writing.unseen, "character")
        facts["unseen"] = Content.styled(
            f"sees only the end: {beyond} beyond its context", "$warning"
        )
    return facts


def _copy_facts(copies: Copies) -> dict[str, Content]:
    """What is copied, in words. The first two look like the copied parts: that explains those."""
    if not copies.found.longest:
        return {"not copied": Content(copies.summary)}
    words, _, rest = copies.summary.partition(":")
    summary = Content.assemble((words, COPIED), f":{rest}")
    hint = Content.assemble(("^o", Style.parse("$primary") + SHOW_COPY), " shows it")
    return {"copies": summary, "hint": hint}


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
