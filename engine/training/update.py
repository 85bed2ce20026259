"""What one step does to each tensor of a model."""

from torch import Tensor

from engine.config import TrainConfig
from engine.model.gpt import GPT
from engine.protocol import OptimizerName, TensorUpdate


def tensor_updates(
    before: GPT, after: GPT, grads: list[Tensor], config: TrainConfig
) -> tuple[TensorUpdate, ...]:
    """How a step has changed each parameter. `before` and `after`: the same model around it;
    `grads`: those of the step, in the order of the parameters."""
    inside = {id(matrix.parameter) for matrix in before.matrices()}

    def optimizer(parameter: Tensor) -> OptimizerName:
        if config.optimizer == "adamw":
            return "AdamW"
        if id(parameter) not in inside:
            return "Adam"
        return "NorMuon" if config.optimizer == "normuon" else "Muon"

    return tuple(
        _measured(name, optimizer(old), old.detach(), new.detach(), grad)
        for (name, old), new, grad in zip(
            before.named_parameters(), after.parameters(), grads, strict=True
        )
    )


def _measured(
    name: str, optimizer: OptimizerName, old: Tensor, new: Tensor, grad: Tensor
) -> TensorUpdate:
    update = new - old
    gradient, size = _norm(grad), _norm(update)
    product = -float((update * grad).sum())
    return TensorUpdate(
        name=name,
        shape=tuple(old.shape),
        optimizer=optimizer,
        gradient=gradient,
        weight=_norm(old),
        update=size,
        against_gradient=product / (gradient * size) if gradient and size else 0.0,
    )


def _norm(tensor: Tensor) -> float:
    return float(tensor.square().sum().sqrt())
