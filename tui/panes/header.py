"""The first two lines: what is open, in which state, and one message on what can be done."""

from math import isfinite

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style

from engine.protocol import Busy
from tui.drawing.words import count, counted, duration, short
from tui.panes.pane import Pane, line
from tui.state import RunState
from tui.tokens import different, tokens_of, with_bits
from tui.views import TRAIN, VIEWS

PHASE_STYLES = {
    "warming up": "$foreground-muted",
    "untrained": "$foreground-muted",
    "training": "bold $primary",
    "paused": "$warning",
    "done": "$success",
    "failed": "bold $error",
    "following": "bold $secondary",
}

REWARMING = 0.3
"""The fraction of an extension for which the screen says that the loss may rise."""
THREADS_TOLD = 30.0
"""Seconds of training for which the screen says that the number of threads has changed."""
RACE_ADVICE = {
    "untrained": "A race before its first step. Space starts it.",
    "training": "The sides take turns. Space pauses all of them, x ends the race here.",
    "paused": "Paused. Space goes on, n takes a step of each side, o opens a side as a run.",
    "done": "The race has ended. Each side is a saved run: o opens one.",
}
"""By its phase."""
GAP = "  "
"""Between the parts of the header."""
MAX_LINES = 3
"""The number of lines that a message may take."""


def phase_words(state: RunState) -> Content:
    """The phase with its dot."""
    return Content.styled(f"● {state.phase}", PHASE_STYLES[state.phase])


class HeaderLine(Pane):
    """The views, corpus, preset and run on the left; phase and step on the right."""

    DEFAULT_CSS = """
    HeaderLine { height: 1; padding: 0 1; link-color: $foreground-muted; link-style: none; }
    """

    auto_links = reactive(True)
    view: reactive[int] = reactive(TRAIN, layout=False)
    """The number of the view that is shown."""

    def part(self, state: RunState) -> object:
        return (state.phase, state.step, state.steps, state.opened, state.corpus, state.under_way)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        right = phase_words(state)
        if state.opened is not None:
            right += Content(f"  step {count(state.step)}{_of_how_many(state)}{next_step(state)}")
            if not state.opened.saving:
                right = Content.styled("not saved  ", "bold $warning") + right
        left = views_line(self.view)
        room = width - right.cell_length - left.cell_length - 2 * len(GAP)
        left += Content(GAP + _facts(state, max(0, room)))
        name = Content.styled("tinygpt", "bold $primary") + Content(GAP)
        if left.cell_length + name.cell_length + len(GAP) + right.cell_length <= width:
            left = name + left
        return [line(left, right, width)]


def views_line(shown: int) -> Content:
    """The views with their number keys, which can be clicked; the one that is shown is marked."""
    names = []
    for view in VIEWS:
        words = f"{view.number} {view.name}"
        if view.number == shown:
            names.append(Content.styled(f"▸{words}", "bold reverse"))
        else:
            link = Style.from_meta({"@click": f"app.go({view.number})"})
            names.append(Content.styled(f" {words}", Style.parse("$foreground-muted") + link))
    return Content(" ").join(names)


def _facts(state: RunState, width: int) -> str:
    """Corpus, size and run; where there is not room for all, the run above all."""
    corpus = [state.corpus.name] if state.corpus else []
    size, run, name = [], [], []
    if state.opened is not None:
        size = [f"{state.opened.config.preset} {short(state.opened.parameters)}"]
        name = [state.opened.run]
        run = [f"run {state.opened.run}"]
    choices = [
        " · ".join(facts) for facts in (corpus + size + run, corpus + run, run, name or corpus)
    ]
    fitting = next((words for words in choices if cell_len(words) <= width), choices[-1])
    return Content(fitting).truncate(width, ellipsis=True).plain


def _of_how_many(state: RunState) -> str:
    """How far that is: in steps, or in time where that decides."""
    if not state.minutes:
        return f" / {count(state.steps)}"
    return f", {duration(state.elapsed)} of {duration(60 * state.minutes)}"


def next_step(state: RunState) -> str:
    """What is done of the next step, if it is slow."""
    if state.under_way is None or state.phase not in ("training", "paused"):
        return ""
    return f", next {state.under_way.done:.0%}"


class MessageLine(Pane):
    """One message: what went wrong, what is being waited for, or what can be done now. In a narrow
    window it takes more than one line."""

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
            _is_rewarming(state),
            _threads_are_news(state),
        )

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        lines = message(state).wrap(width)
        if len(lines) > height:
            lines[height - 1] = (lines[height - 1] + Content("…")).truncate(width, ellipsis=True)
        return lines[:height]

    def on_resize(self) -> None:
        self.fit_height()

    def _redraw(self) -> None:
        self.fit_height()
        super()._redraw()

    def fit_height(self) -> None:
        """Take as many lines as the message needs."""
        if self.size.width:
            self.styles.height = min(MAX_LINES, len(message(self.state).wrap(self.size.width)))


