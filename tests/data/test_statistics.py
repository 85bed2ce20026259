"""The measured figures against figures worked out by hand."""

from collections import Counter
from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import statistics
from data.statistics import FREQUENT, measure


def test_by_hand() -> None:
    # a a b a: pairs aa, ab, ba. After a comes a or b, evenly; after b always a.
    statistics = measure("aaba")
    assert statistics.characters == 4
    assert statistics.lines == 1
    assert statistics.vocabulary == ("a", "b")
    assert statistics.frequent == (("a", 3), ("b", 1))
    assert statistics.uniform_loss == pytest.approx(log(2))
    assert statistics.unigram_entropy == pytest.approx(-0.75 * log(0.75) - 0.25 * log(0.25))
    assert statistics.bigram_entropy == pytest.approx(2 / 3 * log(2))


def test_what_repeats_is_certain() -> None:
    statistics = measure("ab" * 50)
    assert statistics.unigram_entropy == pytest.approx(log(2))
    assert statistics.bigram_entropy == pytest.approx(0.0)


@pytest.mark.parametrize(("text", "lines"), [("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)])
def test_lines(text: str, lines: int) -> None:
    assert measure(text).lines == lines


@pytest.mark.parametrize("text", ["", "x"])
def test_too_little_to_be_uncertain_of(text: str) -> None:
    statistics = measure(text)
    figures = (
        statistics.uniform_loss,
        statistics.unigram_entropy,
        statistics.bigram_entropy,
    )
    assert [str(figure) for figure in figures] == ["0.0"] * 3
    assert statistics.lines == len(text)


def test_ties_go_by_character_and_the_list_is_short() -> None:
    frequent = measure("zyxwvutsrqponmlkjihgfedcba").frequent
    assert frequent == tuple((character, 1) for character in "abcdefghijklmnop")
    assert len(frequent) == FREQUENT


@given(st.text(min_size=2))
def test_to_know_more_is_to_lose_less(text: str) -> None:
    statistics = measure(text)
    assert 0 <= statistics.unigram_entropy <= statistics.uniform_loss + 1e-9
    assert 0 <= statistics.bigram_entropy <= statistics.uniform_loss + 1e-9
    assert sum(count for _, count in statistics.frequent) <= statistics.characters


def plain(text: str) -> float:
    """H(X | previous character), counted as it is defined."""
    pairs, before = Counter(pairwise(text)), Counter(text[:-1])
    total = len(text) - 1
    return -sum(n / total * log(n / before[first]) for (first, _), n in pairs.items())


@given(st.text(min_size=2), st.integers(1, 5))
def test_pieces_change_nothing(text: str, piece: int) -> None:
    """Neither where the pieces end nor whether the table of pairs fits into one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "PIECE", piece)
        in_pieces = measure(text)
    whole = measure(text)
    assert (
        in_pieces.frequent
        == whole.frequent
        == tuple(sorted(Counter(text).items(), key=lambda item: (-item[1], item[0]))[:FREQUENT])
    )
    assert in_pieces.bigram_entropy == pytest.approx(plain(text), abs=1e-9)
    assert whole.bigram_entropy == pytest.approx(plain(text), abs=1e-9)


def test_surrogates_are_characters_like_others() -> None:
    assert measure("a\udc80a").vocabulary == ("a", "\udc80")
