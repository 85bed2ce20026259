"""Commands: what a user asks of the engine."""

from data.reading import Reading
from engine.config import RunConfig, SampleConfig
from engine.protocol.downloads import DownloadCommand
from engine.protocol.exports import ExportRun, ImportRun
from engine.protocol.insight import InsightCommand
from engine.protocol.message import Message
from engine.protocol.packing import PackRun, UnpackRun
from engine.protocol.race import OpenRace, RaceCommand
from engine.protocol.reports import GatherReport
from engine.protocol.sweeps import SweepCommand
from engine.protocol.teaching import Teach


class Open(Message, frozen=True):
    """Start a new run of this config. The open run is saved first."""

    config: RunConfig
    download: bool = False  # its text, without asking, if it is not here


class OpenRun(Message, frozen=True):
    """Open a saved run by its name, to prompt it or to train on: as it was last saved, or, with
    "@best" after the name, as it was at its best evaluation."""

    name: str
    changed_text: bool = False  # even if its text is not the one that it was trained on
    assignments: tuple[str, ...] = ()  # KEY=VALUE: settings that change (`engine.changes`)


class Fork(Message, frozen=True):
    """Start a new run from a step of a saved run, or of the open one, which is saved first.

    At a step that has a checkpoint it continues from that, and without changes takes the course
    that the run itself took; from weights that were kept it begins with a fresh optimizer.
    """

    run: str
    step: int = -1  # -1: of the newest checkpoint
    assignments: tuple[str, ...] = ()  # KEY=VALUE: settings that change (`engine.changes`)
    corpus: str = ""  # another text, of the characters that the model knows; empty: the same
    reading: Reading = Reading()  # of another text
    download: bool = False  # as in `Open`


class StopReading(Message, frozen=True):
    """Give up what is being opened while its text is read, as `Busy` says; without effect later, so
    that one that comes too late ends no run."""


class Train(Message, frozen=True):
    """Train to the planned end; after it, for the same length again. Or, from where the run is, for
    so many steps or minutes more."""

    steps: int = 0
    minutes: float = 0.0


class Pause(Message, frozen=True):
    """Pause now, and save. A step in progress is completed when training goes on."""


class Step(Message, frozen=True):
    """Take one step, then pause."""


class Stop(Message, frozen=True):
    """End the run here: a last evaluation, then save."""


class Rollback(Message, frozen=True):
    """Continue from the last checkpoint at half the learning rate."""


class SetLearningRate(Message, frozen=True):
    """Change the learning rate from the next step on (the schedule still scales it)."""

    learning_rate: float


class Sample(Message, frozen=True):
    """Generate text from the prompt. A newer sample replaces it; `sample_id` tells them apart."""

    sample_id: int
    prompt: str
    config: SampleConfig
    step: int = -1  # of the kept weights that write it; -1: as they are now


class StopSample(Message, frozen=True):
    """Stop generating."""


class SetExcerptPrompt(Message, frozen=True):
    """Have the run's samples continue this prompt from now on, beginning with one right away."""

    prompt: str


class Measure(Message, frozen=True):
    """Measure what a run of this config would cost, by real steps of a second model."""

    config: RunConfig
    vocabulary: int  # distinct characters of its text


class Save(Message, frozen=True):
    """Save the run now."""


class ListRuns(Message, frozen=True):
    """List the saved runs; answered by `RunsListed`."""


class RenameRun(Message, frozen=True):
    """Give a saved run, or the open one, another name."""

    run: str
    name: str


class AnnotateRun(Message, frozen=True):
    """Replace the note of a saved run, or of the open one."""

    run: str
    note: str


class DeleteRun(Message, frozen=True):
    """Delete a saved run that no program trains."""

    run: str


class Compare(Message, frozen=True):
    """Compare the open run with these saved runs, and no others."""

    runs: tuple[str, ...]


class Close(Message, frozen=True):
    """Save, if there is anything to save, and end the thread."""

    save: bool = True


Opening = Open | Fork | OpenRace
"""The commands that read a text, which may have to be downloaded first."""

Command = (
    Open
    | OpenRun
    | Fork
    | Train
    | Pause
    | Step
    | Stop
    | Rollback
    | SetLearningRate
    | Teach
    | Sample
    | StopReading
    | StopSample
    | SetExcerptPrompt
    | Measure
    | Save
    | ListRuns
    | RenameRun
    | AnnotateRun
    | DeleteRun
    | Compare
    | ExportRun
    | ImportRun
    | PackRun
    | GatherReport
    | UnpackRun
    | InsightCommand
    | RaceCommand
    | SweepCommand
    | DownloadCommand
    | Close
)
