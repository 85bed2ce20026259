"""What rank 0 sends the other ranks, as msgpack: unlike JSON it has NaN."""

import msgspec
from msgspec import Struct

from engine.config import RunConfig


class Message(Struct, frozen=True, tag=True):
    """What rank 0 has the others do."""


class TaughtPart(Struct, frozen=True):
    """What a `TaughtText` is made of, besides its ids and those of the separators."""

    characters: int
    separators: tuple[int, ...]  # how many of each kind
    share: float
    seed: int


class Prepare(Message, frozen=True):
    """Build the trainer of a run; its ids, its weights and its optimizer's state follow."""

    config: RunConfig
    vocabulary: int
    characters: int
    train: int  # ids of the training part
    ids: str  # their type
    val_characters: int | None
    device: str
    threads: int
    precision: str
    step: int
    skipped: int
    taught: TaughtPart | None


class Synchronize(Message, frozen=True):
    """Take the weights and the optimizer's state that follow."""


class TakeStep(Message, frozen=True):
    """Take a training step."""

    learning_rate: float
    lr_factor: float
    context_length: int
    step: int  # the number of steps before
    skipped: int


class Evaluate(Message, frozen=True):
    """Evaluate the validation part, or what is taught."""

    context_length: int
    taught: bool


class End(Message, frozen=True):
    """End with this exit code."""

    code: int


_DECODER: msgspec.msgpack.Decoder[Prepare | Synchronize | TakeStep | Evaluate | End] = (
    msgspec.msgpack.Decoder(Prepare | Synchronize | TakeStep | Evaluate | End)
)


def decoded(data: bytes) -> Prepare | Synchronize | TakeStep | Evaluate | End:
    """The message that was sent."""
    return _DECODER.decode(data)
