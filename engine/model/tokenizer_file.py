"""The `tokenizer.json` of a byte-level tokenizer, as the library tokenizers and transformers read it.

Everything in it follows from the pairs of tokens that are joined, in their order, so a file that says
anything else is refused: it may come from anybody.
"""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from data.safe_text import safe_text
from engine.model.byte_level import BYTE, SIGN

Merge = tuple[bytes, bytes]

MOST_TOKENS = 65_536
LONGEST_TOKEN = 64
"""Bytes; the longest that are learned."""
FILE_LIMIT = 1 << 24
"""Bytes read of a `tokenizer.json`; one of the most tokens has about four million."""
_LETTERS = tuple(bytes([BYTE[sign]]) for sign in sorted(SIGN.values()))
"""The tokens of one byte, in the order in which the library numbers them."""


class Merges(NamedTuple):
    """What a byte-level tokenizer has learned."""

    merges: tuple[Merge, ...]
    tokens: tuple[bytes, ...]
    """In the order of their ids: those of one byte, then what each merge makes."""


def merged(merges: tuple[Merge, ...]) -> Merges:
    """The tokens that these merges make. ValueError, with a clause, if they are not in order."""
    tokens = dict.fromkeys(_LETTERS)
    for left, right in merges:
        if left not in tokens or right not in tokens or len(left + right) > LONGEST_TOKEN:
            raise ValueError("a merge of tokens that it does not have")
        tokens[left + right] = None
        if len(tokens) > MOST_TOKENS:
            raise ValueError(f"more than {MOST_TOKENS:,} tokens")
    return Merges(merges, tuple(tokens))


def bpe_model(vocab: dict[str, int], merges: list[list[str]]) -> dict[str, object]:
    """The `model` of a `tokenizer.json`: tokens with their ids, and the merges in their order."""
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": vocab,
        "merges": merges,
    }


def file_of(merges: tuple[Merge, ...], tokens: tuple[bytes, ...]) -> bytes:
    """The content of a `tokenizer.json` with these tokens, in the order of their ids."""
    model = bpe_model(
        {signs(token): id_ for id_, token in enumerate(tokens)},
        [[signs(left), signs(right)] for left, right in merges],
    )
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    content: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {**byte_level, "use_regex": True},
        "post_processor": None,
        "decoder": {**byte_level, "use_regex": True},
        "model": model,
    }
    return msgspec.json.format(msgspec.json.encode(content))


class _Model(Struct):
    merges: list[tuple[str, str]]


class _File(Struct):
    model: _Model


def learned_in(content: bytes) -> Merges:
    """What a `tokenizer.json` of the library says. ValueError, with a user-facing message, for one
    that is not byte-level BPE."""
    try:
        pairs = msgspec.json.decode(content, type=_File).model.merges
        return merged(tuple((unsigned(left), unsigned(right)) for left, right in pairs))
    except (ValueError, KeyError, RecursionError) as error:
        raise ValueError(f"tokenizer.json cannot be read: {safe_text(str(error))}.") from None


def merges_in(content: bytes) -> Merges:
    """What a `tokenizer.json` of this program says. ValueError, with a user-facing message, for any
    other."""
    found = learned_in(content)
    if content != file_of(*found):
        raise ValueError("tokenizer.json is not as this program writes it.")
    return found


def signs(token: bytes) -> str:
    """A token as such files have it: a character for each byte."""
    return "".join(SIGN[byte] for byte in token)


def unsigned(text: str) -> bytes:
    """A token as such files have it, in bytes. KeyError for other characters."""
    return bytes(BYTE[sign] for sign in text)
