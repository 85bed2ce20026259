"""Whatever a person asks for, in whatever order, and however often the program is killed or the
disk is full: what is told is true, and the run is the one that is trained without any of it."""

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

import pytest
import torch
from driving import FakeClock, history_of, of, tiny
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.config import RunConfig, SampleConfig
from engine.protocol import (
    RECORDED,
    AnnotateRun,
    Busy,
    Close,
    Command,
    Compare,
    Compared,
    DeleteRun,
    Evaluated,
    Event,
    Extended,
    Failed,
    LearningRateChanged,
    Measure,
    Measured,
    Open,
    Opened,
    OpenRun,
    Pause,
    Phase,
    PhaseChanged,
    RenameRun,
    Rollback,
    RunChanged,
    Sample,
    SampleDone,
    SampleStarted,
    Save,
    Saved,
    SetLearningRate,
    Step,
    StepDone,
    Stop,
    StopSample,
    TextSampled,
    Train,
)
from engine.session.context import RunContext
from engine.session.session import Session
from engine.storage.checkpoints import State
from engine.storage.paths import folder_of, run_names
from engine.storage.saved_run import load_run
from engine.training.optimizers import Optimizer
from engine.training.schedule import Plan, Position

pytestmark = pytest.mark.timeout(300)

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
"""Kinds of runs; the last one is as long as the clock says, so it has no reference."""

# What is done, beside the commands that can be written down beforehand.


class Fresh(NamedTuple):
    """Open a new run of this variant."""

    variant: int


class Again(NamedTuple):
    """Open one of the saved runs."""

    number: int
    best: bool


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


class CompareAll(NamedTuple):
    """Compare all saved runs."""


class Kill(NamedTuple):
    """End the program at this moment: now, at an event that it tells, or while it saves."""

    at: Literal["now", "event", "sync"]
    count: int


class Disk(NamedTuple):
    """From now on every save fails, or none."""

    full: bool


class NoNumber(NamedTuple):
    """The gradient of the next batch is not a number."""


Deed = Command | Fresh | Again | Rename | Annotate | Delete | CompareAll | Kill | Disk | NoNumber

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
RATES = st.floats(1e-5, 1) | st.floats() | st.sampled_from([1e-5, 0.03])
NUMBERS = st.integers(0, 3)

DEEDS: st.SearchStrategy[Deed] = st.one_of(
    st.just(Train()),
    st.sampled_from([Pause(), Step(), Train(), Stop(), Rollback(), Save(), StopSample()]),
    st.sampled_from([Step(), Pause(), Train(), Close(), Close(save=False), NoNumber()]),
    st.builds(SetLearningRate, RATES),
    st.builds(Sample, st.integers(1, 2**31), PROMPTS, SAMPLES),
    st.builds(Fresh, st.integers(0, len(VARIANTS) - 1)),
    st.builds(Again, NUMBERS, st.booleans()),
    st.builds(OpenRun, UNKNOWN, st.booleans()),
    st.builds(Kill, st.sampled_from(["now", "event", "sync"]), st.integers(0, 12)),
    st.builds(Disk, st.booleans()),
    st.builds(Rename, NUMBERS, NAMES),
    st.builds(Annotate, NUMBERS, st.text(max_size=210)),
    st.builds(Delete, NUMBERS) | st.just(CompareAll()),
    st.builds(Measure, st.sampled_from(VARIANTS).map(lambda variant: tiny("x", *variant))),
)
COURSES = st.lists(st.tuples(st.integers(0, 30), DEEDS), max_size=25)
"""What is done one after the other, each after so many units of work."""


# What a run is without any of it.


class Reference(NamedTuple):
    """A run that was trained in one go, by nothing but the trainer."""

    steps: int
    losses: dict[int, float]
    exams: dict[int, float]
    digests: dict[int, str]


def config_of(variant: int, corpus: object) -> RunConfig:
    return tiny(corpus, *VARIANTS[variant])


def digest(state: State) -> str:
    """One number for all tensors."""
    whole = hashlib.sha256()
    for group, tensors in sorted(state.items()):
        for name, tensor in sorted(tensors.items()):
            whole.update(f"{group}.{name} {tuple(tensor.shape)}".encode())
            whole.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


