"""`run.json`: the config of a run, the text it was trained on, and the user's note."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from data.catalog import names
from data.safe_text import safe_text
from engine.config import RunConfig
from engine.protocol import NOTE_LENGTH
from engine.storage.atomic import replace_file
from engine.storage.format2 import renamed_to_format_3

FORMAT = 3
INFO_LIMIT = 1 << 22
"""Bytes read of a `run.json`; a genuine one has some thousand, and each distinct character of its
text."""
TOKENIZER_FILE = "tokenizer.json"
"""In the folder of a run whose tokens were learned."""
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
"""When a run was created, in UTC."""


class CorpusInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """The text that a run is trained on."""

    name: str
    source: str
    license: str
    sha256: str
    characters: str  # its distinct characters
    documents: int = 1  # files that it is made of
    held_out: int = 0  # of them, that are held out whole, and come last


class TokenizerInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """The `tokenizer.json` of a run that has one."""

    sha256: str
    tokens: Annotated[int, Meta(ge=1)]  # their number


class Parent(Struct, frozen=True, forbid_unknown_fields=True):
    """The run that a run was forked from."""

    run: str  # its name at that time
    step: int


class RunInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """`run.json`."""

    config: RunConfig
    corpus: CorpusInfo
    torch: str  # version
    created: str
    note: str = ""
    parent: Parent | None = None
    tokenizer: TokenizerInfo | None = None
    trained_on: CorpusInfo | None = None
    """Of a run that was imported without its text: that text. What is in its place, corpus.txt, was
    written by the model, to look inside with; the run is not trained on it."""
    other: CorpusInfo | None = None
    """The text that it is trained on in place of its own (`text.train_on`), as it is in
    training.txt."""
    format: int = FORMAT  # of the file that it was read from

    @property
    def vocabulary(self) -> int:
        """The number of different tokens of its model."""
        if self.tokenizer is not None:
            return self.tokenizer.tokens
        return self.config.model.vocabulary_of(len(self.corpus.characters))


class UnreadableInfoError(ValueError):
    """A `run.json` that cannot be read. The message is a clause."""


class UnknownFormatError(UnreadableInfoError):
    """A `run.json` in a format of another version of this program."""


class _Header(Struct):
    """What every format has in common."""

    format: Raw = Raw(b"none")


def read_info(folder: Path) -> RunInfo:
    """The `run.json` of a run, in format 2 or 3. UnreadableInfoError; OSError."""
    with (folder / "run.json").open("rb") as file:
        content = file.read(INFO_LIMIT)
    try:
        saved_format = bytes(msgspec.json.decode(content, type=_Header).format)
        if saved_format == b"2":
            content = renamed_to_format_3(content)
        elif saved_format != b"%d" % FORMAT:
            raise UnknownFormatError(_advice(saved_format))
        return msgspec.json.decode(content, type=RunInfo)
    except UnknownFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableInfoError(safe_text(str(error))) from None


def info_content(info: RunInfo) -> bytes:
    """The content of a `run.json`, in the present format."""
    info = msgspec.structs.replace(info, format=FORMAT)
    return msgspec.json.format(msgspec.json.encode(info))


def write_info(folder: Path, info: RunInfo) -> None:
    """Write the `run.json` of a run, atomically, in the present format."""
    replace_file(folder / "run.json", [info_content(info)])


def with_note(info: RunInfo, note: str) -> RunInfo:
    """The info with another note. ValueError, with a user-facing message, for one that is too
    long."""
    if len(note) > NOTE_LENGTH:
        raise ValueError(f"A note has {NOTE_LENGTH} characters at most, not {len(note)}.")
    return msgspec.structs.replace(info, note=note.encode("utf-8", "replace").decode())


def without_folder(info: RunInfo) -> RunInfo:
    """The info of a run whose texts, where they are the user's own, are known by their names alone."""
    config, corpus, other = info.config, info.corpus, info.other
    if config.reading.more:
        first, *more = (Path(one).name for one in (config.corpus, *config.reading.more))
        reading = msgspec.structs.replace(config.reading, more=tuple(more))
        config = msgspec.structs.replace(config, corpus=first, reading=reading)
        corpus = msgspec.structs.replace(corpus, source=", ".join((first, *more)))
    elif config.corpus not in (*names(), "-"):
        config = msgspec.structs.replace(config, corpus=corpus.name)
        corpus = msgspec.structs.replace(corpus, source=corpus.name)
    if other is not None and config.text.train_on not in names():
        text = msgspec.structs.replace(config.text, train_on=other.name)
        config = msgspec.structs.replace(config, text=text)
        other = msgspec.structs.replace(other, source=other.name)
    return msgspec.structs.replace(info, config=config, corpus=corpus, other=other)


def _advice(saved_format: bytes) -> str:
    """What the user can do about a format that is not known here."""
    shown = safe_text(saved_format[:20].decode("utf-8", "replace"))
    if saved_format.isdigit() and len(saved_format) < 10 and int(saved_format) > FORMAT:
        return f"a newer version of tinygpt-tui saved it (format {shown}): upgrade to open it"
    return (
        f"this version of tinygpt-tui does not know its format ({shown}): open it with the version "
        "that saved it, or train a new run on its corpus.txt"
    )
