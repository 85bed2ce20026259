"""What one step does, in words."""

from engine.protocol import StepInspected, TensorUpdate
from tui.drawing.words import rate


def is_adamw(step: StepInspected) -> bool:
    """Whether AdamW takes the step, for all tensors."""
    return all(tensor.optimizer == "AdamW" for tensor in step.tensors)


def matrix_optimizer(step: StepInspected) -> str:
    """What changes the matrices inside the blocks: Muon, NorMuon or AdamW."""
    return next(tensor.optimizer for tensor in step.tensors if tensor.name.startswith("blocks."))


def rates(step: StepInspected) -> str:
    """The learning rates as applied: "0.03 (Muon), 0.003 (Adam)"."""
    if is_adamw(step):
        return f"{rate(step.learning_rate)} (AdamW)"
    return (
        f"{rate(step.learning_rate)} ({matrix_optimizer(step)}), "
        f"{rate(step.adam_learning_rate)} (Adam)"
    )


def change(step: StepInspected) -> str:
    """How much likelier the true one became."""
    before, after = step.before.bits or 0.0, step.after.bits or 0.0
    return (
        f"{before:.2f} bits before, {after:.2f} after: "
        f"a probability of {2**-before:.1%}, then {2**-after:.1%}"
    )


def update_ratio(tensor: TensorUpdate) -> str:
    """The size of the update in parts of that of the weights."""
    if not tensor.weight:
        return "from zero"
    percent = 100 * tensor.update / tensor.weight
    return f"{percent:.2g}%" if percent < 100 else f"{percent:,.0f}%"


def tensor_name(tensor: TensorUpdate) -> str:
    """Its name as `inspect --off` counts blocks: 1.attention.qkv, 2.mlp.up, head."""
    first, _, rest = tensor.name.removesuffix(".weight").partition(".")
    if first != "blocks":
        return f"{first}.{rest}" if rest else first
    number, _, layer = rest.partition(".")
    return f"{int(number) + 1}.{layer}"