@cache
def reference_of(variant: int) -> Reference:
    config = config_of(variant, "")
    if config.train.minutes:
        return Reference(-1, {}, {}, {})
    context = RunContext(config, TEXT, "".join(sorted(set(TEXT))), "", FakeClock())
    trainer, steps = context.trainer, config.train.steps
    plan = Plan(config, steps, minutes=0.0)
    losses, exams, digests = {}, {}, {}
    for step in range(steps + 1):
        before = Position(max(0, step - 1), elapsed=0.0)
        context_length = plan.next_context_length(before)
        if step:
            losses[step] = trainer.step(plan.progress(before), context_length).loss
        *_, evaluation = trainer.evaluate(context_length)
        assert not isinstance(evaluation, float)
        exams[step] = evaluation.loss
        digests[step] = digest(trainer.state_dict())
    context.close()
    return Reference(steps, losses, exams, digests)


# What is known of each run from what was told.


class Line:
    """One run as it was told."""

    def __init__(self, name: str, variant: int, config: RunConfig) -> None:
        self.name = name
        self.variant = variant
        self.config = config
        self.phase: Phase = "untrained"
        self.step = 0
        self.steps = 0
        self.losses: dict[int, float] = {}
        self.exams: dict[int, float] = {}
        self.skipped: set[int] = set()
        self.straight = math.inf
        """The last step after which it is still as if nothing had been done to it."""
        self.saved = 0
        """A step that is on the disk for certain, or a later one is."""
        self.top = 0
        """The last step that may be on the disk."""
        self.begun = False
        """Whether a step was taken since it was opened."""
        self.kept = False
        """Whether it must be on the disk by now: it is, from before its first step on."""
        self.gone = False

    def open(self, event: Opened) -> None:
        """It goes on from here. What came after is dropped with the next step, and not before."""
        self.phase, self.step, self.steps = event.phase, event.step, event.steps
        self.examined: set[int] = set()
        self.straight = self._first_skipped(event.step)
        self.begun = False

    def begin(self) -> None:
        """It is trained on."""
        self.losses = {k: v for k, v in self.losses.items() if k <= self.step}
        self.exams = {k: v for k, v in self.exams.items() if k <= self.step}
        self.skipped = {k for k in self.skipped if k <= self.step}
        self.begun = self.kept = True

    def skip(self) -> None:
        """The next step is left out."""
        self.begin()
        self.straight = min(self.straight, self.step)
        self.step += 1
        self.top = self.step
        self.skipped.add(self.step)

    def learn(self, event: Event) -> None:
        """Keep what a recorded event says, and hold it against the reference."""
        reference = reference_of(self.variant)
        match event:
            case StepDone(step, loss):
                self.losses[step] = loss
                if step <= min(self.straight, reference.steps):
                    assert loss == reference.losses[step], f"step {step} is not as without"
            case Evaluated(step, loss):
                assert step not in self.examined, f"exam {step} twice"
                self.examined.add(step)
                self.exams[step] = loss
                if step <= min(self.straight, reference.steps):
                    assert loss == reference.exams[step], f"exam {step} is not as without"
            case Extended(step, steps):
                self.steps = steps
            case _:
                pass
        self.straight = min(self.straight, bend(event))

    def check_saved(self, *, at_least: int) -> None:
        """What is on the disk is the run that was told, up to some step."""
        saved = load_run(self.name)
        step = saved.manifest.progress.step
        assert at_least <= step <= self.top
        assert saved.text == TEXT
        assert saved.info.config == self.config
        events = history_of(saved)
        taken = [event.step for event in of(events, StepDone)]
        assert taken == [k for k in range(1, step + 1) if k not in self.skipped]
        for done in of(events, StepDone):
            assert done.loss == self.losses[done.step]
        examined = [event.step for event in of(events, Evaluated)]
        assert all(one < other for one, other in pairwise(examined)), "an exam twice"
        for exam in of(events, Evaluated):
            assert exam.loss == self.exams[exam.step]
        straight = min(map(bend, events), default=math.inf)
        straight = min(straight, self._first_skipped(step))
        reference = reference_of(self.variant)
        if step <= min(straight, reference.steps):
            assert digest(saved.state) == reference.digests[step], "other weights than without"

    def _first_skipped(self, step: int) -> float:
        return min((k - 1 for k in self.skipped if k <= step), default=math.inf)


