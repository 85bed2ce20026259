"""Reads a GGUF file back as the family defines the model, by what llama.cpp takes from the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.export.apertus import XIELU
from engine.export.gguf_metadata import ARCHITECTURE, Value, shape, tokenizer, tokens_in
from engine.export.gguf_tensors import named_in
from engine.export.reference import Reference, Shape
from engine.export.source import ReadBack

LEAST_CONTEXT = 8
"""Of a config. Early in a run the context may be shorter."""


def read(path: Path) -> ReadBack:
    """Read the model back. ValueError, with a user-facing message, if it is not as it is written."""
    import gguf  # an extra

    try:
        file = gguf.GGUFReader(path)
        fields = {name: field.contents() for name, field in file.fields.items()}
        tensors = {tensor.name: torch.from_numpy(np.array(tensor.data)) for tensor in file.tensors}
        tokens, merges = tokens_in(fields)
        _check(fields, tokenizer(tokens, merges))
        return ReadBack(_model(fields, tensors, len(tokens)).logits, tokens)
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"What was written does not read back: {error}.") from None


def _model(fields: Mapping[str, Any], tensors: Mapping[str, Tensor], size: int) -> Reference:
    def number(name: str) -> Any:
        return fields[f"{ARCHITECTURE}.{name}"]

    context_length = number("context_length")
    config = ModelConfig(
        context_length=max(context_length, LEAST_CONTEXT),
        n_layer=number("block_count"),
        n_head=number("attention.head_count"),
        n_embd=number("embedding_length"),
        rope_base=number("rope.freq_base"),
    )
    _check(fields, shape(config, context_length, size))
    named = named_in(tensors, config, size)
    for name in XIELU:
        for block, constant in enumerate(fields[f"xielu.{name}"]):
            named[f"model.layers.{block}.mlp.act_fn.{name}"] = torch.tensor(constant)
    family = Shape(
        n_layer=config.n_layer,
        n_head=config.n_head,
        epsilon=number("attention.layer_norm_rms_epsilon"),
        rope_theta=number("rope.freq_base"),
        tied_head=False,
    )
    return Reference(family, named)


def _check(fields: Mapping[str, Any], expected: Mapping[str, Value]) -> None:
    """ValueError, with a clause, unless the file says all this."""
    for name, value in expected.items():
        found, wanted = np.array(fields[name]), np.array(value)
        is_float = wanted.dtype.kind == "f"
        if not np.array_equal(found, wanted.astype(np.float32) if is_float else wanted):
            raise ValueError(f"{name} is not as it is written")
