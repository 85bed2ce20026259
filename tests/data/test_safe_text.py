"""Safe text cannot move the cursor, hide characters, or reverse the reading direction."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from data.safe_text import MAX_MARKS, safe_characters, safe_text

# Surrogates included: a file name may contain them.
any_text = st.text(st.characters() | st.characters(categories=["Cc", "Cf", "Cs"]))
lines = st.booleans()

# Korean vowels and final consonants, which combine with the preceding character.
JAMO = set(map(chr, (*range(0x1160, 0x1200), *range(0xD7B0, 0xD800))))


@given(any_text, lines)
def test_no_control_survives(text: str, keep: bool) -> None:
    allowed = {"\n"} if keep else set()
    for character in set(safe_text(text, lines=keep)) - allowed:
        assert unicodedata.category(character) not in ("Cc", "Cs")
        assert unicodedata.bidirectional(character) not in (
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        )  # fmt: skip


@given(any_text, lines)
def test_safe_text_is_idempotent(text: str, keep: bool) -> None:
    once = safe_text(text, lines=keep)
    assert safe_text(once, lines=keep) == once


@given(any_text, any_text, lines)
def test_a_text_may_be_split_anywhere(a: str, b: str, keep: bool) -> None:
    assert safe_text(a + b, lines=keep) == safe_text(a, lines=keep) + safe_text(b, lines=keep)


@given(any_text)
def test_only_marks_are_removed(text: str) -> None:
    marks = sum(unicodedata.category(each)[0] == "M" or each in JAMO for each in text)
    assert len(text) - marks <= len(safe_text(text)) <= len(text)


def test_excess_marks_and_variation_selectors_are_removed() -> None:
    assert safe_text("e" + "\u0301" * 9 + "x") == "e" + "\u0301" * MAX_MARKS + "x"
    assert safe_text("\u2764\ufe0f!") == "\u2764!"


def test_control_pictures() -> None:
    assert safe_text("\x1b[2J\n\x7f\x9b\u202e") == "␛[2J␊␡\ufffd\ufffd"
    assert safe_text("a\nb\tc", lines=True) == "a\nb␉c"


@given(any_text)
def test_safe_characters_are_one_for_one(text: str) -> None:
    pictures = safe_characters(text)
    assert len(pictures) == len(text)
    assert safe_text(pictures) == pictures


@given(any_text, any_text)
def test_safe_characters_before_a_cursor_do_not_depend_on_those_after(a: str, b: str) -> None:
    assert safe_characters(a + b).startswith(safe_characters(a))


def test_safe_characters_that_are_not_drawn_have_a_picture() -> None:
    assert (
        safe_characters("e" + "\u0301" * 6 + "\t\u200d")
        == "e" + "\u0301" * 4 + "\ufffd" * 2 + "␉\ufffd"
    )
    assert safe_characters("\u2764\ufe0f!") == "\u2764\ufffd!"


def test_excess_marks_of_every_script_are_removed() -> None:
    marks = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code))[0] == "M"]
    for mark in (*marks, *JAMO):
        assert len(safe_text("e" + mark * (MAX_MARKS + 1))) <= 1 + MAX_MARKS, ascii(mark)
