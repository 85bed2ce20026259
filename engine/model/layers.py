"""The two layers that have weights, without the weights that torch would draw."""

from torch import nn


class Linear(nn.Linear):
    """A product with a matrix, without a bias. Its weights are drawn by `GPT.init_weights`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self) -> None:
        """Draw nothing: on the meta device, torch would import its compiler for that."""


class Embedding(nn.Embedding):
    """A row of numbers for each id. Its weights are drawn by `GPT.init_weights`."""

    def reset_parameters(self) -> None:
        """Draw nothing, as in `Linear`."""
