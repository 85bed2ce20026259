"""Loss and gradient on a processor: the model of `engine.model.gpt` and its chain rule, written out.

The numbers are those of torch's autograd, but for the last bits. It is quicker because passes
are merged (`engine.model.kernels`), hardly anything is allocated, and few characters at a time go all
the way forward and back, so that what they leave behind stays in the cache.

Each part knows how to go forward and how to go back, keeps what it needs for that, and adds to
the gradients of its weights. Both halves of a block change the stream `x`, and its gradient, in
place: it is the sum of what all of them add.

Dimensions: B pieces of text, T characters in each, R = B * T rows, D width, H heads, K width of
a head, V vocabulary.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model import kernels
from engine.model.gpt import GPT, MLP, Attention

ROWS = 1024
"""Characters that go forward and back together, where one piece of text is not longer."""


class ByHand:
    """Computes losses and gradients of a model. Each thread needs its own."""

    def __init__(self, model: GPT, precision: torch.dtype) -> None:
        """`precision`: the number format of the weights' products; all else is float32."""
        self.model = model
        self.gradients = tuple(torch.zeros_like(p) for p in model.parameters())
        self._weights: dict[Tensor, Weight] = {
            p: Weight(p.detach(), gradient, precision)
            for p, gradient in zip(model.parameters(), self.gradients, strict=True)
        }
        self._arrays = Arrays()
        self._network: Network | None = None

    @torch.no_grad()
    def learn(
        self, inputs: Tensor, targets: Tensor, characters: int, generator: torch.Generator | None
    ) -> float:
        """What (B, T) ids add to the mean loss over so many `characters`.

        `gradients` are then those of that loss. With a `generator` the config's dropout applies.
        """
        torch._foreach_zero_(self.gradients)
        loss = 0.0
        for ids, answers in micro_batches(inputs, targets):
            network = self._network_for(ids)
            chances = network.forward(ids, generator).log_softmax(1)
            loss -= float(chances.gather(1, answers[:, None]).sum()) / characters
            of_logits = chances.exp_()
            of_logits[torch.arange(len(answers)), answers] -= 1
            network.backward(ids, of_logits.div_(characters))
        return loss

    @torch.no_grad()
    def score(self, inputs: Tensor, targets: Tensor) -> tuple[float, int]:
        """The sum of losses over (B, T) ids, and how many were guessed."""
        loss, guessed = 0.0, 0
        for ids, answers in micro_batches(inputs, targets):
            logits = self._network_for(ids).forward(ids, None)
            loss += float(F.cross_entropy(logits, answers, reduction="sum"))
            guessed += int((logits.argmax(1) == answers).sum())
        return loss, guessed

    def _network_for(self, ids: Tensor) -> "Network":
        """One at a time, all in the same memory: most of what training takes."""
        if self._network is None or self._network.shape != ids.shape:
            self._arrays.begin()
            self._network = Network(self._arrays.empty, self.model, self._weights, *ids.shape)
        return self._network


