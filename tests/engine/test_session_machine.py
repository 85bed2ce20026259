"""Whatever the user does, in whatever order, and however often the program is killed or the disk is
full: the events are true, and the run is bit-identical to one that was left alone."""

import errno
import hashlib
import math
import os
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple
from zipfile import ZipFile

import msgspec
import pytest
import torch
from driving import FakeClock, history_of, of, tiny
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from race_model import RaceModel
from torch import Tensor

from engine.config import RunConfig, SampleConfig
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    INSIGHT_COMMANDS,
    RECORDED,
    AlphabetMapped,
    AnnotateRun,
    AskWhenLearned,
    Busy,
    Close,
    Command,
    Compare,
    Compared,
    DeleteRace,
    DeleteRun,
    DivideLoss,
    Evaluated,
    Event,
    Exported,
    ExportRun,
    Extended,
    Failed,
    FindCopies,
    Fork,
    GatherReport,
    Inspect,
    InspectPlace,
    LadderMeasured,
    LearningRateChanged,
    ListRaces,
    MapAlphabet,
    MappingRequired,
    Measure,
    Measured,
    Open,
    Opened,
    OpenRace,
    OpenRun,
    OpenSavedRace,
    Packed,
    PackRun,
    Pause,
    Phase,
    PhaseChanged,
    PlaceInspected,
    RaceChanged,
    RaceOpened,
    RacePhaseChanged,
    RaceSaved,
    RacesListed,
    RaceVerdict,
    RenameRace,
    RenameRun,
    ReportGathered,
    Rollback,
    RunChanged,
    Sample,
    SampleDone,
    SampleStarted,
    Save,
    Saved,
    SetExcerptPrompt,
    SetLearningRate,
    SideEvent,
    Step,
    StepDone,
    Stop,
    StopSample,
    Taught,
    Teach,
    TextSampled,
    Train,
)
from engine.session.context import RunContext
from engine.session.session import Session
from engine.storage.atomic import UNFINISHED
from engine.storage.checkpoints import State
from engine.storage.manifest import MANIFEST, Manifest
from engine.storage.paths import folder_of, run_names
from engine.storage.race_file import race_names
from engine.storage.saved_run import load_run
from engine.training.optimizers import Optimizer
from engine.training.schedule import Plan, Position

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

TEXT = "\n".join(
    f"{number} owls upon the wall, said she;\nand {number} mice below, said he."
    for number in range(30)
)
VARIANTS = (
    (),
    (
        "model.dropout=0.2",
        "train.context_warmup=0.5",
        "train.steps=12",
        "train.evaluation_interval=3",
    ),
    ("train.threads=2", "train.steps=7", "train.evaluation_interval=3", "train.context_warmup=1"),
    ("train.steps=1", "train.evaluation_interval=1"),
    ("train.minutes=0.02",),
)
"""Kinds of runs; the last one ends by the clock, so it has no reference."""

# Actions, in addition to the commands that need no name of a saved run.


class Fresh(NamedTuple):
    """Open a new run of this variant."""

    variant: int


class Reopen(NamedTuple):
    """Open one of the saved runs."""

    number: int
    best: bool


class ForkOne(NamedTuple):
    """Fork one of the saved runs where it was saved last."""

    number: int


class Rename(NamedTuple):
    """Give one of the saved runs this name."""

    number: int
    name: str


class Annotate(NamedTuple):
    """Give one of the saved runs this note."""

    number: int
    text: str


class Delete(NamedTuple):
    """Remove one of the saved runs."""

    number: int


class PackOne(NamedTuple):
    """Pack one of the saved runs."""

    number: int


class CompareAll(NamedTuple):
    """Compare all saved runs."""


class ExportOne(NamedTuple):
    """Export one of the saved runs."""

    number: int


class RaceTwo(NamedTuple):
    """Race two variants."""

    one: int
    other: int
    seeds: int


class ReopenRace(NamedTuple):
    """Open one of the saved races."""

    number: int


class RenameOneRace(NamedTuple):
    """Give one of the saved races this name."""

    number: int
    name: str


