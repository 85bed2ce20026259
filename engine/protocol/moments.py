"""Moments: earlier steps of a run whose weights are kept, to look back at."""

from engine.protocol.message import Message


class MomentsKept(Message, frozen=True):
    """The moments of the open run: when it is opened, and whenever they change."""

    steps: tuple[int, ...]  # ascending
    bytes: int  # on the disk
    budget: int  # bytes that they may take
