"""The ladder that a model climbs: the losses of simple models of its text."""

from engine.protocol.message import Message


class LadderMeasured(Message, frozen=True):
    """How well simple models that read the training part predict the validation part. It comes
    several times while they are measured, each time with those that are known so far."""

    rungs: tuple[tuple[str, float], ...]  # name, and loss in nats a character
    complete: bool  # False: others follow
