"""How much memory a run takes, and whether there is as much."""

import psutil
import torch

from engine.config import RunConfig
from engine.model.fused import ROWS


def estimate_memory(config: RunConfig, vocabulary: int, device: torch.device, threads: int) -> int:
    """Bytes that training takes beyond what torch itself does: the weights (value, momentum, move,
    two copies that write, a gradient for each thread) and what is remembered for the way back."""
    model = config.model
    weights = (5 + threads) * model.parameters(vocabulary)
    rows = config.train.batch_size * model.context_length
    if device.type == "cpu":  # `engine.model.fused` takes few characters at a time
        rows = min(rows, threads * max(ROWS, model.context_length))
    chances = model.n_head * model.context_length
    per_row = model.n_layer * (18 * model.n_embd + chances) + 14 * model.n_embd + chances
    return 4 * (weights + rows * (per_row + 3 * vocabulary))


def check_memory(config: RunConfig, vocabulary: int, device: torch.device, threads: int) -> None:
    """ValueError, in a sentence, for a run that needs more memory than is free."""
    needed, free = estimate_memory(config, vocabulary, device, threads), _free(device)
    if needed > free:
        raise ValueError(
            f"This run would need about {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB "
            "are free: take a smaller preset, width, context or batch."
        )


def _free(device: torch.device) -> int:
    """Bytes that a program may still take without others being pushed out."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
