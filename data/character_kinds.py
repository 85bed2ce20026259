"""The kinds of characters: inside a word, its first letter, a capital, a space and so on; and those
of tokens, by their first characters."""

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
    "character part",
)
"""Each character is of one kind. A capital is that, wherever it stands; letters of scripts without
capitals, and marks on letters, are inside a word or its first letter."""
INSIDE, FIRST, CAPITAL, DIGIT, SPACE, LINE_END, PUNCTUATION, OTHER, PART = range(len(KINDS))
KINDS_OF_TOKENS = (KINDS[INSIDE], "word start", KINDS[CAPITAL], "number", *KINDS[SPACE:])
"""The same of tokens, which may be longer than a character, or a part of one."""
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


def kind_at(text: str, index: int, token: str = "") -> int:
    """The kind of a character that stands in a text, or of a `token` that begins there: that of its
    first character that is no space, if it has one. `token`: as it is shown, with bytes that are no
    whole character as `\\xC3`; `index`: -1 if it begins within a character."""
    if token:
        blanks = 0
        while blanks < len(token) - 1 and kind_of(token[blanks]) == SPACE:
            blanks += 1
        # What is shown of a byte is not what stands in the text.
        if index < 0 or text[index + blanks : index + blanks + 1] != token[blanks]:
            return PART
        index += blanks
    kind = kind_of(text[index])
    before = text[max(0, index - 2) : index]
    if before[-1:] in APOSTROPHES:
        before = before[:-1]
    inside = bool(before) and continues_word(before[-1])
    return FIRST if kind == INSIDE and not inside else kind
