"""Characters that stand for others that they resemble."""

import unicodedata

PUNCTUATION = {
    **dict.fromkeys("‘’‚‛`´′", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\t\v\f\u2028\u2029", " "),
    '"': "'",
}


def lookalike(character: str, known: frozenset[str]) -> str:
    """What stands for a character where only `known` ones can be written: the letters that it is
    made of, without accents, or the like sign, or the same letter in the other case. Empty: nothing
    does."""
    parts = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    typed = "".join(PUNCTUATION.get(part, part) for part in plain)
    for candidate in (plain, typed, PUNCTUATION.get(typed, ""), typed.swapcase()):
        if candidate and known.issuperset(candidate):
            return candidate
    return ""


def mapped(text: str, known: frozenset[str]) -> tuple[str, dict[str, str]]:
    """The text in known characters, and what stands for each that is not known, in the order in which
    they come."""
    unknown = dict.fromkeys(character for character in text if character not in known)
    stands_for = {character: lookalike(character, known) for character in unknown}
    return text.translate({ord(one): other for one, other in stands_for.items()}), stands_for