class DeleteOneRace(NamedTuple):
    """Delete one of the saved races."""

    number: int
    with_runs: bool


class Report(NamedTuple):
    """Report one of the saved runs."""

    number: int


class Kill(NamedTuple):
    """Kill the program: now, at an event, or while it saves."""

    at: Literal["now", "event", "sync"]
    count: int


class Disk(NamedTuple):
    """From now on every save fails, or none does."""

    full: bool


class NaNGradient(NamedTuple):
    """The gradient of the next batch is NaN."""


Action = (
    Command
    | Fresh
    | Reopen
    | ForkOne
    | Rename
    | Annotate
    | Delete
    | CompareAll
    | ExportOne
    | PackOne
    | RaceTwo
    | ReopenRace
    | RenameOneRace
    | DeleteOneRace
    | Report
    | Kill
    | Disk
    | NaNGradient
)

PROMPTS = st.sampled_from(["", "The owl", "\n", "a" * 40]) | st.text(max_size=40)
NAMES = st.sampled_from(["one", "two", "three"]) | st.text(max_size=70)
UNKNOWN = st.sampled_from(
    ["", ".", "..", "../x", "a\0b", "\ud800", "a/b", "@", "@best", "x" * 300, "amber-otter", "/"]
) | st.text(max_size=20).map("?{}".format)
SAMPLES = st.builds(
    SampleConfig,
    temperature=st.floats(0, 5),
    top_k=st.integers(0, 100),
    top_p=st.floats(0, 1),
    seed=st.integers(0, 2**31 - 1),
    characters=st.integers(1, 200),
    stop=st.sampled_from(["", "\n", "e .,"]) | st.text(max_size=3),
)
OFF = st.sampled_from([(), ("1.mlp",), ("1.head.2", "1.attention"), ("2.mlp",)])
RATES = st.floats(1e-5, 1) | st.floats() | st.sampled_from([1e-5, 0.03])
NUMBERS = st.integers(0, 3)
VARIANT = st.integers(0, len(VARIANTS) - 1)
TAUGHT = st.sampled_from(["", "the flobbet", "owl\n" * 40, "ß"])

ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.just(Train()),
    st.sampled_from([Pause(), Step(), Train(), Stop(), Rollback(), Save(), StopSample()]),
    st.sampled_from([Step(), Pause(), Train(), Close(), Close(save=False), NaNGradient()]),
    st.builds(SetLearningRate, RATES),
    st.builds(Sample, st.integers(1, 2**31), PROMPTS, SAMPLES),
    st.builds(SetExcerptPrompt, PROMPTS),
    st.builds(FindCopies, st.integers(), PROMPTS | st.just(TEXT[:99])),
    st.builds(Fresh, st.integers(0, len(VARIANTS) - 1)),
    st.builds(Reopen, NUMBERS, st.booleans()),
    st.builds(ForkOne, NUMBERS),
    st.builds(Fork, UNKNOWN, st.integers(-1, 20)),
    st.builds(AskWhenLearned, st.integers(), st.just("The owl")),
    st.builds(Inspect, NUMBERS, PROMPTS, st.integers(), OFF, st.integers(-1, 20)),
    st.builds(InspectPlace, NUMBERS, PROMPTS, SAMPLES, OFF, st.integers(-1, 20)),
    st.builds(DivideLoss, NUMBERS, st.integers(-1, 20)),
    st.builds(MapAlphabet, NUMBERS, st.integers(-1, 20)),
    st.builds(OpenRun, UNKNOWN, st.booleans()),
    st.builds(Kill, st.sampled_from(["now", "event", "sync"]), st.integers(0, 12)),
    st.builds(Disk, st.booleans()),
    st.builds(Rename, NUMBERS, NAMES),
    st.builds(Annotate, NUMBERS, st.text(max_size=210)),
    st.builds(Delete, NUMBERS) | st.just(CompareAll()),
    st.builds(ExportOne, NUMBERS) | st.builds(PackOne, NUMBERS) | st.builds(Report, NUMBERS),
    st.builds(Teach, TAUGHT, st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.5]), st.booleans()),
    st.builds(RaceTwo, VARIANT, VARIANT, st.integers(1, 2)) | st.builds(ReopenRace, NUMBERS),
    st.builds(RenameOneRace, NUMBERS, NAMES)
    | st.builds(DeleteOneRace, NUMBERS, st.booleans())
    | st.just(ListRaces()),
    st.builds(
        Measure,
        st.sampled_from(VARIANTS).map(lambda variant: tiny("x", *variant)),
        st.integers(1, 300),
    ),
)
SCENARIOS = st.lists(st.tuples(st.integers(0, 30), ACTIONS), max_size=25)
"""Actions one after the other, each after a number of ticks."""


