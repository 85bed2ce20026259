"""Loads the text of a run, and reports how far that is: a large one takes a while, and can be
interrupted."""

from collections.abc import Callable

from data import catalog, files
from data.catalog import Corpus
from data.documents import Holdout
from data.raw_bytes import MAX_KEPT_BYTES
from data.reading import Reading
from data.text import Text
from engine.config import RunConfig
from engine.protocol import Busy
from engine.session.opened_run import Emit
from engine.storage.run_info import CorpusInfo, RunInfo

Interrupted = Callable[[], bool]
"""Whether what is being opened is not wanted any more."""


def never() -> bool:
    """Where nobody can say so."""
    return False


class StoppedError(Exception):
    """What was being opened is not wanted any more."""


class Reporter:
    """Emits how far the reading of a text is, at each percent."""

    def __init__(self, emit: Emit, interrupted: Interrupted) -> None:
        self._emit = emit
        self._interrupted = interrupted
        self._last = Busy("")

    def __call__(self, what: str, done: float) -> None:
        """StoppedError if it is to end."""
        if self._interrupted():
            raise StoppedError
        now = Busy(what, int(100 * done) / 100, stoppable=True)
        if now != self._last:
            self._last = now
            self._emit(now)


def load_text(
    name: str, reading: Reading, report: Reporter, holdout: Holdout | None = None
) -> Corpus:
    """The corpus of that name or path (see `data.catalog.load`). ValueError, with a user-facing
    message; OSError if a large one cannot be kept."""
    found = catalog.find(name, reading, MAX_KEPT_BYTES)
    if found is None:
        copy = catalog.large_copy(name, reading)
        if copy is None:
            return catalog.load(name, reading, holdout)
        from engine.storage.large_texts import load_large  # as below

        corpus = load_large(copy.found, copy.reading, holdout, report, copy.check)
        return copy.corpus(corpus.text, corpus.note)
    if not found.is_large:
        return catalog.of_files(found, reading, files.look(found, reading), holdout)
    from engine.storage.large_texts import load_large  # imports NumPy, which small texts load later

    return load_large(found, reading, holdout, report)


def kept_corpus(info: RunInfo, text: Text) -> Corpus:
    """The text of a saved run."""
    source = info.corpus
    return Corpus(
        name=source.name,
        text=text,
        source=source.source,
        license=source.license,
        documents=source.documents,
        held_out=source.held_out,
    )


def holdout_of(config: RunConfig) -> Holdout | None:
    """Which documents of its text a run holds out, whole; None: none."""
    train = config.train
    return Holdout(train.seed, train.val_fraction) if train.val_documents else None


def info_of(corpus: Corpus, digest: str, characters: str) -> CorpusInfo:
    """What `run.json` says of a text."""
    return CorpusInfo(
        corpus.name,
        corpus.source,
        corpus.license,
        digest,
        characters,
        corpus.documents,
        corpus.held_out,
    )
