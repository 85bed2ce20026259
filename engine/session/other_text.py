"""The text that a run is trained on in place of its own (`text.train_on`)."""

from typing import NamedTuple

from data.catalog import Corpus
from data.catalog import load as load_corpus
from data.lookalikes import mapped
from data.safe_text import safe_text
from data.text import Text, distinct
from engine.config import RunConfig
from engine.settings import errors_about
from engine.storage.corpus_text import sha256_of
from engine.storage.run_info import CorpusInfo

MOST_SHOWN = 20
"""Unknown characters that are named."""


class OtherText(NamedTuple):
    """The text, in characters of the run's own, and what `run.json` says of it."""

    text: str = ""
    info: CorpusInfo | None = None
    note: str = ""
    """One sentence about characters that the run's own text lacks, or empty."""

    @property
    def name(self) -> str:
        """What it is called; empty: there is none."""
        return self.info.name if self.info else ""


NONE = OtherText()


def load_other(config: RunConfig, own: Text, characters: Text) -> OtherText:
    """The text that a config names. `own`: the run's text; `characters`: a text with those of its
    vocabulary, in which the other is written, since they are what its held-out part consists of.

    ValueError, with a user-facing message, if it cannot be used.
    """
    given = config.text.train_on
    if not given:
        return NONE
    if given == "-":
        raise ValueError("text.train_on is a file, a folder or a text by its name, not '-'.")
    with errors_about("text.train_on"):
        corpus = load_corpus(given)
    if sha256_of(corpus.text) == sha256_of(own):
        raise ValueError(
            "text.train_on is the run's own text: its held-out part would be trained on."
        )
    text, unknown = mapped(corpus.text[:], frozenset(distinct(characters)))
    kept = CorpusInfo(
        corpus.name,
        corpus.source,
        corpus.license,
        sha256_of(text),
        "".join(sorted(set(text))),
    )
    return OtherText(text, kept, _note(corpus, unknown))


def _note(corpus: Corpus, unknown: dict[str, str]) -> str:
    if not unknown:
        return ""
    named = safe_text("".join(unknown)[:MOST_SHOWN]) + ("…" if len(unknown) > MOST_SHOWN else "")
    return f"replaced or left out in {corpus.name}: {named}"
