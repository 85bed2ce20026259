"""Measures the ladder of a run while nothing else is to do, and in a small share of its training."""

from collections.abc import Iterator
from pathlib import Path

from data.text import Part, Text
from engine.protocol import LadderMeasured, Tokens
from engine.session.opened_run import SLICE, Clock, Emit
from engine.storage.ladder_file import Rungs, read_ladder
from engine.storage.recorder import Recorder
from engine.storage.run_info import RunInfo
from engine.training.split import train_end

SHARE = 0.01
"""Fraction of the time that it may take while the run trains or writes."""


class Ladder:
    """The rungs of one run: those that were saved with it, or measured now."""

    def __init__(
        self,
        text: Text,
        info: RunInfo,
        tokens: Tokens,
        recorder: Recorder,
        emit: Emit,
        clock: Clock,
    ) -> None:
        """Emits the saved rungs at once."""
        self._tokens = tokens
        self._recorder = recorder
        self._emit = emit
        self._clock = clock
        self._due = 0.0
        self._unsaved = False
        saved = read_ladder(Path(recorder.folder), info)
        self._rungs: Rungs = saved or ()
        self._work = measured_rungs(text, info) if saved is None else None
        if saved is not None:
            emit(LadderMeasured(per_token(saved, tokens), complete=True))

    @property
    def active(self) -> bool:
        """Whether there is something to measure."""
        return self._work is not None

    def stop(self) -> None:
        """Measure nothing more."""
        self._work = None

    def advance(self, *, idle: bool) -> None:
        """Measure for a moment; nothing if there is other work and its share of the time is
        spent. What is complete is saved once the run is written."""
        if self._work is not None and (idle or self._clock() >= self._due):
            began = self._clock()
            while self._work is not None and self._clock() - began < SLICE:
                self._measure_slice(self._work)
            now = self._clock()
            self._due = now + (now - began) / SHARE
        if self._unsaved:
            self._unsaved = not self._recorder.keep_ladder(self._rungs)

    def _measure_slice(self, work: "Iterator[tuple[str, float] | None]") -> None:
        try:
            rung = next(work)
        except MemoryError:  # training needs the memory more
            self._work = None
            return
        except StopIteration:
            self._work, self._unsaved = None, True
        else:
            if rung is None:
                return
            self._rungs = (*self._rungs, rung)
        rungs = per_token(self._rungs, self._tokens)
        self._emit(LadderMeasured(rungs, complete=self._work is None))


def per_token(rungs: Rungs, tokens: Tokens) -> Rungs:
    """The rungs, which are measured on characters, in nats per token of a run."""
    return tuple((name, tokens.per_token(loss)) for name, loss in rungs)


def measured_rungs(text: Text, info: RunInfo) -> "Iterator[tuple[str, float] | None]":
    """Measure the rungs of a run's text, in slices: each as it is known, and None in between."""
    from data.ngrams import MOST_TRAINING, measure  # NumPy: this module is loaded before it

    end = train_end(info.config, len(text))
    training = text[max(0, end - MOST_TRAINING) : end]
    yield from measure(training, Part(text, end), len(info.corpus.characters))
