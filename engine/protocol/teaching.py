"""Teaching: a text that is mixed into the batches of a run, and what comes of it.

One text is taught at a time; another takes its place. The loss of a step is that of its batch, so
while a text is taught it is of both texts. The held-out loss is of the run's own text throughout.
"""

from engine.protocol.message import Message

LEAST_TAUGHT = 2
"""Characters of a text to teach, at least: one is predicted from those before it."""
MOST_TAUGHT = 2_000_000


class Teach(Message, frozen=True):
    """Mix this text into the batches from the next step on; answered by `Taught`, or by `Failed`
    during "teach"."""

    text: str  # empty: the one that is taught already
    share: float  # of the windows of text in the batches; 0: stop
    map_unknown: bool = False
    """Replace characters that the model does not know by what they resemble, or leave them out;
    else `MappingRequired` answers a text with such characters."""
    source: str = ""
    """The name of the file that the text is from, or its name in the catalog; empty: it was typed."""


Replacement = tuple[str, str]
"""A character that the model does not know, and what stands for it; empty: it is left out."""


class MappingRequired(Message, frozen=True):
    """A text to teach has characters that the model does not know, and nothing is taught yet: the
    same command with `map_unknown` teaches it without them."""

    command: Teach
    replacements: tuple[Replacement, ...]  # of the first ones
    more: int = 0  # unknown characters besides these


class Taught(Message, frozen=True):
    """From the step after this one on, this text is mixed in. Which windows it takes follows from
    their numbers and the seed."""

    step: int
    text: str  # as it is taught: of characters that the model knows
    share: float  # 0: no longer
    mapped: tuple[Replacement, ...] = ()
    """Of the first characters that were unknown."""
    source: str = ""  # as in `Teach`


class TaughtEvaluated(Message, frozen=True):
    """How well the model predicts the text that is or was taught last: with the evaluations, and
    when the teaching begins."""

    step: int
    bits_per_char: float | None  # None: not a number any more
    characters: int  # predicted


class TaughtAppeared(Message, frozen=True):
    """The first time since the teaching began, a sample has the text in it, or so much of it in a
    row."""

    step: int  # of the sample
    text: str


TaughtEvent = Taught | TaughtEvaluated | TaughtAppeared
