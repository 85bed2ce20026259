"""What is read of a passage, all at once."""

from torch import Tensor

from engine.insight import reading
from engine.insight.parts import NOTHING, Off
from engine.model.gpt import GPT
from engine.protocol import Place


def read(
    model: GPT, characters: str, ids: Tensor, context_length: int, off: Off = NOTHING
) -> list[Place]:
    *_, places = reading.read(model, characters, ids, context_length, off)
    assert isinstance(places, list)
    return places
