"""The formats of other programs: how each is written, and how it is read back to compare."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from engine.export import gguf, gguf_reader, hf, hf_reader, tensorboard
from engine.export.proof import Proof
from engine.export.source import ReadBack, Source
from engine.protocol import ExportFormat, Precision


class Format(NamedTuple):
    """One format. A new one is a module with these functions, and a line in `FORMATS`."""

    check: Callable[[Source], None]
    """ValueError, with a user-facing message that names the option, for a run that the format
    cannot hold without loss, or for a package that is missing here."""
    write: Callable[[Source, Path, Precision], Iterable[float] | None]
    """Write it to a path where nothing is, in a folder that exists: at once, or in slices, with the
    fractions done. ValueError, with a user-facing message; OSError."""
    notes: Callable[[Source], tuple[str, ...]]
    """Sentences for the user: what the format cannot carry, and what to mind."""
    read: Callable[[Path], ReadBack] | None = None
    """Read the model back from what was written, by the files alone. None: the format holds no
    model, and nothing is compared."""
    describe: Callable[[Source, Path, Proof], None] | None = None
    """Write the figures of the comparison next to the model. OSError."""
    tolerance: Mapping[Precision, float] = {}
    """The number formats that it can be written in, each with the largest difference of two logits,
    as a fraction of the largest logit, from which on the export has failed."""


FORMATS: dict[ExportFormat, Format] = {
    "hf": Format(hf.check, hf.write, hf.notes, hf_reader.read, hf.describe, {"f32": 1e-4}),
    "gguf": Format(
        gguf.check, gguf.write, gguf.notes, gguf_reader.read, gguf.describe, gguf.TOLERANCE
    ),
    "tensorboard": Format(tensorboard.check, tensorboard.write, tensorboard.notes),
}
