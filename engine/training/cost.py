"""How much memory a run takes, and whether there is as much."""

import psutil
import torch

from engine.config import RunConfig
from engine.model.gpt import on_meta
from engine.training.replica import MICRO_BATCH


def estimate_memory(config: RunConfig, vocabulary: int, device: torch.device, threads: int) -> int:
    """Bytes that training takes beyond what torch itself does.

    These are the weights (value, momentum, update, two copies that write, a gradient for each
    worker) and the activations that are kept for the backward pass.
    """
    time, model = config.model.context_length, on_meta(config.model, vocabulary)
    weights = (5 + threads) * sum(p.numel() for p in model.parameters())
    rows = config.train.batch_size * time
    if device.type == "cpu":
        rows = min(rows, threads * max(MICRO_BATCH, time))
    sublayers = [layer.activations(time) for layer in model.sublayers()]
    # Beside what all sublayers keep: the embedding, the logits, and what one needs meanwhile.
    per_row = sum(sublayers) + 2 * max(sublayers) + 3 * vocabulary
    return 4 * (weights + rows * per_row)


def check_memory(config: RunConfig, vocabulary: int, device: torch.device, threads: int) -> None:
    """ValueError with a user-facing message for a run that needs more memory than is free."""
    needed, free = estimate_memory(config, vocabulary, device, threads), _free(device)
    if needed > free:
        raise ValueError(
            f"This run would need about {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB "
            "are free: take a smaller preset, width, context or batch."
        )


def _free(device: torch.device) -> int:
    """Bytes that a program may still take without others being swapped out."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
