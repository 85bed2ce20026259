"""The tensors of a GGUF file of the architecture `apertus`: their names, and one row more.

Dimensions: V characters, D embedding width.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.export.apertus import named_tensors
from engine.model.gpt import GPT
from engine.model.size import on_meta

EMBEDDING, HEAD = "token_embd.weight", "output.weight"
"""(V + 1, D) each: the last row is that of the token which ends a text."""
_OUTSIDE = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}
_IN_BLOCK = {
    "attention_layernorm": "attn_norm",
    "feedforward_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""The names here by those in transformers, without `.weight`."""


def tensors_of(model: GPT, rarest: int) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a model of the family, by their names here.

    The token that ends a text is in no prompt: its embedding is zero. Its row of the head is that
    of the rarest character, so that a program which does not suppress it writes it as seldom.
    """
    for name, tensor in named_tensors(model):
        here = _name(name)
        if here == EMBEDDING:
            yield here, torch.cat((tensor, torch.zeros_like(tensor[:1])))
        elif here not in ("", HEAD):
            yield here, tensor
    head = model.output_embedding.detach()  # llama.cpp has no tied one
    yield HEAD, torch.cat((head, head[rarest : rarest + 1]))


def named_in(
    tensors: Mapping[str, Tensor], config: ModelConfig, vocabulary: int
) -> dict[str, Tensor]:
    """The tensors of such a file, in float32, by their names in transformers and without the row
    more. KeyError for one that is missing; ValueError, with a clause, for one of another shape."""
    named = {}
    for name, ours in named_tensors(on_meta(config, vocabulary)):
        if here := _name(name):
            tensor = tensors[here].float()
            named[name] = tensor[:-1] if here in (EMBEDDING, HEAD) else tensor
            if named[name].shape != ours.shape:
                raise ValueError(f"{here} has the shape {tuple(tensor.shape)}")
    return named


def _name(name: str) -> str:
    """The name of a tensor here, by that in transformers; empty: it is in the metadata here."""
    place = name.removesuffix(".weight")
    if place in _OUTSIDE:
        return f"{_OUTSIDE[place]}.weight"
    _, _, block, place = place.split(".", 3)
    return f"blk.{block}.{_IN_BLOCK[place]}.weight" if place in _IN_BLOCK else ""
