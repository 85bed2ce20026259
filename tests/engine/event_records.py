"""Reads TensorBoard's event files by the descriptions of their format, without the code under test.

Records: tensorflow/core/lib/io/record_writer.h. Messages: protobuf.dev/programming-guides/encoding.
"""

import struct
from pathlib import Path
from typing import NamedTuple

Fields = dict[int, list[int | bytes]]


class Record(NamedTuple):
    """An `Event`, as far as it is used."""

    seconds: float  # since 1970
    step: int
    scalars: dict[str, float]
    texts: dict[str, str]
    starts_session: bool
    file_version: str


def event_file_of(folder: Path) -> Path:
    """The one event file of a run that holds anything."""
    (path,) = (path for path in folder.glob("events.out.tfevents.*") if path.stat().st_size)
    return path


def records_of(path: Path) -> list[Record]:
    """The records of a file, all of which must be whole."""
    content = path.read_bytes()
    records = []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        end = 12 + length
        assert struct.unpack_from("<I", content, 8) == (masked(crc32c(content[:8])),)
        assert struct.unpack_from("<I", content, end) == (masked(crc32c(content[12:end])),)
        records.append(_record(content[12:end]))
        content = content[end + 4 :]
    return records


def crc32c(content: bytes) -> int:
    """Bit by bit."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 * (crc & 1))
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def _record(content: bytes) -> Record:
    event = _fields(content)
    scalars, texts = {}, {}
    for value in (v for summary in event.get(5, []) for v in _fields(summary)[1]):
        fields = _fields(value)
        tag = _bytes(fields[1][0]).decode()
        if 2 in fields:
            (scalars[tag],) = struct.unpack("<f", _bytes(fields[2][0]))
        else:
            tensor, metadata = _fields(fields[8][0]), _fields(fields[9][0])
            assert _fields(metadata[1][0])[1] == [b"text"]
            assert tensor[1] == [7], "strings"
            texts[tag] = _bytes(tensor[8][0]).decode()
    (seconds,) = struct.unpack("<d", _bytes(event.get(1, [bytes(8)])[0]))
    step = event.get(2, [0])[0]
    assert isinstance(step, int)
    starts = [_fields(log)[1] for log in event.get(7, [])] == [[1]]
    return Record(seconds, step, scalars, texts, starts, _bytes(event.get(3, [b""])[0]).decode())


def _fields(content: int | bytes) -> Fields:
    """The fields of a message by their numbers."""
    rest = _bytes(content)
    fields: Fields = {}
    while rest:
        key, rest = _varint(rest)
        size = {1: 8, 5: 4}.get(key & 7, 0)
        if key & 7 == 0:
            value: int | bytes
            value, rest = _varint(rest)
        else:
            if key & 7 == 2:
                size, rest = _varint(rest)
            assert len(rest) >= size
            value, rest = rest[:size], rest[size:]
        fields.setdefault(key >> 3, []).append(value)
    return fields


def _varint(content: bytes) -> tuple[int, bytes]:
    value = 0
    for place, byte in enumerate(content):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, content[place + 1 :]
    raise AssertionError("the number has no end")


def _bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value
