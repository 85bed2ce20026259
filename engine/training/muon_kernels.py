"""What Muon does to one matrix before and after it is orthogonalized, each in one sweep over memory,
for a CPU. The same is stated in torch operations in `engine.training.muon`.

Arrays are C-contiguous: a matrix has R rows, one for each output neuron, and D columns.
"""

import numpy as np
from numpy import float32

from engine.model.kernels import ONE, ZERO, Array, compiled


@compiled
def update_momentum(grad: Array, momentum: Array, update: Array, beta: float, share: float) -> None:
    """The momentum (R, D) takes the gradient (R, D) in; the update gets this share of it, and the
    gradient as the rest."""
    old, new = float32(beta), float32(1 - beta)
    mixed, rest = float32(share), float32(1 - share)
    rows, columns = grad.shape
    for i in range(rows):
        for j in range(columns):
            mean = old * momentum[i, j] + new * grad[i, j]
            momentum[i, j] = mean
            update[i, j] = mixed * mean + rest * grad[i, j]


@compiled
def change(weight: Array, update: Array, scales: Array, rate: float, decay: float) -> None:
    """The weight (R, D) loses the fraction `decay` of itself, and `rate` times the update (R, D) with
    its rows multiplied by `scales` (R)."""
    keep = ONE - float32(decay)
    rows, columns = weight.shape
    for i in range(rows):
        factor = float32(rate) * scales[i]
        for j in range(columns):
            weight[i, j] = keep * weight[i, j] - factor * update[i, j]


@compiled
def change_by_neuron(
    weight: Array, update: Array, squares: Array, beta: float, rate: float, decay: float
) -> None:
    """`change` with such scales that the rows of the update become of one size on the whole, and its
    norm stays. `squares` (R) is the running mean of their squares, and takes this update in."""
    old, new = float32(beta), float32(1 - beta)
    before, after = ZERO, ZERO
    rows, columns = update.shape
    scales = np.empty(rows, np.float32)
    for i in range(rows):
        total = ZERO
        for j in range(columns):
            total += update[i, j] * update[i, j]
        size = total / float32(columns)
        mean = old * squares[i] + new * size
        squares[i] = mean
        scales[i] = ONE / np.sqrt(mean) if mean > ZERO else ONE
        before += size
        after += size * scales[i] * scales[i]
    norm = np.sqrt(before / after) if after > ZERO else ONE
    change(weight, update, scales, float(rate) * float(norm), decay)
