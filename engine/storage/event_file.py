"""TensorBoard's event files, as far as numbers and texts need them.

A file is a sequence of records, each of which holds one `Event` as a protocol buffer. Sources: the
framing is that of TensorFlow's `record_writer.h`, the fields are those of `event.proto` and
`summary.proto`.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from engine.storage.manifest import DamagedError

MAX_RECORD = 1 << 24
"""Bytes of the largest record that is read: ours have some hundred."""

_POLYNOMIAL = 0x82F63B78  # of CRC-32C, bits reversed


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_table_entry, range(256)))


def record(content: bytes) -> bytes:
    """A record: the length of the content, the checksum of these eight bytes, the content, and its
    checksum."""
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def contents(file: BinaryIO) -> Iterator[bytes]:
    """What the records of a file hold; the last one may be incomplete, and is left out then.
    DamagedError for a record that is not as it was written; OSError."""
    number = 0
    while len(head := file.read(12)) == 12:
        number += 1
        length = int.from_bytes(head[:8], "little")
        if _checksum(head[:8]) != head[8:] or length > MAX_RECORD:
            raise DamagedError(f"the length of record {number} is damaged")
        rest = file.read(length + 4)
        if len(rest) < length + 4:
            return
        content = rest[:length]
        if _checksum(content) != rest[length:]:
            raise DamagedError(f"record {number} is damaged")
        yield content


def file_version() -> bytes:
    """The content of the first record of a file."""
    return _field(3, b"brain.Event:2")


def session_start() -> bytes:
    """The content that has a reader forget whatever an earlier file says of the same run."""
    return _field(7, _number(1, 1))  # of step 0: later steps are purged


def scalars(step: int, seconds: float, values: Mapping[str, float]) -> bytes:
    """Numbers by their tags, at a step and at a time in seconds since 1970. They are rounded to
    float32."""
    summary = b"".join(
        _field(1, _field(1, tag.encode()) + b"\x15" + _float32(value))
        for tag, value in values.items()
    )
    return _at(step, seconds) + _field(5, summary)


def text(step: int, seconds: float, tag: str, markdown: str) -> bytes:
    """A text, which TensorBoard shows as Markdown, at a step and at a time."""
    string = markdown.encode("utf-8", "replace")
    shape = _field(2, _field(2, _number(1, 1)))  # one dimension of size 1
    tensor = _number(1, 7) + shape + _field(8, string)  # of type DT_STRING
    metadata = _field(1, _field(1, b"text"))  # the name of the plugin that shows it
    return _at(step, seconds) + _field(
        5, _field(1, _field(1, tag.encode()) + _field(8, tensor) + _field(9, metadata))
    )


def _at(step: int, seconds: float) -> bytes:
    return b"\x09" + struct.pack("<d", seconds) + _number(2, step)


def _number(field: int, value: int) -> bytes:
    """A field with an integer."""
    return bytes([field << 3]) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    """A field with bytes, a string or a message."""
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative value as one of 64 bits."""
    value &= 2**64 - 1
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _float32(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:  # too large for a float32
        return struct.pack("<f", math.copysign(math.inf, value))


def _checksum(content: bytes) -> bytes:
    """The CRC-32C, masked: rotated and shifted, since a record may hold checksums itself."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