def message(state: RunState) -> Content:
    """The message that matters most now."""
    # A failure on the runs screen or of an export is shown there.
    if state.failure is not None and state.failure.during not in ("runs", "export"):
        return Content.styled(f"✖ {state.failure.message}{_way_out(state)}", "$error")
    if state.phase == "warming up":
        what = busy_words(state.busy) or "starting …"
        return Content.styled(f"warming up: {what}", "$foreground-muted")
    if state.busy.what:
        return Content.styled(busy_words(state.busy), "$foreground-muted")
    return Content.styled(_advice(state), "$foreground-muted")


def busy_words(busy: Busy) -> str:
    """What the screen waits for, how far that is, and what stops it; empty: nothing."""
    if not busy.what:
        return ""
    done = f" {busy.done:.0%}" if busy.done >= 0 else " …"
    return f"{busy.what}{done}{'  (Esc stops)' if busy.stoppable else ''}"


def _way_out(state: RunState) -> str:
    """What can be done after a failed step."""
    if state.phase != "failed" or state.failure is None or state.failure.during != "train":
        return ""
    return " Space skips it, b returns to the last save at half the learning rate, x ends."


def _advice(state: RunState) -> str:
    opened = state.opened
    if opened is not None and opened.note and state.step == opened.step:
        return opened.note
    if state.lab.is_open:
        return RACE_ADVICE[state.lab.phase]
    match state.phase:
        case "untrained":
            tokens = tokens_of(state)
            number = different(state.corpus, tokens) if state.corpus else 0
            return (
                f"Untrained: each {tokens.noun} is one of {count(number)} at random. "
                "Space trains; t: a tour."
            )
        case "training":
            return _what_a_step_does(state)
        case "paused":
            return (
                f"Paused after step {count(state.step)}. "
                "Space continues, n takes one step, p goes to the prompt."
            )
        case "done":
            last = state.evaluated
            ended = f"Held-out loss {_loss(last.loss, state)}" if last else "Ended"
            if last and not isfinite(last.loss):
                ended = "Ended with a held-out loss that is no longer a number"
            best = ""
            if state.best is not None and last is not state.best:
                best = f"; best {_loss(state.best.loss, state)} at step {count(state.best.step)}"
            saved = f"; saved as {state.saved.run}" if state.saved else ""
            if opened is not None and not opened.saving:
                saved = "; not saved (--no-save)"
            return f"{ended}{best}{saved}. {_what_space_does(state)}."
        case "following":
            return "Another program trains this run; it is followed here, and p goes to the prompt."
        case _:
            return ""


def _loss(loss: float, state: RunState) -> str:
    """In nats; of a run whose tokens are no characters in bits, too. The chart has both."""
    tokens = tokens_of(state)
    return f"{loss:.4f}" if tokens.kind == "characters" else with_bits(loss, tokens)


def _what_space_does(state: RunState) -> str:
    """What Space does after the end of a run."""
    if state.opened is None or (not state.minutes and state.step < state.steps):
        return "Space trains on"
    train = state.opened.config.train
    more = f"{train.minutes:g} more min" if train.minutes else f"{count(train.steps)} more steps"
    return f"Space trains {more}"


def _is_rewarming(state: RunState) -> bool:
    """Whether an extension has just begun, so that the learning rate has risen again."""
    begun = state.extended
    if begun is None or begun.lr_peak <= begun.lr_factor:
        return False
    if begun.minutes:
        done, whole = state.elapsed - begun.elapsed, 60 * begun.minutes - begun.elapsed
    else:
        done, whole = state.step - begun.step, begun.steps - begun.step
    return done < REWARMING * whole


def _threads_are_news(state: RunState) -> bool:
    """Whether the number of threads has just changed."""
    chosen = state.threads_chosen
    return chosen is not None and state.elapsed - chosen.elapsed < THREADS_TOLD


def _what_a_step_does(state: RunState) -> str:
    """What happens in each step of training."""
    step, opened = state.last_step, state.opened
    if step is None or opened is None:
        return f"Training: it predicts each next {tokens_of(state).noun} and is corrected."
    if state.extended is not None and _is_rewarming(state):
        return (
            f"The learning rate rises to {state.extended.lr_peak:.0%}, then falls to 0; "
            "the loss may rise first."
        )
    if state.threads_chosen is not None and _threads_are_news(state):
        return (
            f"Measured again: faster now with {counted(state.threads_chosen.threads, 'thread')}, "
            f"from step {count(state.threads_chosen.step + 1)} on."
        )
    whole = opened.config.model.context_length
    predicts = f"predicts {counted(step.tokens, f'next {opened.tokens.noun}')}"
    if step.context_length < whole:
        return (
            f"Each step {predicts} "
            f"from the {count(step.context_length)} before (later {count(whole)})."
        )
    return f"Training: each step {predicts} and is corrected."
