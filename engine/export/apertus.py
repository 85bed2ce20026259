"""The model as Apertus, the family that other programs know: its tensors by their names there.

Number for number, the default kind of our model is a Hugging Face ApertusForCausalLM whose norms
have weights of one, and whose xIELU is squared ReLU.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.model.gpt import GPT, MLP, Attention, Block
from engine.settings import plain

FAMILY: dict[str, object] = {
    "activation": "squared_relu",
    "norm": "rmsnorm",
    "positions": "rotary",
    "qk_norm": True,
    "residual": True,
    "attention": True,
    "mlp": True,
}
"""What the family fixes. Of everything else in `ModelConfig` it takes any value: sizes, `rope_base`,
and whether the head is tied; dropout is no part of the finished model."""

XIELU = {"alpha_p": 0.5413248546129181, "alpha_n": -100.0, "beta": 0.0, "eps": -1e-6}
"""The constants with which xIELU is squared ReLU. Of the first two the softplus is taken: 1 and 0."""

NORMS = ("attention_layernorm", "feedforward_layernorm")
HEAD_NORMS = ("q_norm", "k_norm")
PROJECTIONS = ("q_proj", "k_proj", "v_proj")


def check_family(config: ModelConfig) -> None:
    """ValueError, with a user-facing message that names the options, for a model outside of it."""
    outside = [
        f"model.{name}={value if isinstance(value, str) else plain(value)}"
        for name, fixed in FAMILY.items()
        if (value := getattr(config, name)) != fixed
    ]
    if outside:
        raise ValueError(
            f"The run has {', '.join(outside)}: the model family of this format (Apertus) has no "
            "such thing, so it cannot be exported without loss."
        )


def named_tensors(model: GPT) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a model of the family by their names in transformers, in float32."""
    config = model.config
    yield "model.embed_tokens.weight", model.embedding.weight.detach()
    for number, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        attention, mlp = block.attention, block.mlp
        assert isinstance(attention, Attention), "the family was checked"
        assert isinstance(mlp, MLP), "the family was checked"
        layer = f"model.layers.{number}"
        thirds = attention.qkv.weight.detach().chunk(3)
        for name, third in zip(PROJECTIONS, thirds, strict=True):
            yield f"{layer}.self_attn.{name}.weight", third
        yield f"{layer}.self_attn.o_proj.weight", attention.output.weight.detach()
        for name in HEAD_NORMS:
            yield f"{layer}.self_attn.{name}.weight", torch.ones(config.head_dim)
        for name in NORMS:
            yield f"{layer}.{name}.weight", torch.ones(config.n_embd)
        yield f"{layer}.mlp.up_proj.weight", mlp.up.weight.detach()
        yield f"{layer}.mlp.down_proj.weight", mlp.output.weight.detach()
        for name, value in XIELU.items():
            constant = torch.tensor(value)
            is_list = name.startswith("alpha")
            yield f"{layer}.mlp.act_fn.{name}", constant.reshape(1) if is_list else constant
    yield "model.norm.weight", torch.ones(config.n_embd)
    if model.head is not None:
        yield "lm_head.weight", model.head.weight.detach()


def to_state(tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """The `state_dict` of our model from all tensors of `named_tensors`, in their shapes."""

    def weight(name: str) -> Tensor:
        return tensors[f"{name}.weight"]

    state = {"embedding.weight": weight("model.embed_tokens")}
    for number in range(config.n_layer):
        theirs, ours = f"model.layers.{number}", f"blocks.{number}"
        thirds = [weight(f"{theirs}.self_attn.{name}") for name in PROJECTIONS]
        state[f"{ours}.attention.qkv.weight"] = torch.cat(thirds)
        state[f"{ours}.attention.output.weight"] = weight(f"{theirs}.self_attn.o_proj")
        state[f"{ours}.mlp.up.weight"] = weight(f"{theirs}.mlp.up_proj")
        state[f"{ours}.mlp.output.weight"] = weight(f"{theirs}.mlp.down_proj")
    if not config.tied_head:
        state["head.weight"] = weight("lm_head")
    return state


def is_constant(name: str) -> bool:
    """Whether a tensor of the family has the same numbers in each of our models."""
    return ".act_fn." in name or name.endswith("norm.weight")
