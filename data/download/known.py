"""Texts that are known by name: where they are, and what their bytes are.

Each URL names a commit, so what is there cannot change; the sha256 makes sure of that.
"""

import re

from msgspec import Struct

_RAW = "https://raw.githubusercontent.com"
_GUTENBERG = "public domain in the USA; digitized by Project Gutenberg"


class KnownText(Struct, frozen=True):
    """A text that can be downloaded by its name."""

    about: str
    url: str
    sha256: str
    size: int  # bytes
    license: str


KNOWN = {
    "tinyshakespeare": KnownText(
        "Shakespeare, parts of his plays: the text that many small models are compared on",
        f"{_RAW}/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
        "/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        1_115_394,
        "public domain",
    ),
    "grimm": KnownText(
        "The Brothers Grimm, Fairy Tales",
        f"{_RAW}/GITenberg/Grimms-Fairy-Tales_2591/9991a30953853be9b40751408c3ad0d3af314fb7/2591.txt",
        "8ade9aa3b46666387eff9703a32faf14c9bf7a79c787207cfe5fa59fd4c2c8fd",
        549_774,
        _GUTENBERG,
    ),
    "alice": KnownText(
        "Lewis Carroll, Alice's Adventures in Wonderland",
        f"{_RAW}/GITenberg/Alice-s-Adventures-in-Wonderland_11"
        "/7f18748e114b994d5d9454d5793581bc0b9cf9d7/11.txt",
        "0f9ea0b148d553177962a25edd2f56d36342c22576a3253a127b4fbeffa5687d",
        167_546,
        _GUTENBERG,
    ),
    "pride-and-prejudice": KnownText(
        "Jane Austen, Pride and Prejudice",
        f"{_RAW}/GITenberg/Pride-and-Prejudice_1342"
        "/81db45c9c48c592f0b77f01fc59e677ad0a5634e/1342.txt",
        "441e778a4297bfc944dc254810e8ded3134cfb0e36d73eef6bb312b4ffd74d6a",
        717_602,
        _GUTENBERG,
    ),
}
"""By their names in the catalog."""


def body(text: str) -> str:
    """The book in a text of Project Gutenberg, without what was put before and after it; any other
    text as it is."""
    found = re.search(
        r"\*\*\* START OF TH[^\n]*\n(.*?)"
        r"(?:\nEnd of (?:the )?Project Gutenberg[^\n]*\n)?\s*\*\*\* END OF TH",
        text,
        re.DOTALL,
    )
    return found[1].strip("\n") + "\n" if found else text