# The same run, left alone.


class Reference(NamedTuple):
    """A run that was trained in one go, by the trainer alone."""

    steps: int
    losses: dict[int, float]
    val_losses: dict[int, float]
    digests: dict[int, str]


def config_of(variant: int, corpus: object) -> RunConfig:
    return tiny(corpus, *VARIANTS[variant])


def digest(state: State) -> str:
    """A hash of all tensors."""
    whole = hashlib.sha256()
    for group, tensors in sorted(state.items()):
        for name, tensor in sorted(tensors.items()):
            whole.update(f"{group}.{name} {tuple(tensor.shape)}".encode())
            whole.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def reference_of(config: RunConfig) -> Reference:
    """The run of a config on `TEXT`."""
    return _reference_of(msgspec.structs.replace(config, corpus=""))


@cache
def _reference_of(config: RunConfig) -> Reference:
    if config.train.minutes:
        return Reference(-1, {}, {}, {})
    context = RunContext(config, TEXT, Vocabulary(TEXT), "", FakeClock())
    trainer, steps = context.trainer, config.train.steps
    plan = Plan(config, steps, minutes=0.0)
    losses, val_losses, digests = {}, {}, {}
    for step in range(steps + 1):
        before = Position(max(0, step - 1), elapsed=0.0)
        context_length = plan.next_context_length(before)
        if step:
            losses[step] = trainer.step(plan.lr_factor(before), context_length).loss
        *_, evaluation = trainer.evaluate(context_length)
        assert not isinstance(evaluation, float)
        val_losses[step] = evaluation.loss
        digests[step] = digest(trainer.state_dict())
    context.close()
    return Reference(steps, losses, val_losses, digests)


# What the events have said about each run.


