"""Which rows of which parameter are a matrix that Muon orthogonalizes."""

from typing import NamedTuple

from torch import Tensor


class Matrix(NamedTuple):
    """Rows `first` to `last` of a parameter: one linear map, which Muon orthogonalizes by itself."""

    parameter: Tensor
    first: int
    last: int

    def of(self, tensor: Tensor) -> Tensor:
        """The rows of the parameter, or of a tensor of its shape, such as its gradient."""
        return tensor[self.first : self.last]


def matrices_in(parameter: Tensor, count: int) -> list[Matrix]:
    """The `count` matrices that are stacked in one parameter."""
    rows = parameter.shape[0] // count
    return [Matrix(parameter, i * rows, (i + 1) * rows) for i in range(count)]
