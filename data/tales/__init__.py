"""The corpus that needs no package: fairy tales generated from a grammar."""

from functools import cache

from data.tales.grammar import load_rules
from data.tales.teller import Teller

SEED = 1812
MIN_CHARACTERS = 1_000_000
"""No tale is added once the text has this many characters."""


@cache
def write() -> str:
    """About a million characters of tales, the same on every machine.

    A tale is a title in capitals, then paragraphs with a blank line between them; two blank lines
    separate the tales.
    """
    teller = Teller(load_rules(), SEED)
    tales: list[str] = []
    length = 0
    while length < MIN_CHARACTERS:
        tale = teller.tell("tale")
        tales.append(tale)
        length += len(tale) + 3
    return "\n\n\n".join(tales) + "\n"
