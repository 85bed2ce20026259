"""The tokenizer of a run as `tokenizer.json`, which the library tokenizers reads.

Where a token is a character, that is byte-pair encoding without merges: it drops a character that it
does not know, as the app does. The text is split by a pattern that takes any character, line breaks
too; what is decoded is joined without spaces. Bytes are byte-level BPE without merges, and what bpe
has learned is the file that is kept with the run.
"""

from typing import Any

import msgspec

from engine.export.hf_settings import Settings
from engine.model.byte_level import ByteLevel, ByteTokenizer
from engine.model.tokenizer import Tokenizer, Vocabulary
from engine.model.tokenizer_file import bpe_model, file_of
from engine.storage.tokenizer_file import known_tokenizer


def check_tokenizer(tokenizer: Tokenizer) -> None:
    """ValueError, with a user-facing message, for characters that no file can hold."""
    halves = [c for c in tokenizer.characters if "\ud800" <= c <= "\udfff"]
    if halves:
        raise ValueError(
            f"The text has {len(halves)} halves of characters (lone surrogates, such as "
            f"U+{ord(halves[0]):04X}): no tokenizer file can hold them."
        )


def token_bytes(tokenizer: Tokenizer) -> tuple[bytes, ...]:
    """Each token in UTF-8, in the order of the ids."""
    if isinstance(tokenizer, ByteLevel):
        return tokenizer.tokens
    return tuple(character.encode() for character in tokenizer.characters)


def tokenizer_content(tokenizer: Tokenizer) -> bytes:
    """The content of `tokenizer.json`."""
    if tokenizer.file:
        return tokenizer.file
    if isinstance(tokenizer, ByteLevel):
        return file_of((), tokenizer.tokens)
    content = _of_characters(tokenizer.characters)
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def tokenizer_in(content: bytes, settings: Settings) -> Tokenizer:
    """The tokenizer of an exported folder by its `tokenizer.json`. ValueError, with a user-facing
    message, if it is not that of the run."""
    if settings.config.model.tokenizer == "characters":
        if settings.corpus.characters != characters_in(content):
            raise ValueError("The characters in tokenizer.json are not those in tinygpt.json.")
        return Vocabulary(settings.corpus.characters)
    if settings.config.model.tokenizer == "bytes":
        tokenizer = ByteTokenizer(settings.corpus.characters)
        if content != tokenizer_content(tokenizer):
            raise ValueError("tokenizer.json is not that of bytes.")
        return tokenizer
    config, characters = settings.config.model, settings.corpus.characters
    return known_tokenizer(config, characters, settings.tokenizer, content)


def _of_characters(characters: str) -> dict[str, Any]:
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
        "model": bpe_model({character: i for i, character in enumerate(characters)}, []),
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
