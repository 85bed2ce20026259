"""Byte-level byte pair encoding (Sennrich et al. 2016, as in GPT-2), by the library tokenizers: an
extra, which is imported when the first such tokenizer is made."""

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from data.text import CHUNK, Text
from engine.model.byte_level import ByteLevel
from engine.model.tokenizer_file import LONGEST_TOKEN, file_of, learned_in, merges_in, signs

LOOKED_AT = 256
"""Characters that are looked at together, for the end of a word."""
SHORT = 1 << 14
"""Characters of the pieces that the library learns from."""
MOST_READ = 1 << 26
"""Characters that the tokens are learned from, at most: of a longer text, pieces evenly spread."""


class BPETokenizer(ByteLevel):
    """Tokens that often stand together in the training text, down to single bytes."""

    def __init__(self, characters: str, content: bytes) -> None:
        """`content`: of the `tokenizer.json`. ValueError, with a user-facing message, if it cannot be
        read, or the library is missing."""
        found = merges_in(content)
        super().__init__(characters, found.tokens)
        self.file = content
        self.merges = found.merges
        _check_installed()
        from tokenizers import models

        ids = {signs(token): id_ for id_, token in enumerate(found.tokens)}
        pairs = [(signs(left), signs(right)) for left, right in found.merges]
        self._encoder = _byte_level(models.BPE(vocab=ids, merges=pairs))

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._encoder.encode(text, add_special_tokens=False).ids
        return ids

    def cut(self, text: Text, start: int) -> int:
        return word_end(text, start, CHUNK)


def word_end(text: Text, start: int, length: int) -> int:
    """The end of a piece of about that length that begins at `start`: before white space that follows
    something else, where no token goes on."""
    end = start + length
    while end < len(text):
        near = text[end - 1 : end + LOOKED_AT]
        for offset, (before, character) in enumerate(pairwise(near)):
            if character in " \n" and not before.isspace():
                return end + offset
        end += LOOKED_AT
    return len(text)


def learn(text: Text, size: int) -> bytes:
    """The `tokenizer.json` of `size` tokens learned from a text, or of fewer if the text is short;
    the same each time. ValueError, with a user-facing message, if the library is missing."""
    _check_installed()
    from tokenizers import models, pre_tokenizers, trainers

    tokenizer = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN,
    )
    tokenizer.train_from_iterator(_read(text), trainer)
    return file_of(*learned_in(tokenizer.to_str().encode()))


def _byte_level(model: Any) -> Any:
    from tokenizers import Tokenizer, pre_tokenizers

    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def _check_installed() -> None:
    if find_spec("tokenizers") is None:
        raise ValueError(
            "Tokens of model.tokenizer=bpe need a package that is not installed: "
            "pip install 'tinygpt-tui[bpe]'."
        )


def _read(text: Text) -> Iterator[str]:
    """The text in pieces; of a long one as many of them as are read, evenly spread."""
    every = max(1, -(-len(text) // MOST_READ))
    start, number = 0, 0
    while start < len(text):
        end = word_end(text, start, CHUNK)
        if number % every == 0:
            yield from _in_words(text[start:end])
        start, number = end, number + 1


def _in_words(text: str) -> Iterator[str]:
    """A text in short pieces, each of whole words: the library holds 256 of them at a time."""
    start = 0
    while start < len(text):
        end = word_end(text, start, SHORT)
        yield text[start:end]
        start = end
