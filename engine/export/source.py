"""What is exported: a run at one step. And what was read back of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from data.text import Text
from engine.config import ModelConfig
from engine.device import UNKNOWN_MACHINE, Machine
from engine.model.gpt import GPT
from engine.model.tokenizer import Tokenizer
from engine.protocol import Tokens
from engine.storage.manifest import Progress
from engine.storage.run_info import RunInfo


class Source(NamedTuple):
    """A run at the step whose weights are exported."""

    name: str
    folder: Path
    """Of the saved run: its history is there."""
    info: RunInfo
    """Without the folder of the user's text: exports are published."""
    text: Text
    """Of a run that was imported without its text: what its model has written."""
    step: int
    loss: float | None
    """Validation loss of these very weights, in nats a token; None: they were not evaluated."""
    context_length: int
    """With which it is trained at that step: at positions beyond, it is untrained."""
    model: GPT
    """On the CPU. All its weights are finite."""
    tokenizer: Tokenizer
    progress: Progress
    """Of the run at that step."""
    machine: Machine = UNKNOWN_MACHINE
    """That has trained it."""

    other: str = ""
    """The text that it is trained on in place of its own."""
    tokens: Tokens = Tokens()
    """Of the model, without examples."""

    @property
    def noun(self) -> str:
        """What a token is called."""
        return self.tokens.noun


class ReadBack(NamedTuple):
    """A model as another program would read it from the files."""

    logits: Callable[[Tensor], Tensor]
    """(B, T) ids of the tokens below to their (B, T, V) logits, in float32. A `GPT` is one."""
    tokens: tuple[bytes, ...]
    """The V tokens in UTF-8, in the order of the ids."""


def model_of(state: Mapping[str, Tensor], config: ModelConfig, vocabulary: int) -> GPT:
    """A model with these weights, which fit it. ValueError, with a user-facing message, if they are
    not finite."""
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise ValueError(f"The weights of this run are not all finite numbers: {name}.")
    model = GPT(config, vocabulary)
    model.load_state_dict(state)
    return model
