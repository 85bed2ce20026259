"""What a person wants to know of a text: its size, its characters, and how predictable they are."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import log

FREQUENT = 16


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of a text, and what three simple guessers would lose on it, in nats a character."""

    characters: int
    lines: int
    """Lines as a person counts them: a last line without its newline is one, too."""
    vocabulary: tuple[str, ...]
    """The distinct characters, sorted."""
    frequent: tuple[tuple[str, int], ...]
    """The most frequent characters with their counts, most frequent first, ties by character."""
    uniform_loss: float
    """ln V: every character of the vocabulary held to be equally likely."""
    unigram_entropy: float
    """H(X): how often each character occurs is known."""
    bigram_entropy: float
    """H(X | previous character): how often each pair occurs is known, too."""


def measure(text: str) -> Statistics:
    """Statistics of a text, in time linear in its length. An empty text measures as all zeros."""
    counts = Counter(text)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Statistics(
        characters=len(text),
        lines=text.count("\n") + (text != "" and not text.endswith("\n")),
        vocabulary=tuple(sorted(counts)),
        frequent=tuple(ranked[:FREQUENT]),
        uniform_loss=log(len(counts)) if counts else 0.0,
        unigram_entropy=_entropy(counts),
        bigram_entropy=_conditional_entropy(text),
    )


def _entropy(counts: Counter[str]) -> float:
    total = counts.total()
    # Adding zero turns the -0.0 of a single character into 0.0.
    return -sum(n / total * log(n / total) for n in counts.values()) + 0.0


def _conditional_entropy(text: str) -> float:
    pairs = Counter(pairwise(text))
    before = Counter(text[:-1])
    total = len(text) - 1
    return -sum(n / total * log(n / before[first]) for (first, _), n in pairs.items()) + 0.0
