"""The cost of the run in the form, measured after a short pause in typing."""

from collections.abc import Callable
from functools import partial

from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import WorkType

from data.catalog import DownloadNeededError
from data.preview import PREVIEW_BYTES, Preview, preview
from engine.config import RunConfig
from engine.protocol import Command, Measure, Measured
from tui.daemon import in_daemon
from tui.drawing.words import count, duration, short, size

MEASURE_AFTER = 0.5
"""Seconds without a change before the cost is measured."""


class CostLine(Static):
    """Counts the characters of the text, has the engine measure a step, and shows the result."""

    DEFAULT_CSS = "CostLine { height: auto; min-height: 1; max-height: 2; color: $accent; }"

    class Refused(Message):
        """The cost is unknown: the text cannot be read."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, send: Callable[[Command], None], known: dict[str, Preview]) -> None:
        """`send`: to the engine. `known`: texts that need not be read, by their names."""
        super().__init__("", id="cost")
        self._send = send
        self._known = dict(known)
        self._asked: Measure | None = None
        self._timer: Timer | None = None

    def forget(self) -> None:
        """Show nothing, and cancel the measurement in progress."""
        if self._timer is not None:
            self._timer.stop()
        self.workers.cancel_node(self)
        self._asked = None
        self.update("")

    def after_a_rest(self, read: Callable[[], RunConfig | None]) -> None:
        """Measure what `read` returns in a moment, unless this is called again before."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(MEASURE_AFTER, lambda: self._begin(read()))

    def _begin(self, config: RunConfig | None) -> None:
        if config is not None and self._asked is not None and config == self._asked.config:
            return
        self.forget()
        if config is not None:
            # Not a coroutine: a worker that is cancelled before it starts would leave it behind.
            work: WorkType[None] = partial(self._ask, config)
            self.run_worker(work, exclusive=True)

    async def _ask(self, config: RunConfig) -> None:
        corpus = config.corpus
        if corpus not in self._known:
            self.update("reading the text …")
            try:
                self._known[corpus] = await in_daemon(
                    lambda: preview(corpus, config.reading), "preview"
                )
            except DownloadNeededError:
                self.update(Content("The text is not here yet: Enter asks whether to download it."))
                return
            except ValueError as error:
                self.update("")
                self.post_message(self.Refused(str(error)))
                return
        self.update("measuring a step …")
        self._asked = Measure(config, self._known[corpus].vocabulary)
        self._send(self._asked)

    def show(self, measured: Measured) -> None:
        """Show an answer of the engine, if it is to what was asked last."""
        asked, measured_for = self._asked.config if self._asked else None, measured.config
        if asked is not None and (measured_for.model, measured_for.train) == (
            asked.model,
            asked.train,
        ):
            self.update(Content(words(measured, self._known[asked.corpus])))


def words(measured: Measured, text: Preview) -> str:
    """A cost in a line or two."""
    train, step = measured.config.train, measured.step_seconds
    seconds = 60 * train.minutes or step * train.steps
    steps = f"about {count(seconds / step)}" if train.minutes else count(train.steps)
    counted = "" if text.whole else f"\nCounted: the first {size(PREVIEW_BYTES)} of the text."
    return (
        f"{short(measured.parameters)} parameters, about {size(measured.memory)} of memory, "
        f"{duration(seconds)} ({steps} steps of {step * 1000:,.0f} ms){counted}"
    )
