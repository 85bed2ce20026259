"""What a GGUF file says of the model and of its characters, apart from the weights."""

from itertools import chain

from engine.config import ModelConfig
from engine.export.apertus import XIELU
from engine.model.gpt import NORM_EPSILON
from engine.model.rope import ROPE_BASE

Value = bool | int | float | str | list[int] | list[float] | list[str]
"""A value of the metadata; the whole numbers outside of lists are unsigned."""

ARCHITECTURE = "apertus"
END = "<|endoftext|>"
"""The token after the characters: llama.cpp takes a character for the end of a text otherwise."""
NORMAL, CONTROL = 1, 3
"""Kinds of tokens."""
CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
"""A conversation is one text that goes on: the model knows no other."""

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(0x100) if byte not in _PRINTABLE]
_SYMBOLS = {byte: chr(byte) for byte in _PRINTABLE} | {
    byte: chr(0x100 + place) for place, byte in enumerate(_OTHERS)
}
"""What stands for each byte in the tokens of a byte-level BPE (GPT-2)."""
_BYTES = {symbol: byte for byte, symbol in _SYMBOLS.items()}
_NO_MERGE = f"{_SYMBOLS[0xC0]} {_SYMBOLS[0xC0]}"
"""A merge of bytes that UTF-8 never has: llama.cpp refuses a file without merges."""


def shape(config: ModelConfig, context_length: int, vocabulary: int) -> dict[str, Value]:
    """The hyperparameters of a model with so many characters, trained with this context length."""
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
        "rope.freq_base": ROPE_BASE,
    }
    xielu = {f"xielu.{name}": [value] * config.n_layer for name, value in XIELU.items()}
    return {f"{ARCHITECTURE}.{name}": value for name, value in values.items()} | xielu


def tokenizer(characters: str) -> dict[str, Value]:
    """A tokenizer of these characters.

    llama.cpp has none of characters. Its byte-level BPE is one if its merges join the bytes of one
    character and nothing else; a character that it does not know it drops, as the app does.
    """
    end = len(characters)
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": [*map(_token, characters), END],
        "tokenizer.ggml.token_type": [NORMAL] * end + [CONTROL],
        "tokenizer.ggml.merges": _merges(characters),
        "tokenizer.ggml.bos_token_id": end,
        "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.suppress_tokens": [end],
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def characters_of(tokens: list[str]) -> str:
    """The characters of the tokens of such a tokenizer. ValueError if they are not one each."""
    try:
        characters = [bytes(_BYTES[s] for s in token).decode() for token in tokens[:-1]]
    except KeyError:
        raise ValueError("a token that is not of bytes") from None
    if any(len(character) != 1 for character in characters):
        raise ValueError("a token that is not one character")
    return "".join(characters)


def _token(character: str) -> str:
    """A symbol for each byte of its UTF-8."""
    return "".join(_SYMBOLS[byte] for byte in character.encode())


def _merges(characters: str) -> list[str]:
    """The merges that make one token of the bytes of each character, from its first byte on. Since
    a first byte in UTF-8 never is a later one, no merge joins two characters."""
    merges = chain.from_iterable(
        (f"{token[:end]} {token[end]}" for end in range(1, len(token)))
        for token in map(_token, characters)
    )
    return [*dict.fromkeys(merges)] or [_NO_MERGE]