class RunModel:
    """One run, as its events describe it."""

    def __init__(self, name: str, config: RunConfig) -> None:
        self.name = name
        self.config = config
        self.phase: Phase = "untrained"
        self.step = 0
        self.steps = 0
        self.losses: dict[int, float] = {}
        self.val_losses: dict[int, float] = {}
        self.equal_until = math.inf
        """The last step up to which it must equal the reference."""
        self.saved = 0
        """This step, or a later one, is on disk for certain."""
        self.top = 0
        """The last step that may be on disk."""
        self.begun = False
        """Whether a step was taken since it was opened."""
        self.on_disk = False
        """Whether it must be on disk: it is saved before its first step."""
        self.gone = False
        self.skipped_after = math.inf
        """The first step after which a batch was skipped, at any time."""

    def open(self, event: Opened) -> None:
        """It continues from here; later steps are dropped with the next step, not before."""
        self.phase, self.step, self.steps = event.phase, event.step, event.steps
        self.evaluated: set[int] = set()
        self.equal_until = self.skipped_after
        self.begun = False

    def begin(self) -> None:
        """A step is taken; what came after it is dropped."""
        self.losses = {k: v for k, v in self.losses.items() if k <= self.step}
        self.val_losses = {k: v for k, v in self.val_losses.items() if k <= self.step}
        self.begun = self.on_disk = True

    def skip(self) -> None:
        """The next batch is skipped."""
        self.begin()
        self.skipped_after = min(self.skipped_after, self.step)
        self.equal_until = min(self.equal_until, self.step)

    def record(self, event: Event) -> None:
        """Keep what a recorded event says, and compare it with the reference."""
        reference = reference_of(self.config)
        match event:
            case StepDone(step, loss):
                self.losses[step] = loss
                if step <= min(self.equal_until, reference.steps):
                    assert loss == reference.losses[step], f"step {step} differs from the reference"
            case Evaluated(step, loss):
                assert step not in self.evaluated, f"evaluation {step} twice"
                self.evaluated.add(step)
                self.val_losses[step] = loss
                if step <= min(self.equal_until, reference.steps):
                    assert loss == reference.val_losses[step], (
                        f"evaluation {step} differs from the reference"
                    )
            case Extended(step, steps):
                self.steps = steps
            case _:
                pass
        self.equal_until = min(self.equal_until, diverges_after(event))

    def check_saved(self, *, at_least: int) -> None:
        """What is on disk is the run that was reported, up to some step."""
        saved = load_run(self.name)
        step = saved.manifest.progress.step
        assert at_least <= step <= self.top
        assert saved.text == TEXT
        assert saved.info.config == self.config
        events = history_of(saved)
        taken = [event.step for event in of(events, StepDone)]
        assert taken == list(range(1, step + 1))
        for done in of(events, StepDone):
            assert done.loss == self.losses[done.step]
        evaluated = [event.step for event in of(events, Evaluated)]
        assert all(one < other for one, other in pairwise(evaluated)), "an evaluation twice"
        for evaluation in of(events, Evaluated):
            assert evaluation.loss == self.val_losses[evaluation.step]
        equal_until = min(map(diverges_after, events), default=math.inf)
        equal_until = min(equal_until, self.skipped_after)
        reference = reference_of(self.config)
        if step <= min(equal_until, reference.steps):
            assert digest(saved.state) == reference.digests[step], (
                "other weights than in the reference"
            )


def diverges_after(event: Event) -> float:
    """The step after which this event makes the run differ from the reference."""
    return event.step if isinstance(event, LearningRateChanged | Extended | Taught) else math.inf


