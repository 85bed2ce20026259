"""A text to train on."""

from msgspec import Struct

from data.text import Text


class Corpus(Struct, frozen=True):
    """A text to train on, and where it comes from."""

    name: str
    text: Text
    source: str
    """One line: where the text comes from."""
    license: str
    note: str = ""
    """One line on what was left out, replaced or guessed, or empty."""
    documents: int = 1
    """The files that it is made of."""
    held_out: int = 0
    """How many of them are held out, whole, and come last; 0: the end of the text is held out."""
    train_characters: int = 0
    """Those before the documents that are held out; 0: there are none."""
