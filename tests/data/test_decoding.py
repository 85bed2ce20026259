"""A file that is decoded in pieces is the same text as one that is decoded whole."""

import random
from collections.abc import Callable
from functools import partial

from data.decoding import Decoded, decode, look_through

LETTERS = (
    "a",
    "b\r\n",
    "\r",
    "\n",
    "é",
    "ü",
    "я",
    "日",
    "😀",
    "\ufeff",
    "\ufffd",
    " word ",
    "\x1b",
)
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-32", "cp1252", "cp1251", "shift-jis", "utf-8-sig")


def in_pieces(content: bytes, encoding: str, cuts: list[int]) -> Decoded:
    pieces = [content[i:j] for i, j in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    decoding = look_through(lambda: pieces, "a.txt", encoding)
    text = "".join(decoding.pieces(lambda: pieces))
    return Decoded(text, decoding.replaced, decoding.guessed)


def outcome(decode: Callable[[], Decoded]) -> Decoded | str:
    """What was decoded, or the message of the refusal."""
    try:
        return decode()
    except ValueError as refusal:
        return str(refusal)


def test_cuts_anywhere_change_nothing() -> None:
    rng = random.Random(1)
    decoded = 0
    for _ in range(3_000):
        encoding = rng.choice(ENCODINGS)
        text = "".join(rng.choices(LETTERS, k=rng.randrange(1, 60)))
        content = bytearray(text.encode(encoding, "ignore"))
        for _ in range(rng.choice((0, 0, 1, 3)) if content else 0):
            content[rng.randrange(len(content))] = rng.randrange(256)
        named = rng.choice(("", encoding))
        cuts = sorted(rng.randrange(len(content) + 1) for _ in range(4))
        whole = outcome(partial(decode, bytes(content), "a.txt", named))
        assert outcome(partial(in_pieces, bytes(content), named, cuts)) == whole
        decoded += isinstance(whole, Decoded)
    assert decoded > 1_000