class Checker:
    """Takes all events, and compares them with the commands."""

    def __init__(self, disk: "Machine") -> None:
        self._disk = disk
        self.runs_by_name: dict[str, RunModel] = {}
        self.model: RunModel | None = None
        self.race: RaceModel | None = None
        self._command: Command | None = None
        self._events: list[Event] = []
        self._expected: tuple[type[Event], ...] = ()
        self._opening: int | None = None  # a fresh run's variant
        self._replayed: deque[Event] = deque()
        self._singles = 0
        self._may_train = False
        self._sample: Sample | None = None
        self._sampled = ""

    def forget_session(self) -> None:
        """The program has ended."""
        self.model = self.race = None
        self._sample = None
        self._expected = ()
        self._replayed.clear()
        self._singles, self._may_train = 0, False

    # Commands.

    def expect(self, command: Command, variant: int | None) -> None:
        """This command is carried out next."""
        self._command, self._events, self._opening = command, [], variant
        self._expected = self._expected_of(command)
        if self.race is not None:
            self.race.expect(command)
        if self.model is None:
            return
        if self.model.phase == "failed" and isinstance(command, Train | Step):
            self.model.skip()
        match command:
            case Train() | Rollback():
                self._singles, self._may_train = 0, True
            case Step() if self.model.phase != "training":
                self._singles += 1
            case Pause() | Stop():
                self._singles, self._may_train = 0, False
            case _:
                pass

    def _expected_of(self, command: Command) -> tuple[type[Event], ...]:
        """Events of which one must follow; Failed is among them only if it may."""
        known = run_names()
        match command:
            case Open():
                return (Opened,)
            case OpenRun(name) | Fork(name):
                model = self.runs_by_name.get(name)
                return (Opened,) if model is not None and model.on_disk else (Opened, Failed)
            case RenameRun():
                return (RunChanged, Failed)
            case AnnotateRun(_, text):
                held = command.run in known and len(text) <= 200
                return (RunChanged,) if held else (Failed,)
            case DeleteRun():
                return (RunChanged, Failed)
            case Compare():
                return (Compared,)
            case OpenRace():
                return (RaceOpened,)
            case OpenSavedRace():
                return (RaceOpened, Failed)
            case RenameRace() | DeleteRace():
                return (RaceChanged, Failed)
            case ListRaces():
                return (RacesListed,)
        if self.model is None:
            return ()
        match command:
            case Rollback():
                return (Opened, Failed)
            case SetLearningRate(rate):
                return (LearningRateChanged,) if 1e-5 <= rate <= 1 else (Failed,)
            case Sample():
                return (SampleStarted,)
            case SetExcerptPrompt(prompt) if prompt and not set(prompt) & set(TEXT):
                return (Failed,)
            case Measure():
                return (Measured, Failed) if self._disk.nan_due else (Measured,)
            case InspectPlace():
                return (PlaceInspected, Failed)
            case MapAlphabet():
                return (AlphabetMapped, Failed)
            case Teach():
                return (Taught, MappingRequired, Failed)
            case _:
                return ()

    def drop_deleted(self) -> None:
        """The runs of a race may have been deleted with it, all or some of them."""
        if isinstance(self._command, DeleteRace) and self._command.with_runs:
            for name in {*self.runs_by_name} - {*run_names()}:
                if self.runs_by_name[name].on_disk:
                    self.runs_by_name.pop(name).gone = True

    def settled(self) -> None:
        """The command has been carried out."""
        self.drop_deleted()
        found = any(isinstance(event, self._expected) for event in self._events)
        if self._expected and not (found or self._disk.full):
            raise AssertionError(f"no event for {self._command}: {self._events}")
        assert not self._replayed, "not all of the history was emitted again"
        if self.race is not None:
            self.race.settled()
        self._expected = ()

    def idle(self) -> None:
        """There is nothing left to do: all commands have had their effect."""
        assert self._singles == 0, "a single step is missing"
        assert self._sample is None, "the sample has not ended"
        assert self.model is None or self.model.phase != "training"
        if self.race is not None:
            self.race.idle()

    def closed(self) -> None:
        """The session has saved and closed."""
        if self.model is not None and self.model.step and self.model.begun and not self.model.gone:
            self.model.check_saved(at_least=self.model.step)
        if self.race is not None:
            self.race.closed()

    # Events.

    def check(self, event: Event) -> None:
        if not isinstance(event, Busy | TextSampled):
            note(f"    {event}"[:110])
        if isinstance(event, LadderMeasured):  # at any point, whenever there is time
            return
        self._events.append(event)
        if self._replayed:
            assert event == self._replayed.popleft()
            assert self.model is not None
            self.model.record(event)
            return
        match event:
            case RaceOpened():
                self._race_opened(event)
            case SideEvent(_, SampleDone()) if self.race is None:
                pass  # it was stopped when another run had been opened
            case SideEvent() | RacePhaseChanged() | RaceVerdict() | RaceSaved():
                assert self.race is not None
                self.race.check(event)
            case RaceChanged(race, name) if self.race and self.race.name == race:
                assert name, "the open race was deleted"
                self.race.name = name
            case ReportGathered(runs):
                for run in runs:
                    assert all(one.step < two.step for one, two in pairwise(run.evaluations))
            case Opened():
                self._opened(event)
            case Failed():
                self._failed(event)
            case RunChanged(run, name):
                self._run_changed(run, name)
            case Exported():
                assert event.prompts > 0  # equal, but for ties of hardly trained weights
                assert (Path(event.path) / "README.md").exists()
            case Compared(found):
                for held_out in found:
                    steps = [step for step, _ in held_out.losses]
                    assert all(one < other for one, other in pairwise(steps)), "an evaluation twice"
            case SampleStarted() | TextSampled() | SampleDone() if self.race is None:
                self._sampling(event)
            case Packed(_, step, path):
                assert step == packed_step(Path(path))
            case Saved(run, step, path):
                model = self.runs_by_name[run]
                assert path == str(folder_of(run))
                assert step == model.step
                model.check_saved(at_least=step)
                model.saved = step
            case PhaseChanged():
                self._phase_changed(event)
            case StepDone():
                self._step_done(event)
            case _ if isinstance(event, RECORDED):
                assert self.model is not None
                assert event.step <= self.model.step
                self.model.record(event)
            case _:
                pass

    def _race_opened(self, event: RaceOpened) -> None:
        """Of a new repetition each side is a new run; of a saved one they are known."""
        before = self.race
        goes_on = before is not None and before.name == event.race and before.goes_on_with(event)
        is_new = goes_on or isinstance(self._command, OpenRace)
        for side in event.sides:
            if is_new:
                self.runs_by_name[side.run] = RunModel(side.run, side.config)
        sides = [self.runs_by_name[side.run] for side in event.sides]
        self.race = RaceModel(event, sides, is_new=is_new, goes_on=goes_on)
        self.model, self._sample, self._singles, self._may_train = None, None, 0, False

    def _opened(self, event: Opened) -> None:
        self._singles, self._may_train = 0, isinstance(self._command, Rollback)
        if self._opening is not None:
            config = config_of(self._opening, self._disk.corpus)
            self.runs_by_name[event.run] = RunModel(event.run, config)
            assert (event.phase, event.step) == ("untrained", 0)
        elif isinstance(self._command, Fork):
            saved = load_run(self._command.run)
            assert event.step == saved.manifest.progress.step
            self._replayed.extend(history_of(saved))
            parent = self.runs_by_name[self._command.run]
            forked = RunModel(event.run, parent.config)
            forked.top, forked.skipped_after = event.step, parent.skipped_after
            self.runs_by_name[event.run] = forked
        else:
            best = isinstance(self._command, OpenRun) and self._command.name.endswith("@best")
            wanted = f"{event.run}@best" if best else event.run
            saved = load_run(wanted)
            assert event.step == saved.manifest.progress.step
            self._replayed.extend(history_of(saved))
            model = self.runs_by_name[event.run]
            if best:
                model.saved = event.step  # what came after it goes when it is trained on
            assert model.saved <= event.step <= model.top
        self.race = None
        self.model = self.runs_by_name[event.run]
        assert event.config == self.model.config
        self.model.open(event)

    def _failed(self, event: Failed) -> None:
        assert event.message.strip()
        assert "\n" not in event.message
        assert len(event.message) < 1000
        if isinstance(self._command, INSIGHT_COMMANDS):
            assert event.during == "inspect"  # and nothing else is disturbed by it
            return
        if event.during == "export":  # the run may be gone by now
            return
        if self.race is not None:
            self.race.check(event)
            assert event.during != "engine"
            return
        if event.during == "teach":
            assert isinstance(self._command, Teach)
            return
        self._singles = 0
        expected = Failed in self._expected or self._disk.full or self._disk.nan_used
        expected = expected or (self.model is not None and self.model.gone)
        assert expected, f"{event} after {self._command}"
        assert event.during != "engine"

    def _run_changed(self, run: str, name: str) -> None:
        model = self.runs_by_name.pop(run, None)
        if model is None:
            return
        if name:
            model.name = name
            self.runs_by_name[name] = model
        else:
            model.gone = True
            assert not folder_of(run).exists()

    def _sampling(self, event: SampleStarted | TextSampled | SampleDone) -> None:
        match event:
            case SampleStarted(sample_id, _, known):
                assert self._sample is None, "the sample before has not ended"
                assert isinstance(self._command, Sample)
                assert sample_id == self._command.sample_id
                assert set(known) <= set(TEXT)
                self._sample, self._sampled = self._command, ""
            case TextSampled(sample_id, text, characters):
                assert self._sample is not None
                assert sample_id == self._sample.sample_id
                self._sampled += text
                assert characters == len(self._sampled) <= self._sample.config.characters
                assert not set(text) & set(self._sample.config.stop)
            case SampleDone(sample_id, characters, _, reason):
                assert self._sample is not None
                assert sample_id == self._sample.sample_id
                assert characters == len(self._sampled)
                assert reason != "length" or characters == self._sample.config.characters
                self._sample = None

    def _phase_changed(self, event: PhaseChanged) -> None:
        model = self.model
        assert model is not None
        assert event.phase != model.phase, "no change"
        assert event.step == model.step
        model.phase = event.phase
        if event.phase != "training":
            self._may_train = False

    def _step_done(self, event: StepDone) -> None:
        model = self.model
        assert model is not None
        assert event.step == model.step + 1
        assert model.config.train.minutes or event.step <= model.steps, "beyond the planned end"
        assert self._singles or self._may_train, "no command asked for this step"
        self._singles = max(0, self._singles - 1)
        model.begin()
        model.step = model.top = event.step
        model.record(event)


