"""What a GGUF file says of the model and of its tokens, apart from the weights."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from engine.config import ModelConfig
from engine.export.apertus import XIELU
from engine.model.bpe import BPETokenizer
from engine.model.byte_level import SIGN
from engine.model.gpt import NORM_EPSILON
from engine.model.tokenizer import Tokenizer, Vocabulary
from engine.model.tokenizer_file import Merge, merged, signs, unsigned

Value = bool | int | float | str | list[int] | list[float] | list[str]
"""A value of the metadata; the whole numbers outside of lists are unsigned."""

ARCHITECTURE = "apertus"
END = "<|endoftext|>"
"""The token after those of the text: llama.cpp takes one of these for the end of a text otherwise."""
NORMAL, CONTROL = 1, 3
"""Kinds of tokens."""
CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
"""A conversation is one text that goes on: the model knows no other."""

_NO_MERGE = f"{SIGN[0xC0]} {SIGN[0xC0]}"
"""A merge of bytes that UTF-8 never has: llama.cpp refuses a file without merges."""


def shape(config: ModelConfig, context_length: int, vocabulary: int) -> dict[str, Value]:
    """The hyperparameters of a model with so many tokens, trained with this context length."""
    values: dict[str, Value] = {
        "vocab_size": vocabulary + 1,
        "context_length": context_length,
        "embedding_length": config.n_embd,
        "block_count": config.n_layer,
        "feed_forward_length": 4 * config.n_embd,
        "attention.head_count": config.n_head,
        "attention.head_count_kv": config.n_head,
        "attention.layer_norm_rms_epsilon": NORM_EPSILON,
        "rope.dimension_count": config.head_dim,
        "rope.freq_base": config.rope_base,
    }
    xielu = {f"xielu.{name}": [value] * config.n_layer for name, value in XIELU.items()}
    return {f"{ARCHITECTURE}.{name}": value for name, value in values.items()} | xielu


def tokenizer(tokens: tuple[bytes, ...], merges: list[str]) -> dict[str, Value]:
    """A tokenizer of these tokens, with the merges of `merges_of`."""
    end = len(tokens)
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": [*map(signs, tokens), END],
        "tokenizer.ggml.token_type": [NORMAL] * end + [CONTROL],
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": end,
        "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.suppress_tokens": [end],
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def tokens_in(fields: Mapping[str, Any]) -> tuple[tuple[bytes, ...], list[str]]:
    """The tokens of such a tokenizer and the merges that belong to them. ValueError if they are
    none that this program writes."""
    try:
        signed = fields["tokenizer.ggml.tokens"][:-1]
        tokens = tuple(map(unsigned, signed))
    except KeyError:
        raise ValueError("a token that is not of bytes") from None
    try:
        characters = [token.decode() for token in tokens]
    except UnicodeDecodeError:
        return tokens, _merges_in(fields, tokens)
    if any(len(character) != 1 for character in characters):
        raise ValueError("a token that is not one character")
    return tokens, _of_characters(tokens)


def merges_of(tokenizer: Tokenizer) -> list[str]:
    """What llama.cpp joins. It has no tokenizer of characters: its byte-level BPE is one if its
    merges join the bytes of one character and nothing else; a character that it does not know it
    drops, as the app does."""
    if isinstance(tokenizer, BPETokenizer):
        return _learned(tokenizer.merges)
    if isinstance(tokenizer, Vocabulary):
        return _of_characters(tuple(map(str.encode, tokenizer.characters)))
    return [_NO_MERGE]


def _learned(merges: tuple[Merge, ...]) -> list[str]:
    return [f"{signs(left)} {signs(right)}" for left, right in merges] or [_NO_MERGE]


def _merges_in(fields: Mapping[str, Any], tokens: tuple[bytes, ...]) -> list[str]:
    if tokens == tuple(bytes([byte]) for byte in range(256)):
        return [_NO_MERGE]
    pairs = [merge.split(" ") for merge in fields["tokenizer.ggml.merges"]]
    learned = merged(tuple((unsigned(a), unsigned(b)) for a, b in pairs))
    if learned.tokens != tokens:
        raise ValueError("tokens that its merges do not make")
    return _learned(learned.merges)


def _of_characters(tokens: tuple[bytes, ...]) -> list[str]:
    """The merges that make one token of the bytes of each character, from its first byte on. Since
    a first byte in UTF-8 never is a later one, no merge joins two characters."""
    merges = chain.from_iterable(
        (f"{token[:end]} {token[end]}" for end in range(1, len(token)))
        for token in map(signs, tokens)
    )
    return [*dict.fromkeys(merges)] or [_NO_MERGE]
