"""Text to ids and back: what a token is, and the tokenizer whose tokens are characters."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.text import CHUNK, Text

Ids = NDArray[np.uint8] | NDArray[np.int32]


class Tokenizer(ABC):
    """Cuts a text into tokens; the id of a token is its place among `pieces`.

    The ids of a text may be computed in pieces, as `cut` divides it, and joined: they are those of
    the whole.
    """

    file = b""
    """The content of the `tokenizer.json` that is kept with a run; empty: nothing need be kept, it
    follows from the characters of the text."""

    def __init__(self, characters: str) -> None:
        """`characters`: any text with the characters of the text that is trained on."""
        self.characters = "".join(sorted(set(characters)))
        """The distinct characters of the text that is trained on, in code point order."""
        self.opening = "\n" if "\n" in self.characters else self.characters[:1]
        """What stands for an empty prompt: the start of a line, where the text has lines."""

    @property
    @abstractmethod
    def pieces(self) -> Sequence[str]:
        """What each token is, to be shown; a byte that is part of a character as `\\xC3`."""

    def __len__(self) -> int:
        """The number of tokens."""
        return len(self.pieces)

    @property
    def sizes(self) -> list[int]:
        """The bytes of UTF-8 that each token takes."""
        return [len(piece.encode("utf-8", "surrogatepass")) for piece in self.pieces]

    @property
    def dtype(self) -> Any:
        """The smallest NumPy type that holds every id."""
        return np.uint8 if len(self) <= 256 else np.int32

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a text whose every character is known."""

    @abstractmethod
    def decode(self, ids: list[int]) -> str:
        """The text of these ids; U+FFFD for bytes that are no whole character."""

    def shown(self, ids: list[int]) -> str:
        """The same, with bytes that are no whole character as in `pieces`."""
        return self.decode(ids)

    @abstractmethod
    def stream(self) -> Callable[[int], str]:
        """Decodes a text as it grows: for each further id the characters that are complete with
        it, perhaps none."""

    @abstractmethod
    def is_known(self, character: str) -> bool:
        """Whether a character can be encoded."""

    def id_of(self, piece: str) -> int:
        """The id of a token by what it is shown as; -1: there is none."""
        return self.pieces.index(piece) if piece and piece in self.pieces else -1

    def starts(self, ids: list[int]) -> tuple[int, ...]:
        """Where in their text each of these ids begins, -1 within a character; empty where each is
        a character."""
        return ()

    def split_known(self, text: str) -> tuple[str, str]:
        """The part of `text` that is known, and each unknown character once, in order."""
        known = "".join(c for c in text if self.is_known(c))
        unknown = "".join(dict.fromkeys(c for c in text if not self.is_known(c)))
        return known, unknown

    def cut(self, text: Text, start: int) -> int:
        """The end of the piece of `text` that begins at `start`, about `CHUNK` characters on."""
        return min(len(text), start + CHUNK)

    def encoded(self, text: Text) -> Iterator[Ids]:
        """The ids of a long text whose every character is known, a piece at a time."""
        start = 0
        while start < len(text):
            end = self.cut(text, start)
            yield self.encode_piece(text[start:end])
            start = end

    def encode_piece(self, text: str) -> Ids:
        """(N,) ids of a piece, of `dtype`."""
        return np.array(self.encode(text), self.dtype)

    def encode_corpus(self, text: str) -> Tensor:
        """(N,) ids of a long text whose every character is known, of `dtype`."""
        pieces = list(self.encoded(text)) or [np.zeros(0, self.dtype)]
        return torch.from_numpy(pieces[0] if len(pieces) == 1 else np.concatenate(pieces))


class Vocabulary(Tokenizer):
    """A token for each distinct character of a text, in code point order."""

    def __init__(self, characters: str) -> None:
        super().__init__(characters)
        self._ids = {character: i for i, character in enumerate(self.characters)}
        points = np.array([ord(character) for character in self.characters], np.int64)
        self._table = np.zeros(points.max(initial=0) + 1, self.dtype)
        self._table[points] = np.arange(len(self))

    @property
    def pieces(self) -> str:
        return self.characters

    def __contains__(self, character: str) -> bool:
        return character in self._ids

    def is_known(self, character: str) -> bool:
        return character in self._ids

    def encode(self, text: str) -> list[int]:
        return [self._ids[character] for character in text]

    def encode_any(self, text: str) -> list[int]:
        """The ids of any text: -1 for a character that is not known."""
        return [self._ids.get(character, -1) for character in text]

    def id_of(self, piece: str) -> int:
        return self._ids.get(piece, -1)

    def decode(self, ids: list[int]) -> str:
        return "".join(self.characters[i] for i in ids)

    def stream(self) -> Callable[[int], str]:
        return self.characters.__getitem__

    def encode_piece(self, text: str) -> Ids:
        """By a table that all code points are looked up in at once."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        found: Ids = self._table[points]
        return found

    def encode_corpus(self, text: str) -> Tensor:
        ids = np.empty(len(text), self.dtype)  # the number is known: no piece is copied twice
        for first in range(0, len(text), CHUNK):
            ids[first : first + CHUNK] = self.encode_piece(text[first : first + CHUNK])
        return torch.from_numpy(ids)
