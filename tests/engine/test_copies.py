"""What is copied, against a search by brute force."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.insight.copies import SHORTEST, CopyIndex, Ids, Span

T = TypeVar("T")


def ids_of(text: str) -> Ids:
    return np.array([ord(character) for character in text], np.int32)


def last(work: Iterator[float | T]) -> T:
    """The result of work in slices."""
    *fractions, result = work
    assert all(isinstance(fraction, float) and 0 <= fraction <= 1 for fraction in fractions)
    assert not isinstance(result, float)
    return result


def spans_of(text: str, query: str, shortest: int = SHORTEST, chunk_bits: int = 18) -> list[Span]:
    index = CopyIndex(ids_of(text), shortest, chunk_bits)
    for _ in index.build():
        pass
    return last(index.find(ids_of(query)))


def longest_by_brute_force(text: str, query: str, shortest: int) -> list[int]:
    """For each character of the query, the length of the longest copy that covers it."""
    longest = [0] * len(query)
    for start in range(len(query)):
        for end in range(start + shortest, len(query) + 1):
            if query[start:end] in text:
                for covered in range(start, end):
                    longest[covered] = max(longest[covered], end - start)
    return longest


def check(text: str, query: str, shortest: int, chunk_bits: int) -> None:
    spans = spans_of(text, query, shortest, chunk_bits)
    longest = [0] * len(query)
    ended = 0
    for start, end, copy in spans:
        assert ended <= start < end, "in order, and none covers another"
        assert copy.start <= start, "within the copy"
        assert end <= copy.end, "within the copy"
        length = copy.end - copy.start
        assert text[copy.place : copy.place + length] == query[copy.start : copy.end]
        longest[start:end] = [length] * (end - start)
        ended = end
    assert longest == longest_by_brute_force(text, query, shortest)


@given(
    st.text("ab", max_size=120),
    st.text("abc", max_size=60),
    st.integers(1, 9),
    st.integers(0, 4),
)
@example("", "", 1, 0)
@example("a", "a", 1, 0)
@example("a" * 100, "a" * 50, 5, 2)
@example("ab" * 50, "ba" * 20, 7, 2)
def test_it_finds_what_a_search_by_brute_force_finds(
    text: str, query: str, shortest: int, chunk_bits: int
) -> None:
    check(text, query, shortest, chunk_bits)


@given(st.text("ab", min_size=40, max_size=120), st.data())
def test_pieces_of_the_text_are_found_wherever_they_are(text: str, data: st.DataObject) -> None:
    starts = st.integers(0, len(text) - 1)
    pieces = data.draw(st.lists(st.tuples(starts, st.integers(1, 40)), max_size=4))
    query = "c".join(text[start : start + length] for start, length in pieces)

    check(text, query, 6, 2)


VERSE = "Now is the winter of our discontent made glorious summer by this sun of York;\n"


@pytest.mark.parametrize(("first", "length"), [(0, 20), (0, 21), (57, 20), (58, 20), (0, 78)])
def test_a_copy_of_the_very_beginning_and_of_the_very_end(first: int, length: int) -> None:
    copied = VERSE[first : first + length]
    query = f"###{copied}###"

    (span,) = spans_of(VERSE, query)

    assert (span.start, span.end) == (3, 3 + length)
    assert span.copy.place == first


@pytest.mark.parametrize("length", range(20))
def test_what_is_shorter_than_twenty_characters_is_no_copy(length: int) -> None:
    assert spans_of(VERSE, VERSE[:length]) == []
    assert spans_of(VERSE[:length], VERSE) == []
    assert spans_of(VERSE, VERSE[5 : 5 + length] + "###" + VERSE[40 : 40 + length]) == []


def test_copies_that_touch_are_two_if_they_come_from_different_places() -> None:
    query = VERSE[30:55] + VERSE[0:25]

    spans = spans_of(VERSE, query)

    assert [(span.start, span.end, span.copy.place) for span in spans] == [(0, 25, 30), (25, 50, 0)]


def test_of_copies_that_overlap_the_longest_comes_first() -> None:
    """The end of one is the beginning of the other: it goes to the longer one."""
    short, long = "abcdefghijklmnopqrstuvwxyz", "xyz0123456789ABCDEFGHIJKLMNOPQ"
    query = short + long[3:]

    spans = spans_of(f"{short}#{long}", query)

    assert [(span.start, span.end) for span in spans] == [(0, 23), (23, 53)]
    assert spans[0].copy.end == 26


def test_a_copy_in_a_text_of_one_repeated_character() -> None:
    (span,) = spans_of("a" * 1_000, "a" * 100)
    assert (span.start, span.end) == (0, 100)


def test_a_long_text_of_one_repeated_character_does_not_take_long() -> None:
    index = CopyIndex(np.zeros(1_000_000, np.uint8))
    for _ in index.build():
        pass
    slices = sum(1 for _ in index.find(ids_of("\0" * 300 + "\1" + "\0" * 300)))
    assert slices < 500


def test_an_index_takes_a_byte_for_a_character_and_none_before_it_is_built() -> None:
    index = CopyIndex(np.arange(1 << 20, dtype=np.int32))
    assert index.size == 0
    fractions = list(index.build())
    assert index.size <= 1.01 * (1 << 20)
    assert fractions[-1] == 1.0


def test_building_goes_in_slices() -> None:
    index = CopyIndex(np.zeros(100_000, np.uint8), chunk_bits=10)
    assert len(list(index.build())) == 13
