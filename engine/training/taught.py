"""A text that is taught besides a run's own: how it gets into the batches."""

import torch
from torch import Tensor

from engine.training.dataset import step_seed
from engine.training.split import LEAST_VAL_CHARACTERS
from engine.training.validation import ValidationText


class TaughtText:
    """Takes the place of some windows of the run's own text.

    A text that fits into a window is set between two words of it, or between two lines if it has
    several: the model learns to write it after anything. Of a longer text, each window has a part.
    """

    def __init__(
        self,
        ids: Tensor,
        share: float,
        separators: tuple[Tensor, ...],
        context_length: int,
        seed: int,
    ) -> None:
        """`ids`: (N,) of the text. `share`: of the windows that it takes. `separators`: kinds of
        ids after which it may be set, the preferred one first."""
        self.ids = ids
        self.share = share
        self.separators = separators
        self.seed = seed
        self.evaluated = ValidationText(ids, context_length, LEAST_VAL_CHARACTERS)

    def mix_into(self, windows: Tensor, first: int) -> None:
        """Replace some of these windows, (B, C + 1) ids of the run's own text. `first`: how many
        windows were drawn before them, since the run began."""
        for row, number in enumerate(range(first, first + len(windows))):
            if int((number + 1) * self.share) > int(number * self.share):
                windows[row] = self._window(windows[row], number)

    def _window(self, old: Tensor, number: int) -> Tensor:
        """(C + 1,) ids in place of the window with this number."""
        generator = torch.Generator().manual_seed(step_seed(self.seed, number))

        def below(count: int) -> int:
            return int(torch.randint(count, (1,), generator=generator))

        room = len(old) - len(self.ids)
        if room <= 0:
            start = below(1 - room)
            return self.ids[start : start + len(old)]
        for separators in self.separators:
            places = torch.isin(old[:room], separators).nonzero()[:, 0] + 1
            if len(places):
                at = int(places[below(len(places))])
                ended = bool(torch.isin(self.ids[-1], separators))
                between = old[at:at] if ended else old[at - 1 : at]
                return torch.cat((old[:at], self.ids, between, old[at:]))[: len(old)]
        at = below(room + 1)
        return torch.cat((old[:at], self.ids, old[at:]))[: len(old)]
