"""A GGUF file, which llama.cpp and the programs built on it read."""

from importlib.util import find_spec
from pathlib import Path

import msgspec
import torch

from data.safe_text import safe_text
from engine.export.apertus import check_family
from engine.export.gguf_metadata import ARCHITECTURE, Value, merges_of, shape, tokenizer
from engine.export.gguf_tensors import tensors_of
from engine.export.proof import Proof
from engine.export.source import Source
from engine.export.tokenizer_json import check_tokenizer, token_bytes
from engine.protocol import Precision

TOLERANCE: dict[Precision, float] = {"f32": 1e-4, "f16": 1e-2}
"""The largest difference of two logits, as a fraction of the largest logit."""

_TYPES: dict[Precision, tuple[torch.dtype, int]] = {
    "f32": (torch.float32, 0),
    "f16": (torch.float16, 1),
}
"""Of the matrices, and the number of such a file. Everything else is float32."""
_PROOF = "tinygpt.proof"
"""Where the figures of the comparison are."""
_COUNTED = 1 << 20
"""Characters of the text among whose tokens the rarest is sought."""
_MISREAD = ("phi-3", "phi3")
"""In the name of a model, llama.cpp takes these for a family with tokens that it then misses."""


def check(source: Source) -> None:
    """ValueError, with a user-facing message, for a run that the format cannot hold, or if the
    package that writes it is missing."""
    check_family(source.model.config)
    check_tokenizer(source.tokenizer)
    if find_spec("gguf") is None:
        raise ValueError(
            "GGUF needs a package that is not installed: pip install 'tinygpt-tui[gguf]'."
        )


def notes(source: Source) -> tuple[str, ...]:
    """What llama.cpp does otherwise."""
    return (
        f"llama.cpp ends a text when the context of {source.context_length:,} {source.noun}s is full, "
        "prompt included; the app goes on, by forgetting the oldest.",
    )


def write(source: Source, path: Path, precision: Precision) -> None:
    """Write the file."""
    import gguf  # an extra

    config, size = source.model.config, len(source.tokenizer)
    dtype, file_type = _TYPES[precision]
    metadata = {
        **about(source),
        **{f"{_PROOF}.{name}": kind(0) for name, kind in Proof.__annotations__.items()},
        "general.file_type": file_type,
        **shape(config, source.context_length, size),
        **tokenizer(token_bytes(source.tokenizer), merges_of(source.tokenizer)),
    }
    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    for key, value in metadata.items():
        kind = gguf.GGUFValueType.get_type(value)
        unsigned = kind is gguf.GGUFValueType.INT32
        writer.add_key_value(key, value, gguf.GGUFValueType.UINT32 if unsigned else kind)
    counts = torch.bincount(source.tokenizer.encode_corpus(source.text[:_COUNTED]), minlength=size)
    rarest = int(counts.argmin())
    for name, tensor in tensors_of(source.model, rarest):
        writer.add_tensor(name, tensor.to(dtype if tensor.ndim == 2 else torch.float32).numpy())
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def describe(source: Source, path: Path, proof: Proof) -> None:
    """Replace the zeros in the file by the figures of the comparison."""
    import gguf  # an extra

    file = gguf.GGUFReader(path, "r+")
    for name, figure in proof._asdict().items():
        field = file.fields[f"{_PROOF}.{name}"]
        field.parts[field.data[0]][0] = figure
    file.data.flush()


def about(source: Source) -> dict[str, Value]:
    """What programs show of the model, the sampling settings they use by default, and its settings."""
    config, corpus = source.info.config, safe_text(source.info.corpus.name)
    name = safe_text(source.name)
    loss = "" if source.loss is None else f", held-out loss {source.loss:.4f} nats a {source.noun}"
    per_byte = None if source.loss is None else source.tokens.bits_per_byte(source.loss)
    loss += "" if per_byte is None else f", {per_byte:.4f} bits a byte"
    description = (
        f"A small GPT that continues text {source.noun} by {source.noun}, trained by tinygpt-tui on "
        f"{corpus}: {source.step:,} steps{loss}. It knows no instructions and no facts."
    )
    sampling = config.sample
    settings = {"model": config.model, "train": config.train}
    return {
        "general.type": "model",
        "general.name": "tinygpt" if any(word in name.lower() for word in _MISREAD) else name,
        "general.description": description,
        "general.sampling.temp": sampling.temperature,
        "general.sampling.top_k": sampling.top_k,
        "general.sampling.top_p": sampling.top_p,
        "general.sampling.min_p": 0.0,
        "tinygpt.settings": msgspec.json.encode(settings).decode(),
    }
