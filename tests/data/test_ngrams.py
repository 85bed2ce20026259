"""The n-gram models, against a computation with dictionaries, and xz."""

import lzma
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import ngrams
from data.ngrams import ORDERS, XZ, Rung, measure

VERSE = (
    "Now my charms are all o'erthrown,\nAnd what strength I have's mine own,\n"
    "Which is most faint: now, 'tis true,\nI must be here confined by you,\n"
)
SHORT = st.text("abc ", max_size=40)
ANY = st.text(st.characters(exclude_categories=()), max_size=40)


def rungs(training: str, validation: str, vocabulary: int) -> dict[str, float]:
    return dict(filter(None, measure(training, validation, vocabulary)))


def distinct(*texts: str) -> int:
    return len(set("".join(texts)))


class Counted:
    """Interpolated Kneser-Ney, by the book: every count from a walk over the training text."""

    def __init__(self, training: str, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self.occurs = [
            Counter(training[i : i + n] for i in range(len(training) - n + 1)) for n in range(8)
        ]
        self.different = [
            Counter(longer[1:] for longer in self.occurs[n + 1]) if n else Counter()
            for n in range(7)
        ]

    def probability(
        self, context: str, character: str, order: int, *, lower: bool = False
    ) -> float:
        if order == 0:
            return 1 / self.vocabulary
        shorter_context = context[1:] if order > 1 else ""
        if len(context) < order - 1:
            return self.probability(context, character, order - 1, lower=True)
        counts = self.different[order] if lower else self.occurs[order]
        shorter = self.probability(shorter_context, character, order - 1, lower=True)
        followers = {gram: n for gram, n in counts.items() if gram[:-1] == context and n > 0}
        if not followers:
            return shorter
        ones = sum(n == 1 for n in counts.values())
        twos = sum(n == 2 for n in counts.values())
        discount = ones / (ones + 2 * twos) if ones else 0.5
        kept = max(followers.get(context + character, 0) - discount, 0)
        return (kept + discount * len(followers) * shorter) / sum(followers.values())

    def loss(self, validation: str, order: int) -> float:
        return -math.fsum(
            math.log(self.probability(validation[max(0, i - order + 1) : i], validation[i], order))
            for i in range(1, len(validation))
        ) / (len(validation) - 1)


def check(training: str, validation: str, vocabulary: int) -> None:
    """The rungs are those of the dictionaries."""
    counted = Counted(training, vocabulary)
    found = rungs(training, validation, vocabulary)
    assert list(found) == list(ORDERS[: len(training) if len(validation) > 1 else 0])
    for order, name in enumerate(found, 1):
        assert found[name] == pytest.approx(counted.loss(validation, order), rel=1e-9)


@given(SHORT, SHORT)
def test_as_with_dictionaries(training: str, validation: str) -> None:
    check(training, validation, max(1, distinct(training, validation)))


@given(ANY, ANY, st.integers(0, 50_000))
def test_any_text(training: str, validation: str, others: int) -> None:
    """Surrogates, characters that the training part lacks, vocabularies of any size."""
    check(training, validation, max(1, distinct(training, validation)) + others)


def test_a_verse() -> None:
    check(VERSE, "Which strength is mine, now all are faint\n", 60)


@given(SHORT.filter(bool), SHORT, st.integers(0, 3))
def test_the_probabilities_of_all_characters_add_up_to_1(
    training: str, context: str, unseen: int
) -> None:
    """After any context, and with characters of the vocabulary that neither part has."""
    alphabet = "abc " + "xyz"[:unseen]
    context = f" {context}"
    of_context = rungs(training, context, len(alphabet))

    def log_probability(name: str, character: str) -> float:
        whole = -rungs(training, context + character, len(alphabet))[name] * len(context)
        return whole + of_context.get(name, 0.0) * (len(context) - 1)

    for name in ORDERS[: len(training)]:
        total = math.fsum(math.exp(log_probability(name, character)) for character in alphabet)
        assert total == pytest.approx(1.0, rel=1e-6)


def test_thousands_of_different_characters() -> None:
    text = "".join(chr(0x4E00 + (i * i) % 9_001) for i in range(20_000))
    found = rungs(text[:18_000], text[18_000:], distinct(text))
    assert list(found) == [*ORDERS, XZ]
    assert all(0 < loss < 2 * math.log(9_001) for loss in found.values())
    assert found["letter pairs"] < math.log(9_001) / 2, "the text repeats itself"


def test_a_long_text_is_taken_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the training part; places that are spread over the whole validation part."""
    training, validation = "a" * 300 + "b" * 100, "a" * 1_000 + "b" * 1_000
    monkeypatch.setattr(ngrams, "MOST_TRAINING", len(training))
    monkeypatch.setattr(ngrams, "MOST_VALIDATION", 100)
    found = rungs("c" * 999 + training, validation, 2)
    frequencies = (math.log(4 / 3) + math.log(4)) / 2
    assert found["letter frequencies"] == pytest.approx(frequencies, rel=0.01)


def test_xz_is_what_the_validation_part_adds_to_a_compressed_file() -> None:
    training, validation = VERSE * 20, (VERSE + VERSE[::-1]) * 10
    bits = 8 * (
        len(lzma.compress((training + validation).encode())) - len(lzma.compress(training.encode()))
    )
    expected = bits * math.log(2) / len(validation)
    assert rungs(training, validation, 60)[XZ] == pytest.approx(expected, abs=0.02)
    assert XZ not in rungs(training, validation[:999], 60), "too short to say anything"


def test_the_work_comes_in_many_slices() -> None:
    """Between two of them the engine carries out commands."""
    slices: list[Rung | None] = [*measure(VERSE * 2_000, VERSE * 20, 60)]
    assert slices.count(None) > len(VERSE * 4_000) / 40_000
