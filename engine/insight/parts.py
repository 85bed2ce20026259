"""Parts of a model that are switched off, to see what they are for."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from engine.config import ModelConfig

_NAME = re.compile(r"([1-9][0-9]{0,3})\.(attention|mlp|head\.([1-9][0-9]{0,3}))")


class Off(NamedTuple):
    """The numbers of blocks and heads, from 0."""

    attention: frozenset[int] = frozenset()
    mlp: frozenset[int] = frozenset()
    heads: frozenset[tuple[int, int]] = frozenset()


NOTHING = Off()


def parse_off(names: Iterable[str], config: ModelConfig) -> Off:
    """The parts of these names: "2.attention", "2.mlp", "2.head.3", counted from 1.

    ValueError, with a user-facing message, for what the model does not have.
    """
    attention: set[int] = set()
    mlp: set[int] = set()
    heads: set[tuple[int, int]] = set()
    for name in names:
        match = _NAME.fullmatch(name)
        block = int(match[1]) - 1 if match else -1
        has = config.mlp if match and match[2] == "mlp" else config.attention
        head = int(match[3]) - 1 if match and match[3] else 0
        if not match or block >= config.n_layer or head >= config.n_head or not has:
            raise ValueError(
                f"This model has no part {name!r}: it has {_inside(config)}, and parts are named "
                "as 1.attention, 1.mlp or 1.head.1."
            )
        if match[3]:
            heads.add((block, head))
        else:
            (mlp if match[2] == "mlp" else attention).add(block)
    return Off(frozenset(attention), frozenset(mlp), frozenset(heads))


def _inside(config: ModelConfig) -> str:
    """What the model has, in words."""
    heads = f"{config.n_head} heads" if config.n_head > 1 else "1 head"
    blocks = f"{config.n_layer} blocks" if config.n_layer > 1 else "1 block"
    if not config.attention:
        return f"{blocks} without attention"
    return f"{blocks} of {heads}" if config.mlp else f"{blocks} of {heads} without an MLP"
