"""The models of earlier steps of the open run, loaded from the weights that were kept."""

from collections.abc import Callable
from copy import deepcopy

from engine.model.gpt import GPT
from engine.model.weights import Weights
from engine.storage.manifest import DamagedError
from engine.storage.moment_files import Moment, moment_at
from engine.storage.moments import read_moment
from engine.training.trainer import Trainer

NOW = -1
"""The step that stands for the model as it is."""
CACHED = 2
"""Models of earlier steps that stay loaded: one that is looked at, and one that writes."""


class MomentModels:
    """Loads the models of one run. They are apart from the one that trains."""

    def __init__(
        self,
        trainer: Trainer,
        context_length: Callable[[], int],
        moments: Callable[[], list[Moment]],
    ) -> None:
        """`context_length`: the one that the model is trained with at present. `moments`: those
        that there are."""
        self._trainer = trainer
        self._context_length = context_length
        self._moments = moments
        self._loaded: dict[Moment, Weights] = {}

    def kept(self) -> list[Moment]:
        """The moments that there are, oldest first. ValueError, with a user-facing message, if they
        cannot be listed."""
        try:
            return self._moments()
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(f"The kept weights cannot be read: {reason}.") from None

    def at(self, step: int) -> Weights:
        """The model with the weights of a step; of `NOW`, that which trains. ValueError, with a
        user-facing message, if they are not kept, or damaged."""
        trainer = self._trainer
        if step in (NOW, trainer.step_number):
            return Weights(trainer.model, trainer.step_number, self._context_length())
        moment = moment_at(self.kept(), step)
        weights = self._loaded.pop(moment, None) or self._load(moment)
        self._loaded[moment] = weights
        while len(self._loaded) > CACHED:
            del self._loaded[next(iter(self._loaded))]
        return weights

    def apart(self, step: int) -> Weights:
        """The same, in a model that no training changes: for answers in slices between those of
        training, which are about one moment."""
        weights = self.at(step)
        if weights.model is not self._trainer.model:
            return weights
        return weights._replace(model=deepcopy(weights.model))

    def _load(self, moment: Moment) -> Weights:
        expected = self._trainer.model.state_dict()
        size = sum(tensor.numel() * tensor.element_size() for tensor in expected.values())
        try:
            tensors, at = read_moment(moment, size)
        except DamagedError as error:
            raise ValueError(
                f"The weights of step {moment.step:,} cannot be used: {error}."
            ) from None
        shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
        if shapes != {name: (tensor.shape, tensor.dtype) for name, tensor in expected.items()}:
            raise ValueError(f"The weights of step {moment.step:,} do not fit this model.")
        model = GPT(self._trainer.config.model, self._trainer.vocabulary)
        model.to(self._trainer.model.device).load_state_dict(tensors)
        longest = self._trainer.config.model.context_length
        return Weights(model, moment.step, min(at.context_length, longest))
