"""Events as lines of strict JSON, as in `metrics.jsonl` and `train --json`."""

import json

import msgspec

from engine.protocol.events import Event

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def to_json(event: Event) -> str:
    """One line of strict JSON (a number that is not finite becomes null)."""
    try:
        return _encoder.encode(event).decode()
    except UnicodeEncodeError:  # a path that is not valid text: with "?" in these places
        plain = json.dumps(msgspec.to_builtins(event), ensure_ascii=False)
        return plain.encode("utf-8", "replace").decode()


def from_json(line: str | bytes) -> Event:
    """The event of one line. ValueError if it is not an event."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"A line of the run's record is not readable: {error}.") from None