def bend(event: Event) -> float:
    """The step after which this event makes a run another one."""
    return event.step if isinstance(event, LearningRateChanged | Extended) else math.inf


class Witness:
    """Hears all that is told, and compares it with what was asked for."""

    def __init__(self, disk: "Computer") -> None:
        self._disk = disk
        self.lines: dict[str, Line] = {}
        self.line: Line | None = None
        self._asked: Command | None = None
        self._answers: list[Event] = []
        self._owed: tuple[type[Event], ...] = ()
        self._opening: int | None = None  # a fresh run's variant
        self._retold: deque[Event] = deque()
        self._singles = 0
        self._may_train = False
        self._sample: Sample | None = None
        self._sampled = ""

    def forget_session(self) -> None:
        """The program has ended."""
        self.line = None
        self._sample = None
        self._owed = ()
        self._retold.clear()
        self._singles, self._may_train = 0, False

    # What is asked for.

    def asked(self, command: Command, variant: int | None) -> None:
        """This command is obeyed next."""
        self._asked, self._answers, self._opening = command, [], variant
        self._owed = self._answer_to(command)
        if self.line is None:
            return
        if self.line.phase == "failed" and isinstance(command, Train | Step):
            self.line.skip()
        match command:
            case Train() | Rollback():
                self._singles, self._may_train = 0, True
            case Step() if self.line.phase != "training":
                self._singles += 1
            case Pause() | Stop():
                self._singles, self._may_train = 0, False
            case _:
                pass

    def _answer_to(self, command: Command) -> tuple[type[Event], ...]:
        """Events of which one must answer; Failed is among them only where it may be."""
        known = run_names()
        match command:
            case Open():
                return (Opened,)
            case OpenRun(name):
                line = self.lines.get(name)
                return (Opened,) if line is not None and line.kept else (Opened, Failed)
            case RenameRun():
                return (RunChanged, Failed)
            case AnnotateRun(_, text):
                held = command.run in known and len(text) <= 200
                return (RunChanged,) if held else (Failed,)
            case DeleteRun():
                return (RunChanged, Failed)
            case Compare():
                return (Compared,)
        if self.line is None:
            return ()
        match command:
            case Rollback():
                return (Opened, Failed)
            case SetLearningRate(rate):
                return (LearningRateChanged,) if 1e-5 <= rate <= 1 else (Failed,)
            case Sample():
                return (SampleStarted,)
            case Measure():
                return (Measured, Failed) if self._disk.no_number else (Measured,)
            case _:
                return ()

    def settled(self) -> None:
        """The command has been obeyed."""
        answered = any(isinstance(event, self._owed) for event in self._answers)
        if self._owed and not (answered or self._disk.full):
            raise AssertionError(f"no answer to {self._asked}: {self._answers}")
        assert not self._retold, "not all of the history was told again"
        self._owed = ()

    def idle(self) -> None:
        """There is nothing more to do: all that was asked for has been done."""
        assert self._singles == 0, "a step by hand is missing"
        assert self._sample is None, "it has not written on to the end"
        assert self.line is None or self.line.phase != "training"

    def closed(self) -> None:
        """It was closed, having saved."""
        if self.line is not None and self.line.step and self.line.begun and not self.line.gone:
            self.line.check_saved(at_least=self.line.step)

    # What is told.

    def hear(self, event: Event) -> None:
        if not isinstance(event, Busy | TextSampled):
            note(f"    {event}"[:110])
        self._answers.append(event)
        if self._retold:
            assert event == self._retold.popleft()
            assert self.line is not None
            self.line.learn(event)
            return
        match event:
            case Opened():
                self._opened(event)
            case Failed():
                self._failed(event)
            case RunChanged(run, name):
                self._run_changed(run, name)
            case Compared(found):
                for held_out in found:
                    steps = [step for step, _ in held_out.losses]
                    assert all(one < other for one, other in pairwise(steps)), "an exam twice"
            case SampleStarted() | TextSampled() | SampleDone():
                self._writing(event)
            case Saved(run, step, path):
                line = self.lines[run]
                assert path == str(folder_of(run))
                assert step == line.step
                line.check_saved(at_least=step)
                line.saved = step
            case PhaseChanged():
                self._phase_changed(event)
            case StepDone():
                self._step_done(event)
            case _ if isinstance(event, RECORDED):
                assert self.line is not None
                assert event.step <= self.line.step
                self.line.learn(event)
            case _:
                pass

    def _opened(self, event: Opened) -> None:
        self._singles, self._may_train = 0, isinstance(self._asked, Rollback)
        if self._opening is not None:
            config = config_of(self._opening, self._disk.corpus)
            self.lines[event.run] = Line(event.run, self._opening, config)
            assert (event.phase, event.step) == ("untrained", 0)
        else:
            best = isinstance(self._asked, OpenRun) and self._asked.name.endswith("@best")
            wanted = f"{event.run}@best" if best else event.run
            saved = load_run(wanted)
            assert event.step == saved.manifest.progress.step
            self._retold.extend(history_of(saved))
            line = self.lines[event.run]
            if best:
                line.saved = event.step  # what came after it goes when it is trained on
            assert line.saved <= event.step <= line.top
        self.line = self.lines[event.run]
        assert event.config == self.line.config
        self.line.open(event)

    def _failed(self, event: Failed) -> None:
        assert event.message.strip()
        assert "\n" not in event.message
        assert len(event.message) < 1000
        self._singles = 0
        expected = Failed in self._owed or self._disk.full or self._disk.no_number_told
        expected = expected or (self.line is not None and self.line.gone)
        assert expected, f"{event} after {self._asked}"
        assert event.during != "engine"

    def _run_changed(self, run: str, name: str) -> None:
        line = self.lines.pop(run, None)
        if line is None:
            return
        if name:
            line.name = name
            self.lines[name] = line
        else:
            line.gone = True
            assert not folder_of(run).exists()

    def _writing(self, event: SampleStarted | TextSampled | SampleDone) -> None:
        match event:
            case SampleStarted(sample_id, _, known):
                assert self._sample is None, "the one before has not ended"
                assert isinstance(self._asked, Sample)
                assert sample_id == self._asked.sample_id
                assert set(known) <= set(TEXT)
                self._sample, self._sampled = self._asked, ""
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
        line = self.line
        assert line is not None
        assert event.phase != line.phase, "no change"
        assert event.step == line.step
        line.phase = event.phase
        if event.phase != "training":
            self._may_train = False

    def _step_done(self, event: StepDone) -> None:
        line = self.line
        assert line is not None
        assert event.step == line.step + 1
        assert line.config.train.minutes or event.step <= line.steps, "beyond the planned end"
        assert self._singles or self._may_train, "nobody asked for this step"
        self._singles = max(0, self._singles - 1)
        line.begin()
        line.step = line.top = event.step
        line.learn(event)


