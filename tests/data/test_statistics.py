"""Statistics of a text against values computed by hand and from their definitions."""

from collections import Counter
from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import statistics
from data.statistics import MAX_FREQUENT, measure
from data.vocabulary import MAX_VOCABULARY


def test_a_small_text() -> None:
    # a a b a: pairs aa, ab, ba. After a comes a or b, evenly; after b always a.
    statistics = measure("aaba")
    assert statistics.characters == 4
    assert statistics.lines == 1
    assert statistics.vocabulary == ("a", "b")
    assert statistics.frequent == (("a", 3), ("b", 1))
    assert statistics.uniform_loss == pytest.approx(log(2))
    assert statistics.unigram_entropy == pytest.approx(-0.75 * log(0.75) - 0.25 * log(0.25))
    assert statistics.bigram_entropy == pytest.approx(2 / 3 * log(2))


def test_a_periodic_text_has_no_bigram_entropy() -> None:
    statistics = measure("ab" * 50)
    assert statistics.unigram_entropy == pytest.approx(log(2))
    assert statistics.bigram_entropy == pytest.approx(0.0)


@pytest.mark.parametrize(("text", "lines"), [("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)])
def test_lines(text: str, lines: int) -> None:
    assert measure(text).lines == lines


@pytest.mark.parametrize("text", ["", "x"])
def test_a_text_without_uncertainty_measures_as_positive_zeros(text: str) -> None:
    statistics = measure(text)
    figures = (
        statistics.uniform_loss,
        statistics.unigram_entropy,
        statistics.bigram_entropy,
    )
    assert [str(figure) for figure in figures] == ["0.0"] * 3
    assert statistics.lines == len(text)


def test_ties_are_sorted_by_character_and_the_list_is_limited() -> None:
    frequent = measure("zyxwvutsrqponmlkjihgfedcba").frequent
    assert frequent == tuple((character, 1) for character in "abcdefghijklmnop")
    assert len(frequent) == MAX_FREQUENT


@given(st.text(min_size=2))
def test_more_context_never_raises_the_loss(text: str) -> None:
    statistics = measure(text)
    assert 0 <= statistics.unigram_entropy <= statistics.uniform_loss + 1e-9
    assert 0 <= statistics.bigram_entropy <= statistics.uniform_loss + 1e-9
    assert sum(count for _, count in statistics.frequent) <= statistics.characters


def bigram_entropy(text: str) -> float:
    """H(X | previous character), from its definition."""
    pairs, before = Counter(pairwise(text)), Counter(text[:-1])
    total = len(text) - 1
    return -sum(n / total * log(n / before[first]) for (first, _), n in pairs.items())


@given(st.text(min_size=2), st.integers(1, 5))
def test_the_chunk_size_does_not_matter(text: str, chunk: int) -> None:
    """Neither for what is counted nor for how the pairs are counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "CHUNK", chunk)
        in_chunks = measure(text)
    whole = measure(text)
    assert (
        in_chunks.frequent
        == whole.frequent
        == tuple(sorted(Counter(text).items(), key=lambda item: (-item[1], item[0]))[:MAX_FREQUENT])
    )
    assert in_chunks.bigram_entropy == pytest.approx(bigram_entropy(text), abs=1e-9)
    assert whole.bigram_entropy == pytest.approx(bigram_entropy(text), abs=1e-9)


def test_lone_surrogates_are_counted() -> None:
    assert measure("a\udc80a").vocabulary == ("a", "\udc80")


def test_more_characters_than_a_language_has_are_refused() -> None:
    some = "".join(map(chr, range(0x10000, 0x10000 + MAX_VOCABULARY)))
    assert len(measure(some).vocabulary) == MAX_VOCABULARY
    with pytest.raises(ValueError, match="has 50,001 different characters"):
        measure(some + "x")
