"""Writing a run in the formats of other programs, and reading it again."""

from typing import Literal

from engine.protocol.message import Message

ExportFormat = Literal["hf", "gguf", "tensorboard"]
"""hf: a folder for transformers; gguf: a file for llama.cpp; tensorboard: losses and samples."""
Precision = Literal["f32", "f16"]
"""The number format of the weights in the file."""


class ExportRun(Message, frozen=True):
    """Write a run in the format of another program, to a path where nothing is yet; answered by
    `Exported`, or by `Failed` during "export". Nothing is left of one that fails.

    The open run is saved first. Training goes on meanwhile. One export at a time.
    """

    run: str  # NAME: as it was last saved; NAME@best: its best checkpoint; NAME@250: that step
    format: ExportFormat
    path: str  # of the new file or folder; ~ is the user's home
    precision: Precision = "f32"


class Exported(Message, frozen=True):
    """A run was exported. Its weights have been read back from what was written, and compared with
    the run's own model: on tokens of the text, and by what both write to prompts from it."""

    run: str  # its name
    step: int  # of the weights
    format: ExportFormat
    path: str  # absolute
    bytes: int
    largest_difference: float | None  # of two logits; None: the format holds no weights
    largest_logit: float = 0.0  # the largest absolute value, to compare the difference with
    characters: int = 0  # tokens whose logits were compared
    prompts: int = 0  # that both have continued, by the likeliest token each time
    equal_prompts: int = 0  # of these, with the same text
    written: int = 0  # tokens of each continuation
    notes: tuple[str, ...] = ()  # sentences: what the format cannot carry
    noun: str = "character"  # what a token is called


class ImportRun(Message, frozen=True):
    """Make a saved run of a folder that was exported as "hf"; answered by `Imported`, or by `Failed`
    during "export"."""

    path: str  # of the folder; ~ is the user's home
    name: str = ""  # empty: the one that it had, or one like it if that is taken
    corpus: str = ""  # a text to train on; empty: its own, where that is known here


class Imported(Message, frozen=True):
    """An exported run is a saved run again."""

    run: str
    step: int
    path: str  # of its folder
    note: str  # a sentence on its text: which one it has, or that it has none to train on