# The machine on which it happens.


class KilledError(BaseException):
    """The program ends here, as by SIGKILL."""


class Computer(SimpleQueue[Command]):
    """A disk, and the person before it: an inbox that answers with the next command when the
    session looks for one."""

    def __init__(self, folder: Path, course: list[tuple[int, Deed]]) -> None:
        self._folder = folder
        self._homes = 0
        self._course = deque(course)
        self._left = 0  # units of work until the next deed
        self._kill: Kill | None = None
        self._asked: Command | None = None
        self.full = False
        self.no_number = False
        self.no_number_told = False
        self.corpus = folder / "verse.txt"
        self.corpus.write_text(TEXT, encoding="utf-8")
        self.witness = Witness(self)
        self._move_in()

    def live(self) -> None:
        """Do it all: one program after the other."""
        while self._course:
            self._kill, self._asked = None, None
            self._wait_for_next()
            session = Session(self._emit, clock=FakeClock(), gate=self._unit)
            try:
                session.run(self)
            except KilledError:
                self._after_the_kill()
            else:
                self.witness.settled()
                if self._asked == Close(save=True):
                    self.witness.closed()
            self.witness.forget_session()
            self._check_disk()

    # What the session calls.

    def get(self, block: bool = True, timeout: float | None = None) -> Command:
        self.witness.settled()
        if block and self._left:
            self.witness.idle()
            self._left = 0
        while not self._left:
            command = self._next_deed()
            if command is not None:
                note(f"-> {command}")
                self._asked = command
                return command
            self._left = 0 if block else self._left
        raise Empty

    def _unit(self) -> None:
        self._left -= 1

    def _emit(self, event: Event) -> None:
        self.witness.hear(event)
        self._count("event")

    def fsync(self, _descriptor: int) -> None:
        """What the disk does instead."""
        self._count("sync")
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def take(self, optimizer: Optimizer, shares: list[tuple[Tensor, ...]]) -> None:
        """What the optimizer does before it looks at the gradients."""
        if self.no_number:
            shares[0][0].fill_(math.nan)
            self.no_number, self.no_number_told = False, True

    # The course.

    def _next_deed(self) -> Command | None:
        """Do the next deed; the command, if it is one."""
        if not self._course:
            assert self._asked != Close() or self.full, "it does not close"
            self.full = False
            self.witness.asked(Close(), None)
            return Close()
        _, deed = self._course.popleft()
        self._wait_for_next()
        variant: int | None = None
        command: Command
        match deed:
            case Kill(at):
                self._kill = deed
                if at == "now":
                    self._die()
                return None
            case Disk(full):
                self.full = full
                return None
            case NoNumber():
                self.no_number = True
                return None
            case Fresh(variant):
                command = Open(config_of(variant, self.corpus))
            case Again(number, best):
                command = OpenRun(self._name(number) + ("@best" if best else ""))
            case Rename(number, name):
                command = RenameRun(self._name(number), name)
            case Annotate(number, text):
                command = AnnotateRun(self._name(number), text)
            case Delete(number):
                command = DeleteRun(self._name(number))
            case CompareAll():
                command = Compare(tuple(run_names()))
            case _:
                command = deed
        self.witness.asked(command, variant)
        return command

    def _name(self, number: int) -> str:
        """One of the saved runs."""
        known = run_names()
        return known[number % len(known)] if known else "nobody"

    def _wait_for_next(self) -> None:
        self._left = self._course[0][0] if self._course else 0

    # The end of a program.

    def _count(self, moment: str) -> None:
        if self._kill is not None and self._kill.at == moment:
            if not self._kill.count:
                self._die()
            self._kill = self._kill._replace(count=self._kill.count - 1)

    def _die(self) -> None:
        """What is on the disk at this moment is all that there is from now on."""
        note("   killed")
        self._kill = None
        before = os.environ["TINYGPT_HOME"]
        self._move_in()
        if Path(before).exists():
            shutil.copytree(before, os.environ["TINYGPT_HOME"])
        raise KilledError

    def _move_in(self) -> None:
        self._homes += 1
        os.environ["TINYGPT_HOME"] = str(self._folder / f"home{self._homes}")

    def _after_the_kill(self) -> None:
        """What was being renamed or deleted may be so by now."""
        lines = self.witness.lines
        match self._asked:
            case RenameRun(run, name) if run in lines and run not in run_names():
                lines[name] = lines.pop(run)
                lines[name].name = name
            case DeleteRun(run) if run in lines and run not in run_names():
                del lines[run]
            case _:
                pass

    def _check_disk(self) -> None:
        for line in self.witness.lines.values():
            if line.kept:
                line.check_saved(at_least=line.saved)


@contextmanager
def computer(course: list[tuple[int, Deed]]) -> Iterator[Computer]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGPT_HOME", folder)
        patch.setattr("engine.storage.lock.TIMEOUT", 0.01)
        made = Computer(Path(folder), course)
        sound = Optimizer.take

        def take(optimizer: Optimizer, shares: list[tuple[Tensor, ...]]) -> None:
            made.take(optimizer, shares)
            sound(optimizer, shares)

        patch.setattr(os, "fsync", made.fsync)
        patch.setattr(Optimizer, "take", take)
        yield made


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(VARIANTS) - 1), COURSES)
def test_any_course_is_told_truly_and_changes_nothing(
    variant: int, course: list[tuple[int, Deed]]
) -> None:
    with computer([(0, Fresh(variant)), (0, Train()), *course]) as made:
        made.live()
