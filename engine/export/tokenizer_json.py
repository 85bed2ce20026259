"""The vocabulary as `tokenizer.json`, which the library tokenizers reads: a token a character.

Byte-pair encoding without merges: it drops a character that it does not know, as the app does. The
text is split by a pattern that takes any character, line breaks too; what is decoded is joined
without spaces.
"""

from typing import Any

import msgspec

from engine.model.tokenizer import Tokenizer, Vocabulary


def check_characters(tokenizer: Tokenizer) -> Vocabulary:
    """ValueError, with a user-facing message, for characters that no JSON can hold."""
    if not isinstance(tokenizer, Vocabulary):
        raise ValueError(  # noqa: TRY004  (for the user)
            "Only a run whose tokens are characters can be exported in this format."
        )
    vocabulary = tokenizer
    halves = [c for c in vocabulary.characters if "\ud800" <= c <= "\udfff"]
    if halves:
        raise ValueError(
            f"The text has {len(halves)} halves of characters (lone surrogates, such as "
            f"U+{ord(halves[0]):04X}): no tokenizer file can hold them."
        )
    return vocabulary


def tokenizer_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """The content of `tokenizer.json`."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": r"[\s\S]"},
            "behavior": "Isolated",
            "invert": False,
        },
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {character: i for i, character in enumerate(vocabulary.characters)},
            "merges": [],
        },
    }


class _Model(msgspec.Struct):
    vocab: dict[str, int]
    merges: msgspec.Raw  # not read: a long list would take much memory


class _Tokenizer(msgspec.Struct):
    model: _Model


def characters_in(content: bytes) -> str:
    """The characters of a `tokenizer.json`, in the order of their ids. ValueError, with a
    user-facing message, if it is not one of characters."""
    try:
        model = msgspec.json.decode(content, type=_Tokenizer).model
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"tokenizer.json cannot be read: {error}.") from None
    characters = sorted(model.vocab, key=lambda character: model.vocab[character])
    ids = [model.vocab[character] for character in characters]
    in_order = characters == sorted(characters) and ids == list(range(len(ids)))
    single = all(len(character) == 1 for character in characters)
    if not characters or bytes(model.merges) != b"[]" or not (in_order and single):
        raise ValueError("tokenizer.json does not have a token for each character, in their order.")
    return "".join(characters)
