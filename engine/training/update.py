"""What one step does to each tensor of a model."""

from torch import Tensor

from engine.model.gpt import GPT
from engine.protocol import TensorUpdate


def tensor_updates(before: GPT, after: GPT, grads: list[Tensor]) -> tuple[TensorUpdate, ...]:
    """How a step has changed each parameter. `before` and `after`: the same model around it;
    `grads`: those of the step, in the order of the parameters."""
    by_muon = {id(matrix.parameter) for matrix in before.matrices()}
    return tuple(
        _measured(name, id(old) in by_muon, old.detach(), new.detach(), grad)
        for (name, old), new, grad in zip(
            before.named_parameters(), after.parameters(), grads, strict=True
        )
    )


def _measured(name: str, muon: bool, old: Tensor, new: Tensor, grad: Tensor) -> TensorUpdate:
    update = new - old
    gradient, size = _norm(grad), _norm(update)
    product = -float((update * grad).sum())
    return TensorUpdate(
        name=name,
        shape=tuple(old.shape),
        optimizer="Muon" if muon else "Adam",
        gradient=gradient,
        weight=_norm(old),
        update=size,
        against_gradient=product / (gradient * size) if gradient and size else 0.0,
    )


def _norm(tensor: Tensor) -> float:
    return float(tensor.square().sum().sqrt())
