"""Memory that the fused sublayers use again, from pass to pass.

A training step asks for the same arrays each time. Reused, they are still in the cache, and neither
torch nor the allocator is asked for each of them: calls that make workers wait for each other, since
every operation of torch, however small, lets go of the GIL.

Dimensions are those of `engine.model.passes`.
"""

import threading
from collections import defaultdict
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import torch
from torch import Tensor

from engine.model.causal_blocks import causal_blocks
from engine.model.kernels import Product


def array(x: Tensor, *shape: int) -> Product:
    """What the compiled loops read and write, in a shape: the numbers, or the bits of bfloat16."""
    numbers = (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()
    return numbers.reshape(shape) if shape else numbers


class Buffer:
    """One array, as torch and as the compiled loops see it; they may see it in another shape."""

    __slots__ = ("array", "tensor")

    def __init__(
        self, *shape: int, dtype: torch.dtype = torch.float32, seen_as: tuple[int, ...] = ()
    ) -> None:
        self.tensor = torch.empty(shape, dtype=dtype)
        self.array = array(self.tensor, *seen_as)


class Memory:
    """The buffers of one call of a sublayer."""

    def __init__(self, *sizes: Any) -> None:
        """`sizes`: all that the shapes and formats of the buffers depend on."""
        self.sizes = sizes


class ActivationBlock(NamedTuple):
    """Views of the activations of attention for one `CausalBlock`."""

    query: Tensor
    query_onward: Tensor
    key_visible: Tensor
    key_visible_transposed: Tensor
    value_visible: Tensor
    value_visible_transposed: Tensor
    probs: Tensor  # of the block's own positions over the visible ones
    probs_onward_transposed: Tensor  # of the onward positions over the block's own


class GradBlock(NamedTuple):
    """Views of the gradients of attention for one `CausalBlock`, named as in `ActivationBlock`."""

    query: Tensor
    key: Tensor
    value: Tensor
    attended: Tensor
    attended_onward: Tensor
    scores: Tensor
    scores_onward_transposed: Tensor


class AttentionActivations(Memory):
    """What the attention sublayer keeps from its forward to its backward pass."""

    def __init__(
        self, batch: int, time: int, n_head: int, head_dim: int, precision: torch.dtype
    ) -> None:
        super().__init__(batch, time, n_head, head_dim, precision)
        rows, width, heads = batch * time, n_head * head_dim, batch * n_head
        self.y = Buffer(rows, width, dtype=precision)
        self.y_scales = Buffer(rows)
        self.heads = Buffer(3, heads, time, head_dim, seen_as=(3, batch, n_head, time, head_dim))
        self.scales = Buffer(batch, time, 2, n_head)
        self.probs = Buffer(heads, time, time)
        query, key, value = self.heads.tensor.unbind()
        probs = self.probs.tensor
        self.blocks = [
            ActivationBlock(
                query=query[:, own],
                query_onward=query[:, onward],
                key_visible=key[:, visible],
                key_visible_transposed=key[:, visible].mT,
                value_visible=value[:, visible],
                value_visible_transposed=value[:, visible].mT,
                probs=probs[:, own, visible],
                probs_onward_transposed=probs[:, onward, own].mT,
            )
            for own, visible, onward in causal_blocks(time)
        ]
        by_row = (batch, time, n_head, head_dim)
        self.merged = Buffer(rows, width, dtype=precision, seen_as=by_row)


class AttentionScratch(Memory):
    """What either pass of the attention sublayer uses while it computes."""

    def __init__(
        self, batch: int, time: int, n_head: int, head_dim: int, precision: torch.dtype
    ) -> None:
        super().__init__(batch, time, n_head, head_dim, precision)
        rows, width, heads = batch * time, n_head * head_dim, batch * n_head
        by_row, by_head = (batch, time, n_head, head_dim), (batch, n_head, time, head_dim)
        by_part = (batch, time, 3, n_head, head_dim)
        self.qkv = Buffer(rows, 3 * width, dtype=precision, seen_as=by_part)
        self.attended = Buffer(heads, time, head_dim, seen_as=by_head)
        self.heads = Buffer(3, heads, time, head_dim, seen_as=(3, *by_head))
        self.scores = Buffer(heads, time, time)
        query, key, value = self.heads.tensor.unbind()
        attended, scores = self.attended.tensor, self.scores.tensor
        self.blocks = [
            GradBlock(
                query=query[:, own],
                key=key[:, own],
                value=value[:, own],
                attended=attended[:, own],
                attended_onward=attended[:, onward],
                scores=scores[:, own, visible],
                scores_onward_transposed=scores[:, onward, own].mT,
            )
            for own, visible, onward in causal_blocks(time)
        ]
        self.merged = Buffer(rows, width, dtype=precision, seen_as=by_row)
        self.y = Buffer(rows, width, dtype=precision)


class MLPActivations(Memory):
    """What the MLP sublayer keeps from its forward to its backward pass."""

    def __init__(self, rows: int, width: int, hidden: int, precision: torch.dtype) -> None:
        super().__init__(rows, width, hidden, precision)
        self.y = Buffer(rows, width, dtype=precision)
        self.y_scales = Buffer(rows)
        self.hidden = Buffer(rows, hidden, dtype=precision)


class MLPScratch(Memory):
    """What the backward pass of the MLP sublayer uses while it computes."""

    def __init__(self, rows: int, width: int, hidden: int, precision: torch.dtype) -> None:
        super().__init__(rows, width, hidden, precision)
        self.y = Buffer(rows, width, dtype=precision)
        self.hidden = Buffer(rows, hidden, dtype=precision)


Kind = TypeVar("Kind", bound=Memory)


class Workspace:
    """Memory of one thread, of one size for each kind: the rest is given up when the size changes.

    As a context manager it is the one that the thread's sublayers use meanwhile.
    """

    _of_thread: ClassVar[threading.local] = threading.local()

    def __init__(self) -> None:
        self._sizes: dict[type[Memory], tuple[Any, ...]] = {}
        self._free: dict[type[Memory], list[Any]] = defaultdict(list)

    @classmethod
    def current(cls) -> "Workspace":
        """That of this thread; a new one where none is in use."""
        return getattr(cls._of_thread, "workspace", None) or cls()

    def take(self, kind: type[Kind], *sizes: Any) -> Kind:
        """Memory that holds anything."""
        if self._sizes.get(kind) != sizes:
            self._sizes[kind] = sizes
            self._free[kind].clear()
        free = self._free[kind]
        return free.pop() if free else kind(*sizes)

    def give_back(self, memory: Memory) -> None:
        """Memory that is not read again."""
        if self._sizes.get(type(memory)) == memory.sizes:
            free = self._free[type(memory)]
            if memory not in free:  # as after a second backward pass over one graph
                free.append(memory)

    def clear(self) -> None:
        """Give up the memory that nobody uses."""
        self._free.clear()

    def __enter__(self) -> Self:
        self._of_thread.workspace = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._of_thread.workspace = None
