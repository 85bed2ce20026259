"""Commands: what a user asks of the engine."""

from engine.config import RunConfig, SampleConfig
from engine.protocol.message import Message


class Open(Message, frozen=True):
    """Begin a fresh run of this config. The run before it is saved first."""

    config: RunConfig


class OpenRun(Message, frozen=True):
    """Open a saved run by its name, to prompt it or to train on: as it was saved last, or, with
    "@best" behind the name, as it was in its best exam."""

    name: str
    changed_text: bool = False  # even if its text is not the one that it was trained on


class Train(Message, frozen=True):
    """Train until the planned end; after that end, by as much again."""


class Pause(Message, frozen=True):
    """Stop after the step that is being taken."""


class Step(Message, frozen=True):
    """Take one step, then pause."""


class Stop(Message, frozen=True):
    """End the run here: a last evaluation, then save."""


class Rollback(Message, frozen=True):
    """Go on from the last checkpoint, at half the learning rate."""


class SetLearningRate(Message, frozen=True):
    """Change the learning rate from the next step on (the schedule still scales it)."""

    learning_rate: float


class Sample(Message, frozen=True):
    """Write on from the prompt. A newer one supersedes it; `sample_id` tells them apart."""

    sample_id: int
    prompt: str
    config: SampleConfig


class StopSample(Message, frozen=True):
    """Stop writing."""


class Measure(Message, frozen=True):
    """Take a real step of this config aside, to tell what a run of it would cost."""

    config: RunConfig


class Save(Message, frozen=True):
    """Save the run now."""


class ListRuns(Message, frozen=True):
    """List the saved runs; answered by `RunsListed`."""


class RenameRun(Message, frozen=True):
    """Give a saved run, or the open one, another name."""

    run: str
    name: str


class AnnotateRun(Message, frozen=True):
    """Keep a note with a saved run, or the open one, in place of the one before."""

    run: str
    note: str


class DeleteRun(Message, frozen=True):
    """Remove a saved run that no program trains."""

    run: str


class Compare(Message, frozen=True):
    """Tell how these saved runs went: these, and no others."""

    runs: tuple[str, ...]


class Close(Message, frozen=True):
    """Save, if there is anything to save, and end the thread."""

    save: bool = True


Command = (
    Open
    | OpenRun
    | Train
    | Pause
    | Step
    | Stop
    | Rollback
    | SetLearningRate
    | Sample
    | StopSample
    | Measure
    | Save
    | ListRuns
    | RenameRun
    | AnnotateRun
    | DeleteRun
    | Compare
    | Close
)
