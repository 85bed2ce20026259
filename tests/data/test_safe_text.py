"""Nothing that passes the door can move a cursor, hide, or turn the reading around."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from data.safe_text import safe_text

# Surrogates, too: a name of a file may hold them.
any_text = st.text(st.characters() | st.characters(categories=["Cc", "Cf", "Cs"]))
lines = st.booleans()


@given(any_text, lines)
def test_no_control_survives(text: str, keep: bool) -> None:
    allowed = {"\n"} if keep else set()
    for character in set(safe_text(text, lines=keep)) - allowed:
        assert unicodedata.category(character) not in ("Cc", "Cs")
        assert unicodedata.bidirectional(character) not in (
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        )  # fmt: skip


@given(any_text, lines)
def test_twice_is_once(text: str, keep: bool) -> None:
    once = safe_text(text, lines=keep)
    assert safe_text(once, lines=keep) == once


@given(any_text, any_text, lines)
def test_a_text_may_be_cut_anywhere(a: str, b: str, keep: bool) -> None:
    assert safe_text(a + b, lines=keep) == safe_text(a, lines=keep) + safe_text(b, lines=keep)


@given(any_text)
def test_no_character_is_lost(text: str) -> None:
    assert len(safe_text(text)) == len(text)


def test_pictures() -> None:
    assert safe_text("\x1b[2J\n\x7f\x9b\u202e") == "␛[2J␊␡\ufffd\ufffd"
    assert safe_text("a\nb\tc", lines=True) == "a\nb␉c"