def packed_step(path: Path) -> int:
    """The step of the newest checkpoint in a packed run."""
    with ZipFile(path) as archive:
        newest = max(name for name in archive.namelist() if name.endswith(MANIFEST))
        return msgspec.json.decode(archive.read(newest), type=Manifest).progress.step


# The machine.


class KilledError(BaseException):
    """The program ends here, as with SIGKILL."""


class Machine(SimpleQueue[Command]):
    """A disk, and a user: an inbox that makes up the next command when the session asks for one."""

    def __init__(self, folder: Path, scenario: list[tuple[int, Action]]) -> None:
        self._folder = folder
        self._homes = 0
        self._exports = folder / "exports"
        self._exports.mkdir()
        self._scenario = deque(scenario)
        self._left = 0  # ticks until the next action
        self._kill: Kill | None = None
        self._command: Command | None = None
        self.full = False
        self.nan_due = False
        self.nan_used = False
        self.corpus = folder / "verse.txt"
        self.corpus.write_text(TEXT, encoding="utf-8")
        self.checker = Checker(self)
        self._new_home()

    def run(self) -> None:
        """Carry out the scenario: one program after the other."""
        while self._scenario:
            self._kill, self._command = None, None
            self._wait_for_next()
            session = Session(self._emit, clock=FakeClock(), gate=self._tick)
            try:
                session.run(self)
            except KilledError:
                self._after_the_kill()
            else:
                self.checker.settled()
                if self._command == Close(save=True):
                    self.checker.closed()
            self.checker.forget_session()
            self._check_disk()

    # What the session calls.

    def get(self, block: bool = True, timeout: float | None = None) -> Command:
        self.checker.settled()
        if block and self._left:
            self.checker.idle()
            self._left = 0
        while not self._left:
            command = self._next_action()
            if command is not None:
                note(f"-> {command}")
                self._command = command
                return command
            self._left = 0 if block else self._left
        raise Empty

    def _tick(self) -> None:
        self._left -= 1

    def _emit(self, event: Event) -> None:
        self.checker.check(event)
        self._count("event")

    def fsync(self, _descriptor: int) -> None:
        """Replaces `os.fsync`."""
        self._count("sync")
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def set_grads(self, optimizer: Optimizer, grads: list[list[Tensor]]) -> None:
        """Comes before the optimizer takes the gradients."""
        if self.nan_due:
            grads[0][0].fill_(math.nan)
            self.nan_due, self.nan_used = False, True

    # The scenario.

    def _next_action(self) -> Command | None:
        """Carry out the next action; its command, if it has one."""
        if not self._scenario:
            assert self._command != Close() or self.full, "it does not close"
            self.full = False
            self.checker.expect(Close(), None)
            return Close()
        _, action = self._scenario.popleft()
        self._wait_for_next()
        variant: int | None = None
        command: Command
        match action:
            case Kill(at):
                self._kill = action
                if at == "now":
                    self._die()
                return None
            case Disk(full):
                self.full = full
                return None
            case NaNGradient():
                self.nan_due = True
                return None
            case Fresh(variant):
                command = Open(config_of(variant, self.corpus))
            case Reopen(number, best):
                command = OpenRun(self._name(number) + ("@best" if best else ""))
            case ForkOne(number):
                command = Fork(self._name(number))
            case Rename(number, name):
                command = RenameRun(self._name(number), name)
            case Annotate(number, text):
                command = AnnotateRun(self._name(number), text)
            case Delete(number):
                command = DeleteRun(self._name(number))
            case ExportOne(number):
                path = self._exports / str(len(self._scenario))
                command = ExportRun(self._name(number), "hf", str(path))
            case PackOne(number):
                path = self._exports / f"{len(self._scenario)}.tinygpt"
                command = PackRun(self._name(number), str(path))
            case CompareAll():
                command = Compare(tuple(run_names()))
            case RaceTwo(one, other, seeds):
                configs = tuple(config_of(number, self.corpus) for number in (one, other))
                command = OpenRace(configs, seeds=seeds)
            case ReopenRace(number):
                command = OpenSavedRace(self._race(number))
            case RenameOneRace(number, name):
                command = RenameRace(self._race(number), name)
            case DeleteOneRace(number, with_runs):
                command = DeleteRace(self._race(number), with_runs)
            case Report(number):
                command = GatherReport((self._name(number),))
            case _:
                command = action
        self.checker.expect(command, variant)
        return command

    def _name(self, number: int) -> str:
        """One of the saved runs."""
        known = run_names()
        return known[number % len(known)] if known else "nobody"

    def _race(self, number: int) -> str:
        """One of the saved races."""
        known = race_names()
        return known[number % len(known)] if known else "nobody"

    def _wait_for_next(self) -> None:
        self._left = self._scenario[0][0] if self._scenario else 0

    # The end of a program.

    def _count(self, moment: str) -> None:
        if self._kill is not None and self._kill.at == moment:
            if not self._kill.count:
                self._die()
            self._kill = self._kill._replace(count=self._kill.count - 1)

    def _die(self) -> None:
        """Continue with a copy of the disk as it is at this moment."""
        note("   killed")
        self._kill = None
        before = os.environ["TINYGPT_HOME"]
        self._new_home()
        if Path(before).exists():
            shutil.copytree(before, os.environ["TINYGPT_HOME"])
        raise KilledError

    def _new_home(self) -> None:
        self._homes += 1
        os.environ["TINYGPT_HOME"] = str(self._folder / f"home{self._homes}")

    def _after_the_kill(self) -> None:
        """A run that was being renamed or deleted may or may not be so by now."""
        runs_by_name = self.checker.runs_by_name
        match self._command:
            case RenameRun(run, name) if run in runs_by_name and run not in run_names():
                runs_by_name[name] = runs_by_name.pop(run)
                runs_by_name[name].name = name
            case DeleteRun(run) if run in runs_by_name and run not in run_names():
                del runs_by_name[run]
            case DeleteRace():
                self.checker.drop_deleted()
            case _:
                pass

    def _check_disk(self) -> None:
        assert not [path for path in self._exports.iterdir() if path.suffix == UNFINISHED]
        for model in self.checker.runs_by_name.values():
            if model.on_disk:
                model.check_saved(at_least=model.saved)


@contextmanager
def machine(scenario: list[tuple[int, Action]]) -> Iterator[Machine]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGPT_HOME", folder)
        patch.setattr("engine.storage.lock.TIMEOUT", 0.01)
        made = Machine(Path(folder), scenario)
        sound = Optimizer.set_grads

        def set_grads(optimizer: Optimizer, grads: list[list[Tensor]]) -> None:
            made.set_grads(optimizer, grads)
            sound(optimizer, grads)

        patch.setattr(os, "fsync", made.fsync)
        patch.setattr(Optimizer, "set_grads", set_grads)
        yield made


BEGINNINGS = st.builds(Fresh, VARIANT) | st.builds(RaceTwo, VARIANT, VARIANT, st.integers(1, 2))


@settings(max_examples=70, suppress_health_check=[HealthCheck.too_slow])
@given(BEGINNINGS, SCENARIOS)
def test_any_scenario_is_reported_truly_and_changes_no_result(
    beginning: Action, scenario: list[tuple[int, Action]]
) -> None:
    with machine([(0, beginning), (0, Train()), *scenario]) as made:
        made.run()
