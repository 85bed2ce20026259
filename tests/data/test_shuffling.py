"""A shuffled text has the same characters; what is shuffled loses its order, and nothing else."""

import re
from collections import Counter

from data.shuffling import shuffled

TEXT = "The owl was up,\n\nbefore the moon, and\ncounted every star: \ud800é\n"


def test_characters_words_or_lines_change_their_places_and_nothing_else_does() -> None:
    for unit in ("characters", "words", "lines"):
        result = shuffled(TEXT, unit, 1)
        assert result != TEXT
        assert Counter(result) == Counter(TEXT)
        assert shuffled(TEXT, unit, 1) == result
        assert shuffled(TEXT, unit, 2) != result
        assert shuffled("", unit, 1) == ""
    words, lines = shuffled(TEXT, "words", 1), shuffled(TEXT, "lines", 1)
    assert sorted(words.split()) == sorted(TEXT.split())
    assert re.findall(r"\s+", words) == re.findall(r"\s+", TEXT)
    assert sorted(lines.split("\n")) == sorted(TEXT.split("\n"))
    assert [not line for line in lines.split("\n")] == [not line for line in TEXT.split("\n")]


def test_the_order_is_the_same_in_every_version() -> None:
    """A run that was saved has to go on with the text that it began with."""
    assert shuffled("abcdefghij", "characters", 1) == "cjgeadbhif"
    assert shuffled("one two  three\nfour", "words", 7) == "three two  one\nfour"
