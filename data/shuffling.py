"""Shuffles a text: what is left of it to learn when its characters, words or lines lose their order."""

import re
from typing import Literal

import numpy as np

Unit = Literal["characters", "words", "lines"]
_BETWEEN = {"words": re.compile(r"(\s+)"), "lines": re.compile(r"(\n+)")}


def shuffled(text: str, unit: Unit, seed: int) -> str:
    """The text with its characters, words or lines in another order, the same for the same seed. What
    stands between words or lines (spaces, line breaks) stays where it is."""
    # Of NumPy's generators, this one gives the same numbers in all versions.
    random = np.random.RandomState(seed)
    if unit == "characters":
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        order = random.permutation(len(codes))
        return codes[order].tobytes().decode("utf-32-le", "surrogatepass")
    pieces = _BETWEEN[unit].split(text)
    places = [place for place in range(0, len(pieces), 2) if pieces[place]]
    moved = [pieces[places[number]] for number in random.permutation(len(places))]
    for place, piece in zip(places, moved, strict=True):
        pieces[place] = piece
    return "".join(pieces)
