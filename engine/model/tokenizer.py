"""Characters to ids and back."""

import torch
from torch import Tensor


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

    def decode(self, ids: list[int]) -> str:
        """The text of these ids."""
        return "".join(self.characters[i] for i in ids)

    def encode_corpus(self, text: str) -> Tensor:
        """(N,) ids of a long text, in the smallest fitting integer type, at the speed of C."""
        table = {ord(character): i for character, i in self._ids.items()}
        small = len(self) <= 256
        encoded = text.translate(table).encode(
            "latin-1" if small else "utf-32-le", "strict" if small else "surrogatepass"
        )
        return torch.frombuffer(bytearray(encoded), dtype=torch.uint8 if small else torch.int32)

    def split_known(self, text: str) -> tuple[str, str]:
        """The part of `text` that is known, and each unknown character once, in order."""
        known = "".join(c for c in text if c in self._ids)
        unknown = "".join(dict.fromkeys(c for c in text if c not in self._ids))
        return known, unknown
