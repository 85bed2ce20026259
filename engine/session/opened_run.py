"""What the session does with an open run, whoever trains it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.config import SampleConfig
from engine.protocol import Event, InsightCommand, Teach

if TYPE_CHECKING:  # imports torch, which the session loads with the first run
    from engine.generation.streams import SampleStreams
    from engine.session.context import RunContext
    from engine.session.inspector import Inspector
    from engine.session.moment_models import MomentModels

Emit = Callable[[Event], None]
Clock = Callable[[], float]
Reopen = Callable[[], "OpenedRun | None"]
"""Opens the run as it was last saved, in place of the open one; None if that failed."""

SLICE = 1 / 30
"""Seconds of sampling between two looks at the inbox, while nothing is trained."""


class OpenedRun(ABC):
    """An open run: trained here (`ActiveRun`, or the sides of a `Race`), by another program
    (`FollowedRun`), or not at all (`TextlessRun`).

    A command that it does not carry out it refuses with a `Failed` event.
    """

    context: "RunContext"
    _samples: "SampleStreams"
    _inspector: "Inspector"
    _models: "MomentModels"

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the run at present."""

    def find(self, name: str) -> "OpenedRun | None":
        """What is open of the run of this name: itself, or a side of a race."""
        return self if name == self.name else None

    @property
    @abstractmethod
    def timeout(self) -> float | None:
        """Seconds until `tick` has something to do; None: nothing until a command comes."""

    @abstractmethod
    def begin(self) -> None:
        """Start with what is due when a run has been opened."""

    @abstractmethod
    def tick(self) -> None:
        """Do one small piece of work: commands wait for it."""

    @abstractmethod
    def try_save(self) -> bool:
        """Save what this program has to save; False if that failed, which is reported."""

    @abstractmethod
    def close(self) -> None:
        """End its threads and release its files, without saving."""

    # Commands.

    @abstractmethod
    def train(self, steps: int = 0, minutes: float = 0.0) -> None: ...

    @abstractmethod
    def pause(self) -> None: ...

    @abstractmethod
    def step_once(self) -> None: ...

    @abstractmethod
    def end(self) -> None: ...

    @abstractmethod
    def roll_back(self, reopen: Reopen) -> None: ...

    @abstractmethod
    def set_learning_rate(self, learning_rate: float) -> None: ...

    @abstractmethod
    def teach(self, command: Teach) -> None:
        """Mix another text into the batches from the next step on. ValueError, with a user-facing
        message."""

    @abstractmethod
    def save(self) -> None: ...

    def sample(self, sample_id: int, prompt: str, config: SampleConfig, step: int) -> None:
        """Start a reply to a prompt, in place of the one before, with the weights of a step.
        ValueError, with a user-facing message, if these are not kept."""
        self._samples.start(sample_id, prompt, config, self._models.at(step))

    def stop_sample(self) -> None:
        """Stop the reply."""
        self._samples.stop()

    def inspect(self, command: InsightCommand) -> None:
        """Look inside the model, as it is now."""
        self._inspector.answer(command)

    @abstractmethod
    def set_excerpt_prompt(self, prompt: str) -> None:
        """ValueError, with a user-facing message, if all its characters are unknown."""

    @abstractmethod
    def rename(self, name: str) -> None:
        """ValueError, with a user-facing message; OSError leaves the folder as it is."""

    @abstractmethod
    def annotate(self, note: str) -> None:
        """ValueError, with a user-facing message; OSError."""


class NotTrainedHere(OpenedRun):
    """Refuses the commands that train a run or change what it is trained on."""

    def train(self, steps: int = 0, minutes: float = 0.0) -> None:
        self._refuse()

    def step_once(self) -> None:
        self._refuse()

    def end(self) -> None:
        self._refuse()

    def roll_back(self, reopen: Reopen) -> None:
        self._refuse()

    def teach(self, command: Teach) -> None:
        self._refuse()

    @abstractmethod
    def _refuse(self) -> None:
        """Emit the `Failed` event that says why."""
