"""Moments: earlier steps of a run whose weights are kept, to look back at."""

from engine.protocol.message import Message


class MomentsKept(Message, frozen=True):
    """The moments of the open run: when it is opened, and whenever they change."""

    steps: tuple[int, ...]  # ascending
    bytes: int  # on the disk
    budget: int  # bytes that they may take


class AskWhenLearned(Message, frozen=True):
    """Ask when the model learned what follows a text; answered by `WhenLearned`.

    A newer request replaces one that is not answered yet.
    """

    request: int
    text: str
    target: str = ""  # the token that follows there; empty, or unknown: the likeliest now
    ids: tuple[int, ...] = ()  # the text in tokens, as of `Inspected`; empty: it is encoded


class WhenLearned(Message, frozen=True):
    """What was predicted after a text at each moment, and when that became right."""

    request: int
    steps: tuple[int, ...]  # ascending: of at most 40 moments, the last is the model as it is now
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    """Tokens with their probability at each step: the 16 likeliest now, the likeliest first,
    and after them the target, where it is not one of these."""
    target: str  # the one that counts as right
    first_right: int  # the first step at which it was the likeliest; -1: it never was
    sure_since: int  # the step from which on it always was; -1: now it is not
