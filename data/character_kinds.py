"""The kinds of characters: inside a word, its first letter, a capital, a space and so on."""

import unicodedata

KINDS = (
    "inside a word",
    "first letter",
    "capital",
    "digit",
    "space",
    "line end",
    "punctuation",
    "other",
)
"""Each character is of one kind. A capital is that, wherever it stands; letters of scripts without
capitals, and marks on letters, are inside a word or its first letter."""
INSIDE, FIRST, CAPITAL, DIGIT, SPACE, LINE_END, PUNCTUATION, OTHER = range(len(KINDS))
APOSTROPHES = "'’"
"""A letter after one of these is inside a word if another character of a word is before it."""


def kind_of(character: str) -> int:
    """The kind of a character, of which nothing is known of what stands before it: a small letter
    is `INSIDE`."""
    if (character + ".").splitlines() != [character + "."]:
        return LINE_END
    if character.isspace():
        return SPACE
    category = unicodedata.category(character)
    if category in ("Lu", "Lt"):
        return CAPITAL
    return {"L": INSIDE, "M": INSIDE, "N": DIGIT, "P": PUNCTUATION}.get(category[0], OTHER)


def continues_word(character: str) -> bool:
    """Whether a letter after it is inside a word."""
    joiner = unicodedata.category(character) == "Cf"
    return joiner or kind_of(character) in (INSIDE, CAPITAL, DIGIT)


def kind_at(text: str, index: int) -> int:
    """The kind of a character that stands in a text."""
    kind = kind_of(text[index])
    before = text[max(0, index - 2) : index]
    if before[-1:] in APOSTROPHES:
        before = before[:-1]
    inside = bool(before) and continues_word(before[-1])
    return FIRST if kind == INSIDE and not inside else kind
