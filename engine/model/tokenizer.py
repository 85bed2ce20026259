"""Characters to ids and back."""

import numpy as np
import torch
from torch import Tensor

CHUNK = 1 << 20
"""Characters that are encoded at a time, which bounds the memory for a large text."""


class Vocabulary:
    """The distinct characters of a text, in code point order; a character's id is its place."""

    def __init__(self, characters: str) -> None:
        """`characters`: any text; each of its characters gets an id."""
        self.characters = "".join(sorted(set(characters)))
        self._ids = {character: i for i, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: str) -> bool:
        return character in self._ids

    def encode(self, text: str) -> list[int]:
        """The ids of a text whose every character is known."""
        return [self._ids[character] for character in text]

    def encode_any(self, text: str) -> list[int]:
        """The ids of any text: -1 for a character that is not known."""
        return [self._ids.get(character, -1) for character in text]

    def decode(self, ids: list[int]) -> str:
        """The text of these ids."""
        return "".join(self.characters[i] for i in ids)

    def encode_corpus(self, text: str) -> Tensor:
        """(N,) ids of a long text whose every character is known, in the smallest fitting integer
        type, by a table that all code points of a chunk are looked up in at once."""
        points = np.array([ord(character) for character in self.characters], np.int64)
        integer = np.uint8 if len(self) <= 256 else np.int32
        table = np.zeros(points.max(initial=0) + 1, integer)
        table[points] = np.arange(len(self))
        ids = np.empty(len(text), integer)
        for first in range(0, len(text), CHUNK):
            chunk = text[first : first + CHUNK].encode("utf-32-le", "surrogatepass")
            ids[first : first + CHUNK] = table[np.frombuffer(chunk, np.uint32)]
        return torch.from_numpy(ids)

    def split_known(self, text: str) -> tuple[str, str]:
        """The part of `text` that is known, and each unknown character once, in order."""
        known = "".join(c for c in text if c in self._ids)
        unknown = "".join(dict.fromkeys(c for c in text if c not in self._ids))
        return known, unknown
