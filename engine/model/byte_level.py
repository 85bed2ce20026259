"""Tokenizers whose tokens are bytes, or several of them in a row: any text can be encoded."""

import codecs
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from engine.model.tokenizer import Ids, Tokenizer

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_REST = [byte for byte in range(256) if byte not in _PRINTABLE]
SIGN = {byte: chr(byte) for byte in _PRINTABLE} | {b: chr(256 + i) for i, b in enumerate(_REST)}
"""The character that stands for a byte in the files of byte-level tokenizers (GPT-2's)."""
BYTE = {sign: byte for byte, sign in SIGN.items()}


class ByteLevel(Tokenizer):
    """What tokenizers of bytes have in common. Halves of characters (lone surrogates) have no bytes
    in UTF-8: they are unknown."""

    def __init__(self, characters: str, tokens: Iterable[bytes]) -> None:
        """`characters`: of the text that is trained on. `tokens`: in the order of their ids."""
        super().__init__(characters)
        self.tokens = tuple(tokens)
        self._pieces = tuple(map(shown, self.tokens))

    @property
    def pieces(self) -> Sequence[str]:
        return self._pieces

    @property
    def sizes(self) -> list[int]:
        return [len(token) for token in self.tokens]

    def is_known(self, character: str) -> bool:
        return not "\ud800" <= character <= "\udfff"

    def decode(self, ids: list[int]) -> str:
        return b"".join(self.tokens[i] for i in ids).decode("utf-8", "replace")

    def shown(self, ids: list[int]) -> str:
        return shown(b"".join(self.tokens[i] for i in ids))

    def starts(self, ids: list[int]) -> tuple[int, ...]:
        decoder, end, found = codecs.getincrementaldecoder("utf-8")("replace"), 0, list[int]()
        for id_ in ids:
            pending, _ = decoder.getstate()
            found.append(-1 if pending else end)
            end += len(decoder.decode(self.tokens[id_]))
        return tuple(found)

    def stream(self) -> Callable[[int], str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return lambda id_: decoder.decode(self.tokens[id_])


class ByteTokenizer(ByteLevel):
    """A token for each of the 256 bytes; its id is its value."""

    def __init__(self, characters: str) -> None:
        super().__init__(characters, (bytes([byte]) for byte in range(256)))

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def encode_piece(self, text: str) -> Ids:
        return np.frombuffer(bytearray(text.encode()), np.uint8)  # writable, for torch


def shown(token: bytes) -> str:
    """A token as text, each byte that is no whole character as `\\xC3`."""
    text = token.decode("utf-8", "surrogateescape")
    return "".join(f"\\x{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in text)