def micro_batches(inputs: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Of (B, T) ids each: ids of some pieces of text, and their (R) targets."""
    count = max(1, ROWS // inputs.shape[1])
    for ids, answers in zip(torch.split(inputs, count), torch.split(targets, count), strict=True):
        yield ids, answers.flatten()


Empty = Callable[..., Tensor]
"""Gives an array of a shape, like `torch.empty`."""


class Arrays:
    """Memory that one network after another uses, whatever its shape: the first array that each
    asks for is in the same place, and so on."""

    def __init__(self) -> None:
        self._blocks: list[Tensor] = []
        self._given = 0

    def begin(self) -> None:
        """Give to the next network."""
        self._given = 0

    def empty(self, *shape: int) -> Tensor:
        """An array of that shape, with anything in it."""
        size = math.prod(shape)
        if self._given == len(self._blocks):
            self._blocks.append(torch.empty(size))
        elif self._blocks[self._given].numel() < size:
            self._blocks[self._given] = torch.empty(size)
        self._given += 1
        return self._blocks[self._given - 1][:size].view(shape)


class Weight(NamedTuple):
    """A matrix (E, D) that takes D numbers to E, and its gradient."""

    value: Tensor
    gradient: Tensor
    precision: torch.dtype

    def apply(self, x: Tensor, out: Tensor) -> Tensor:
        """out (R, E) = x (R, D) @ value.T"""
        if self.precision == torch.float32:
            return torch.mm(x, self.value.T, out=out)
        return out.copy_(x.to(self.precision) @ self.value.T.to(self.precision))

    def add(self, x: Tensor, out: Tensor) -> None:
        """out (R, E) += x (R, D) @ value.T"""
        if self.precision == torch.float32:
            out.addmm_(x, self.value.T)
        else:
            out.add_(x.to(self.precision) @ self.value.T.to(self.precision))

    def backward(self, of_out: Tensor, x: Tensor, of_x: Tensor) -> Tensor:
        """of_x (R, D) from of_out (R, E), for either product; the weight's own is added up."""
        if self.precision == torch.float32:
            self.gradient.addmm_(of_out.T, x)
            return torch.mm(of_out, self.value, out=of_x)
        low = of_out.to(self.precision)
        self.gradient.add_(low.T @ x.to(self.precision))
        return of_x.copy_(low @ self.value.to(self.precision))


Weights = Mapping[Tensor, Weight]


class Norm:
    """RMSNorm of (R, D)."""

    def __init__(self, empty: Empty, rows: int, width: int) -> None:
        self.y = empty(rows, width)
        self.scales = empty(rows)

    def forward(self, x: Tensor) -> Tensor:
        kernels.rms_norm(x.numpy(), self.y.numpy(), self.scales.numpy())
        return self.y

    def backward(self, of_y: Tensor, of_x: Tensor) -> None:
        """Adds to the gradient of x."""
        kernels.rms_norm_backward(of_y.numpy(), self.y.numpy(), self.scales.numpy(), of_x.numpy())


class Dropout:
    """Dropout of what a half block adds (Srivastava et al. 2014); without a share, nothing."""

    def __init__(self, empty: Empty, share: float, rows: int, width: int) -> None:
        self.share = share
        self.product, self.kept = empty(2, rows if share else 0, width)
        self.active = False

    def add(self, weight: Weight, y: Tensor, x: Tensor, generator: torch.Generator | None) -> None:
        """x += what is kept of y times the weight."""
        self.active = bool(self.share) and generator is not None
        if self.active:
            self.kept.bernoulli_(1 - self.share, generator=generator).div_(1 - self.share)
            x.addcmul_(weight.apply(y, self.product), self.kept)
        else:
            weight.add(y, x)

    def backward(self, of_x: Tensor) -> Tensor:
        """The gradient of the product."""
        return torch.mul(of_x, self.kept, out=self.product) if self.active else of_x


class AttentionHalf:
    """The attention half of a block."""

    def __init__(
        self, empty: Empty, half: Attention, weights: Weights, model: GPT, batch: int, time: int
    ) -> None:
        config = model.config
        rows, width, n_head = batch * time, config.n_embd, config.n_head
        self.qkv, self.output = weights[half.qkv.weight], weights[half.output.weight]
        self.cos, self.sin = model.cos[:time].numpy(), model.sin[:time].numpy()
        self.norm = Norm(empty, rows, width)
        self.heads = empty(3, batch * n_head, time, width // n_head)
        self.scales = empty(batch, time, 2, n_head)
        self.chances = empty(batch * n_head, time, time)
        self.attended = empty(rows, width)
        self.drop = Dropout(empty, config.dropout, rows, width)

    def forward(self, x: Tensor, scratch: "Scratch", generator: torch.Generator | None) -> None:
        """Add to x (R, D)."""
        self.qkv.apply(self.norm.forward(x), scratch.qkv)
        kernels.split_heads(
            scratch.qkv_by_head.numpy(),
            self.cos,
            self.sin,
            self.heads.view(scratch.of_heads.shape).numpy(),
            self.scales.numpy(),
        )
        query, key, value = self.heads.unbind()
        torch.bmm(query, key.mT, out=self.chances)
        kernels.causal_softmax(self.chances.numpy())
        torch.bmm(self.chances, value, out=scratch.by_head)
        self.attended.view(scratch.merged.shape).copy_(scratch.merged)
        self.drop.add(self.output, self.attended, x, generator)

    def backward(self, of_x: Tensor, scratch: "Scratch") -> None:
        """Add to the gradient of x (R, D)."""
        of_attended = self.output.backward(self.drop.backward(of_x), self.attended, scratch.normed)
        scratch.merged.copy_(of_attended.view(scratch.merged.shape))
        query, key, value = self.heads.unbind()
        of_query, of_key, of_value = scratch.of_heads.flatten(1, 2).unbind()
        torch.bmm(self.chances.mT, scratch.by_head, out=of_value)
        torch.bmm(scratch.by_head, value.mT, out=scratch.of_scores)
        kernels.causal_softmax_backward(scratch.of_scores.numpy(), self.chances.numpy())
        torch.bmm(scratch.of_scores, key, out=of_query)
        torch.bmm(scratch.of_scores.mT, query, out=of_key)
        kernels.split_heads_backward(
            scratch.of_heads.numpy(),
            self.heads.view(scratch.of_heads.shape).numpy(),
            self.scales.numpy(),
            self.cos,
            self.sin,
            scratch.qkv_by_head.numpy(),
        )
        self.norm.backward(self.qkv.backward(scratch.qkv, self.norm.y, scratch.normed), of_x)


class MLPHalf:
    """The MLP half of a block."""

    def __init__(self, empty: Empty, half: MLP, weights: Weights, model: GPT, rows: int) -> None:
        width = model.config.n_embd
        self.up, self.output = weights[half.up.weight], weights[half.output.weight]
        self.norm = Norm(empty, rows, width)
        self.hidden = empty(rows, 4 * width)
        self.drop = Dropout(empty, model.config.dropout, rows, width)

    def forward(self, x: Tensor, generator: torch.Generator | None) -> None:
        """Add to x (R, D)."""
        self.up.apply(self.norm.forward(x), self.hidden)
        kernels.squared_relu(self.hidden.numpy())
        self.drop.add(self.output, self.hidden, x, generator)

    def backward(self, of_x: Tensor, scratch: "Scratch") -> None:
        """Add to the gradient of x (R, D)."""
        self.output.backward(self.drop.backward(of_x), self.hidden, scratch.of_hidden)
        kernels.squared_relu_backward(scratch.of_hidden.numpy(), self.hidden.numpy())
        self.norm.backward(self.up.backward(scratch.of_hidden, self.norm.y, scratch.normed), of_x)


class Scratch:
    """Arrays that every block uses in turn."""

    def __init__(self, empty: Empty, model: GPT, batch: int, time: int) -> None:
        config = model.config
        rows, width, n_head = batch * time, config.n_embd, config.n_head
        self.normed = empty(rows, width)
        self.qkv = empty(rows, 3 * width)
        self.qkv_by_head = self.qkv.view(batch, time, 3, n_head, width // n_head)
        self.by_head = empty(batch * n_head, time, width // n_head)
        self.merged = self.by_head.view(batch, n_head, time, width // n_head).transpose(1, 2)
        self.of_heads = empty(3, batch, n_head, time, width // n_head)
        self.of_scores = empty(batch * n_head, time, time)
        self.of_hidden = empty(rows, 4 * width)


class Network:
    """The whole model, with room for the activations of (B, T) ids of one shape."""

    def __init__(self, empty: Empty, model: GPT, weights: Weights, batch: int, time: int) -> None:
        rows, width = batch * time, model.config.n_embd
        self.shape = (batch, time)
        self.embedding, self.head = weights[model.embedding.weight], weights[model.head.weight]
        self.blocks = [
            (
                AttentionHalf(empty, b.attention, weights, model, batch, time),
                MLPHalf(empty, b.mlp, weights, model, rows),
            )
            for b in model.blocks
        ]
        self.norm = Norm(empty, rows, width)
        self.scratch = Scratch(empty, model, batch, time)
        self.x = empty(rows, width)
        self.logits = empty(rows, model.head.out_features)

    def forward(self, ids: Tensor, generator: torch.Generator | None) -> Tensor:
        """(B, T) ids to (R, V) logits."""
        torch.index_select(self.embedding.value, 0, ids.flatten(), out=self.x)
        for attention, mlp in self.blocks:
            attention.forward(self.x, self.scratch, generator)
            mlp.forward(self.x, generator)
        return self.head.apply(self.norm.forward(self.x), self.logits)

    def backward(self, ids: Tensor, of_logits: Tensor) -> None:
        """Add up the gradients of all weights, from that of the logits of the last `forward`."""
        of_x = self.x.zero_()
        self.norm.backward(self.head.backward(of_logits, self.norm.y, self.scratch.normed), of_x)
        for attention, mlp in reversed(self.blocks):
            mlp.backward(of_x, self.scratch)
            attention.backward(of_x, self.scratch)
        self.embedding.gradient.index_add_(0, ids.flatten(), of_x)
