"""The ids of a text for a model: in memory, or of a large text in a file of its own.

    <home>/encoded/<sha256>.<key>.tokens      by a tokenizer, the parts for training and validation each
                 <sha256>.<key>.json        `Encoded`, written last

The characters of a large text are encoded already (`engine.storage.kept_text`).
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from msgspec import Struct
from torch import Tensor

from data.text import Part, Text
from engine.model.tokenizer import Tokenizer, Vocabulary
from engine.storage.atomic import replace_file, replacing
from engine.storage.corpus_text import Report
from engine.storage.kept_text import KeptText, MappedIds, id_type


class TextIds(NamedTuple):
    """The ids of a text."""

    ids: Tensor
    """(N,)"""
    train: int
    """Those of the training part."""
    file: MappedIds | None = None
    """Where they are, if that is not the memory."""


class Encoded(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a file of tokens."""

    length: int
    train: int


def ids_of(text: Text, tokenizer: Tokenizer, end: int, report: Report) -> TextIds:
    """The ids of a text whose every character is known. `end`: of its training part. OSError for a
    large one."""
    is_own = isinstance(tokenizer, Vocabulary)
    if not isinstance(text, KeptText):
        if is_own:
            return TextIds(tokenizer.encode_corpus(text[:]), end)
        # Each part alone: a token may not span both.
        train, validation = (tokenizer.encode_corpus(part) for part in (text[:end], text[end:]))
        return TextIds(torch.cat((train, validation)), len(train))
    if is_own and text.characters == tokenizer.characters:
        return TextIds(torch.from_numpy(text.ids.array), end, text.ids)
    parts = hashlib.sha256(f"{tokenizer.__class__.__name__} {end} ".encode())
    parts.update(tokenizer.file or tokenizer.characters.encode("utf-8", "surrogatepass"))
    path = text.path.with_name(f"{text.sha256}.{parts.hexdigest()[:16]}.tokens")
    file, encoded = _kept(path, tokenizer) or _written(path, text, tokenizer, end, report)
    return TextIds(torch.from_numpy(file.array), encoded.train, file)


def _kept(path: Path, tokenizer: Tokenizer) -> tuple[MappedIds, Encoded] | None:
    """The tokens, if they were encoded before; they count as used now."""
    try:
        encoded = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Encoded)
        file = MappedIds(path, len(tokenizer), encoded.length)
        os.utime(path)
        os.utime(path.with_suffix(".json"))
    except (OSError, ValueError):  # they are not there, or not whole
        return None
    return file, encoded


def _written(
    path: Path, text: KeptText, tokenizer: Tokenizer, end: int, report: Report
) -> tuple[MappedIds, Encoded]:
    kind = np.dtype(id_type(len(tokenizer)))
    unnamed = path.with_name(f"{os.getpid()}.ids")  # another program may encode the same text
    lengths, read = [0, 0], 0
    with replacing(unnamed) as file:
        for number, part in enumerate((Part(text, 0, end), Part(text, end))):
            start = 0
            while start < len(part):
                stop = tokenizer.cut(part, start)
                ids = tokenizer.encode_piece(part[start:stop]).astype(kind, copy=False)
                file.write(ids.data)
                lengths[number] += len(ids)
                read += stop - start
                report("encoding the text into tokens", read / len(text))
                start = stop
    encoded = Encoded(sum(lengths), lengths[0])
    unnamed.replace(path)
    replace_file(path.with_suffix(".json"), [msgspec.json.encode(encoded)])
    return MappedIds(path, len(tokenizer), encoded.length), encoded
