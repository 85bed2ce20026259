"""Attention in blocks of positions: of the scores that causality forbids, about half are never
computed in a long text.

A position sees itself and those before it. A block attends to all positions up to its own end; what
comes after is left out of the products, and never read.
"""

from typing import NamedTuple

BLOCK = 128
"""Positions in a block. Of 64, the products are slower than what they save."""


class CausalBlock(NamedTuple):
    """A block of the positions of a text."""

    own: slice
    visible: slice  # what these may attend to: all up to the end of the block
    onward: slice  # what may attend to these: all from the start of the block


def causal_blocks(time: int) -> list[CausalBlock]:
    """The blocks of a text of that length, in order."""
    ends = ((start, min(start + BLOCK, time)) for start in range(0, time, BLOCK))
    return [CausalBlock(slice(start, end), slice(end), slice(start, time)) for start, end in ends]
