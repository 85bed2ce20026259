"""Events as lines of strict JSON, as in `metrics.jsonl` and `train --json`.

JSON has no number that is not finite: it is written as null. Of those that were read, only the loss
of an evaluation may be one.
"""

import math
from functools import cache
from typing import Any

import msgspec

from engine.protocol.events import Evaluated, Event

_encoder = msgspec.json.Encoder()


@cache
def _decoder() -> msgspec.json.Decoder[Event]:
    """Made when the first line is read: the first paint does not wait for it."""
    return msgspec.json.Decoder(Event)


def to_json(event: Event) -> str:
    """One line of strict JSON."""
    try:
        return _encoder.encode(event).decode()
    except UnicodeEncodeError:  # a path that is not valid text: with "?" in these places
        import json  # seldom needed

        plain = json.dumps(msgspec.to_builtins(event), ensure_ascii=False)
        return plain.encode("utf-8", "replace").decode()


def from_json(line: str | bytes) -> Event:
    """The event of one line. ValueError if it is not an event."""
    try:
        return _decoder().decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        evaluated = _without_a_loss(line)
        if evaluated is None:
            raise ValueError(f"A line of the run's record is not readable: {error}.") from None
        return evaluated


def _without_a_loss(line: str | bytes) -> Evaluated | None:
    """The event of a line with an evaluation whose loss is null; None if it is no such line."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
        if "loss" not in fields or fields["loss"] is not None:
            return None
        return msgspec.convert({**fields, "loss": math.nan, "bits_per_char": math.nan}, Evaluated)
    except (msgspec.DecodeError, RecursionError):
        return None
