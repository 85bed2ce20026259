"""The first two lines: what this is, in which state, and one sentence on what to do."""

from textual.content import Content

from tui.drawing.words import count, duration, short
from tui.panes.pane import Pane, line
from tui.state import RunState

PHASE_STYLES = {
    "warming up": "$foreground-muted",
    "untrained": "$foreground-muted",
    "training": "bold $primary",
    "paused": "$warning",
    "done": "$success",
    "failed": "bold $error",
    "following": "bold $secondary",
}

MOST_LINES = 3
"""That a sentence may take."""


def phase_words(state: RunState) -> Content:
    """The phase with its dot."""
    return Content.styled(f"● {state.phase}", PHASE_STYLES[state.phase])


class HeaderLine(Pane):
    """Corpus, preset and run at the left; phase and step at the right."""

    DEFAULT_CSS = "HeaderLine { height: 1; padding: 0 1; }"

    def part(self, state: RunState) -> object:
        return (state.phase, state.step, state.steps, state.opened, state.corpus)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        right = phase_words(state)
        if state.opened is not None:
            of = duration(60 * state.minutes) if state.minutes else count(state.steps)
            right += Content(f"  step {count(state.step)} / {of}")
        name = Content.styled("tinygpt", "bold $primary")
        facts = []
        if state.corpus is not None:
            facts.append(state.corpus.name)
        if state.opened is not None:
            facts.append(f"{state.opened.config.preset} {short(state.opened.parameters)}")
            facts.append(f"run {state.opened.run}")
        left = name + Content("  " + " · ".join(facts))
        room = max(0, width - right.cell_length - 2)
        return [line(left.truncate(room, ellipsis=True), right, width)]


class MessageLine(Pane):
    """One sentence: what went wrong, what it waits for, or what can be done now. In a narrow window
    it takes more lines than one."""

    DEFAULT_CSS = "MessageLine { height: 1; padding: 0 1; }"
    INTERVAL = 0.1

    def part(self, state: RunState) -> object:
        return (
            state.phase,
            state.busy,
            state.failure,
            state.evaluated,
            state.saved,
            state.step if state.phase == "paused" else 0,
            state.last_step.context_length if state.last_step else 0,
        )

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        lines = message(state).wrap(width)
        if len(lines) > height:
            lines[height - 1] = (lines[height - 1] + Content("…")).truncate(width, ellipsis=True)
        return lines[:height]

    def on_resize(self) -> None:
        self._make_room()

    def _redraw(self) -> None:
        self._make_room()
        super()._redraw()

    def _make_room(self) -> None:
        if self.size.width:
            self.styles.height = min(MOST_LINES, len(message(self.state).wrap(self.size.width)))


def message(state: RunState) -> Content:
    """The sentence that matters most now."""
    # What fails on the screen of saved runs is told there.
    if state.failure is not None and state.failure.during != "runs":
        return Content.styled(f"✖ {state.failure.message}{_way_out(state)}", "$error")
    if state.phase == "warming up":
        what = state.busy.what or "starting"
        return Content.styled(f"warming up: {what} …", "$foreground-muted")
    if state.busy.what:
        done = f" {state.busy.done:.0%}" if state.busy.done >= 0 else " …"
        return Content.styled(state.busy.what + done, "$foreground-muted")
    return Content.styled(_advice(state), "$foreground-muted")


def _way_out(state: RunState) -> str:
    """What can be done after a failure."""
    if state.phase != "failed" or state.failure is None or state.failure.during != "train":
        return ""
    return " Space skips it, b goes back to the last save at half the rate, x ends."


def _advice(state: RunState) -> str:
    opened = state.opened
    if opened is not None and opened.note and state.step == opened.step:
        return opened.note
    match state.phase:
        case "untrained":
            different = state.corpus.vocabulary if state.corpus else 0
            return (
                f"Untrained: each character is one of {different} at random. "
                "Space sends it to school."
            )
        case "training":
            return _lesson(state)
        case "paused":
            return (
                f"Paused after step {count(state.step)}. "
                "Space goes on, n takes one step, p lets it write."
            )
        case "done":
            ended = f"Ended at {state.evaluated.loss:.4f}" if state.evaluated else "Ended"
            best = ""
            if state.best is not None and state.evaluated is not state.best:
                best = f"; best {state.best.loss:.4f} at step {count(state.best.step)}"
            saved = f", saved as {state.saved.run}" if state.saved else ""
            return f"{ended}{best}{saved}. Space trains on, p lets it write."
        case "following":
            return "Another program trains this run: here it is followed, and p lets it write."
        case _:
            return ""


def _lesson(state: RunState) -> str:
    """What one step is."""
    step, opened = state.last_step, state.opened
    if step is None or opened is None:
        return "Learning: it guesses each next character and is corrected."
    whole = opened.config.model.context_length
    if step.context_length < whole:
        return (
            f"Each step it guesses {count(step.tokens)} next characters "
            f"from the {count(step.context_length)} before (later {count(whole)})."
        )
    return f"Learning: each step it guesses {count(step.tokens)} next characters and is corrected."
