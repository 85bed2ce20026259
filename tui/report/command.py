"""The commands that train a run once more."""

import shlex
from collections.abc import Iterator

from data.catalog import names
from data.reading import SEPARATOR
from engine.changes import KEPT_BY_A_FORK, is_changeable
from engine.config import FREE_TEXT, PRESETS, RunConfig, all_settings, preset, small
from engine.protocol import ReportedChange, ReportedRun
from tui.drawing.words import count, rate
from tui.line_breaks import on_one_line

PROGRAM = "tinygpt-tui"
EXACT = (
    "On the same kind of machine, with the same version of torch, every loss is the same to the last "
    "digit; elsewhere the last digits differ."
)


class _Training:
    """A command that trains, as it grows."""

    def __init__(self, words: list[str], start: int, end: int) -> None:
        """`start` and `end`: the steps between which it trains, unless it is extended or left."""
        self.start, self.end = start, end
        self._words = words
        self._teaching: list[str] = []
        self._length: list[str] = []

    def teach(self, change: ReportedChange) -> None:
        """Have another text mixed in from its start on."""
        self._teaching = ["--teach", taught_text(change), "--share", typed(change.value)]
        if change.mapped and not change.text:
            self._teaching.append("--map-unknown")

    def extend(self, steps: int) -> None:
        """Train on to so many steps."""
        self._length, self.end = ["--steps", str(steps - self.start)], steps

    def leave(self, step: int) -> None:
        """End it at a step, before its end."""
        if self.start < step < self.end:
            self._length += ["--until", str(step)]

    def __str__(self) -> str:
        return shlex.join([*self._words, *self._teaching, *self._length])


def commands(run: ReportedRun) -> list[str]:
    """What is typed, in this order: the training, and going on each time that it was extended or
    another text was taught."""
    trainings = [_Training(_first(run), run.parent_step, run.config.train.steps)]
    for change in run.changes:
        if change.what not in ("steps", "taught") or change.step < trainings[0].start:
            continue
        last = trainings[-1]
        if change.step > last.start or (change.what == "steps" and last is trainings[0]):
            last.leave(change.step)
            last = _Training([PROGRAM, "train", "--run", "NAME"], change.step, last.end)
            trainings.append(last)
        if change.what == "taught":
            last.teach(change)
        else:
            last.extend(round(change.value))
    if not run.done:
        trainings[-1].leave(run.step)
    return [*map(str, trainings)]


def taught_text(change: ReportedChange) -> str:
    """What is typed for a taught text: that itself, its source, or a file to be made of it."""
    return on_one_line(change.text) or change.source or f"taught-{change.step}.txt"


def remarks(run: ReportedRun) -> Iterator[str]:
    """Sentences on what the commands cannot say."""
    if len(commands(run)) > 1:
        yield "NAME is the name that the first command prints."
    if run.config.corpus == "-":
        yield "The text was piped in."
    if run.config.train.minutes:
        yield f"How many steps fit into the time depends on the machine: here they were {count(run.step)}."
    elif not run.done and run.step < run.steps:
        yield f"Here the run stands at step {count(run.step)} of {count(run.steps)}."
    if run.parent:
        yield (
            f"It is a fork of the run {run.parent} at step {count(run.parent_step)}, which has to "
            "be there, too."
        )
    for change in run.changes:
        if change.what == "learning rate":
            yield f"At step {count(change.step)} the learning rate was set to {rate(change.value)} by hand."
        elif change.what == "minutes":
            yield f"At step {count(change.step)} it was extended to {change.value:g} minutes."
        elif change.what == "threads":
            yield f"From step {count(change.step)} on it used {change.value:.0f} threads."
        elif change.what == "taught":
            yield (
                f"From step {count(change.step)} on another text took {change.value:.3g} of the "
                f"windows of text{_where_it_is(change)}."
            )
    yield EXACT


def _where_it_is(change: ReportedChange) -> str:
    """Where a taught text is found that the command only names."""
    if change.text or change.source in names():
        return ""
    return (
        f"; {taught_text(change)} stands for it: it is in the history of the run (metrics.jsonl, "
        "the line with the type Taught)"
    )


def _first(run: ReportedRun) -> list[str]:
    start = ["--fork", f"{run.parent}@{run.parent_step}"] if run.parent else preset_of(run)
    words = [PROGRAM, "train", *text_of(run), *start]
    for key, value in _settings(run):
        words += ["--set", f"{key}={value}"]
    return words


def text_of(run: ReportedRun) -> list[str]:
    """The words that name its text, and how that was read."""
    reading = run.config.reading
    words = [run.config.corpus, *reading.more]
    words += ["--encoding", reading.encoding] if reading.encoding else []
    for pattern in reading.ignore:
        words += ["--ignore", pattern]
    if reading.separator != SEPARATOR:
        words += ["--separator", on_one_line(reading.separator)]
    return words


def preset_of(run: ReportedRun) -> list[str]:
    """The words that name its preset."""
    return ["--preset", default_config(run).preset]


def _settings(run: ReportedRun) -> Iterator[tuple[str, str]]:
    """The settings to name: the seed, those of the machine, and all that differ from the preset."""
    machine = measured(run)
    default = run.parent_config or default_config(run)
    for key in all_settings():
        if run.parent and not _fits_a_fork(key):
            continue
        value = machine.get(key, value_of(run.config, key))
        if key == "train.seed" or value != value_of(default, key):
            yield key, typed(value)
    for key in FREE_TEXT:
        if (value := value_of(run.config, key)) != value_of(default, key):
            yield key, typed(value)


def measured(run: ReportedRun) -> dict[str, object]:
    """What was measured or found when the run began, on which the last digits depend."""
    machine = run.machine
    if not machine.device:
        return {}
    return {
        "train.device": machine.device,
        "train.threads": machine.threads,
        "train.precision": machine.precision,
    }


def default_config(run: ReportedRun) -> RunConfig:
    """The preset that it was made from; that which is taken without one, if it is not known here."""
    name, corpus = run.config.preset, run.config.corpus
    return preset(name, corpus) if name in PRESETS else small(corpus)


def _fits_a_fork(key: str) -> bool:
    shape = key.startswith("model.") and not is_changeable(key)
    return not shape and key not in KEPT_BY_A_FORK


def value_of(config: RunConfig, key: str) -> object:
    """The value of a setting by its dotted key."""
    section, _, name = key.partition(".")
    value: object = getattr(getattr(config, section), name)
    return value


def typed(value: object) -> str:
    """A value as it is typed behind --set."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return on_one_line(value) if isinstance(value, str) else str(value)
