"""Which run the options of the command line ask for."""

from collections.abc import Mapping

from msgspec.structs import replace

import engine
from data.catalog import default
from data.reading import Reading
from engine.config import RunConfig, override, preset
from engine.protocol import Command, Compare, Fork, Open, OpenRun, Train
from engine.settings import nearest
from tui.cli.commands import APP
from tui.cli.hints import PROGRAM, check_text
from tui.compared import MOST_COMPARED
from tui.line_breaks import with_line_breaks

DEFAULT_PRESET = "small"


def chosen(
    command: str,
    run_name: str | None = None,
    corpus: str | None = None,
    changed_text: bool = False,
    fork: str | None = None,
    preset_name: str | None = None,
    assignments: tuple[str, ...] = (),
    encoding: str | None = None,
    ignore: tuple[str, ...] = (),
    download_limit: int | None = None,
    yes: bool = False,
    more: tuple[str, ...] = (),
    separator: str | None = None,
    **shortcuts: str | None,
) -> Open | OpenRun | Fork:
    """What opens the run that the options ask for. `command`: the one that was named. A text that
    has to be downloaded is asked about on the terminal, unless an app will.

    ValueError, with a user-facing message, for options that are invalid, or not together.
    """
    assignments = tuple(map(as_typed, assignments))
    reading = read_as(encoding, ignore, more, separator, download_limit)
    given = (corpus, preset_name, assignments, shortcuts, reading)
    if run_name is not None and fork is not None:
        raise ValueError("--run opens a run and --fork begins another: give one of them.")
    if run_name is not None:
        return saved_run(run_name, *given, changed_text=changed_text)
    if changed_text:
        raise ValueError("--changed-text is about a saved run: it goes with --run.")
    if corpus:
        check_text(corpus, PROGRAM if command == APP else f"{PROGRAM} {command}")
    opening = new_run(*given) if fork is None else forked_run(fork, *given)
    if command in (APP, "serve"):
        return replace(opening, download=yes)
    from tui.cli.consent import agreed  # with click, which the first paint does not wait for

    return replace(opening, download=agreed(corpus, reading, yes=yes))


def read_as(
    encoding: str | None,
    ignore: tuple[str, ...],
    more: tuple[str, ...] = (),
    separator: str | None = None,
    download_limit: int | None = None,
) -> Reading:
    """How the options say that a text is read. Line breaks in a separator are typed as in a prompt."""
    limit = download_limit or Reading().download_mb
    reading = Reading(encoding or "", ignore, more, download_mb=limit)
    if separator is None:
        return reading
    return replace(reading, separator=with_line_breaks(separator))


def new_run(
    corpus: str | None,
    preset_name: str | None,
    assignments: tuple[str, ...],
    shortcuts: Mapping[str, str | None],
    reading: Reading,
) -> Open:
    """The command for a new run. `shortcuts` are options for settings of `train`, by their names.
    A text on standard input is read here, where Ctrl-C still ends the program at once.

    ValueError, with a user-facing message, for a setting that cannot be, or options that cannot be
    meant together.
    """
    assignments = _joined(assignments, shortcuts)
    config = configured(corpus or default()[0], preset_name, assignments)
    _check_minutes(config, shortcuts)
    if config.train.minutes and "train.steps" in map(_key, assignments):
        raise ValueError(
            "Steps and minutes are two ways to say when a run ends: give one of them, not both."
        )
    if reading.encoding:
        from data.decoding import check_encoding  # seldom needed

        check_encoding(reading.encoding)
    if corpus == "-":
        from data.standard_input import read_standard_input  # seldom needed

        read_standard_input()
    return Open(replace(config, reading=reading))


def saved_run(
    run_name: str,
    corpus: str | None,
    preset_name: str | None,
    assignments: tuple[str, ...],
    shortcuts: Mapping[str, str | None],
    reading: Reading,
    *,
    changed_text: bool,
) -> OpenRun:
    """The command for a saved run. ValueError, with a user-facing message, as for `new_run`."""
    if corpus is not None:
        raise ValueError(f"A saved run has its own text: --run goes without {corpus!r}.")
    if reading != Reading():
        raise ValueError(
            "A saved run has read its text: --run goes without further texts, --encoding, --ignore, "
            "--separator and --download-limit."
        )
    if preset_name is not None:
        raise ValueError("A saved run keeps its size: --run goes without --preset.")
    more = {name: shortcuts[name] for name in ("steps", "minutes")}
    if None not in more.values():
        raise ValueError(
            "Steps and minutes are two ways to say how much more it trains: give one of them."
        )
    _check_minutes(configured("", None, _joined((), more)), more)  # and that both are in range
    rest = {name: value for name, value in shortcuts.items() if name not in more}
    assignments = _joined(assignments, rest)
    from engine.changes import check_changes  # for a saved run

    check_changes(assignments)
    configured("", None, assignments)  # that the values are in range
    return OpenRun(run_name, changed_text, assignments)


def forked_run(
    fork: str,
    corpus: str | None,
    preset_name: str | None,
    assignments: tuple[str, ...],
    shortcuts: Mapping[str, str | None],
    reading: Reading,
) -> Fork:
    """The command for a fork, "RUN@STEP" or "RUN". ValueError, with a user-facing message, as for
    `new_run`."""
    run, at, step = fork.rpartition("@")
    if at and not (step.isascii() and step.isdecimal()):
        raise ValueError(f"--fork takes RUN@STEP, e.g. amber-otter@250, not {fork!r}.")
    if preset_name is not None:
        raise ValueError("A fork keeps the size of its run: --fork goes without --preset.")
    assignments = _joined(assignments, shortcuts)
    if {"train.steps", "train.minutes"} <= {*map(_key, assignments)}:
        raise ValueError(
            "Steps and minutes are two ways to say when a run ends: give one of them, not both."
        )
    from engine.changes import check_fork  # for a fork

    check_fork(assignments)
    _check_minutes(configured("", None, assignments), shortcuts)  # and that all are in range
    if corpus == "-":
        from data.standard_input import read_standard_input  # seldom needed

        read_standard_input()
    return Fork(run if at else fork, int(step) if at else -1, assignments, corpus or "", reading)


def followed_run(
    run_name: str | None, corpus: str | None, choices: Mapping[str, object]
) -> OpenRun:
    """The command for the run that another program trains. ValueError, with a user-facing message,
    if there is none, or for options about another run."""
    if run_name is not None or corpus is not None or any(choices.values()):
        raise ValueError("--follow opens the run that is trained now, as it is: it goes alone.")
    name = engine.run_in_training()
    if not name:
        raise ValueError("No other program trains a run that could be followed.")
    return OpenRun(name, changed_text=True)


def training(run_name: str | None, shortcuts: Mapping[str, str | None]) -> Train:
    """The command that trains what was opened. Steps and minutes of a saved run say how much more;
    they have been checked."""
    if run_name is None:
        return Train()
    given = {name: shortcuts[name] for name in ("steps", "minutes")}
    train = configured("", None, _joined((), given)).train
    return Train(train.steps if given["steps"] else 0, train.minutes)


def after_opening(
    run_name: str | None, shortcuts: Mapping[str, str | None], compare: tuple[str, ...]
) -> list[Command]:
    """The commands of the app after the one that opens a run: how much more it trains, if that is
    said, and which runs it is compared with. ValueError, with a user-facing message."""
    known = engine.run_names() if compare else []
    for name in compare:
        if name not in known:
            near = nearest(name, known) if known else ""
            raise ValueError(f"There is no run {name!r} to compare with{near}.")
    if len(compare) > MOST_COMPARED:
        raise ValueError(f"--compare draws {MOST_COMPARED} runs at most, not {len(compare)}.")
    more = training(run_name, shortcuts)
    return [*([more] if more != Train() else []), *([Compare(compare)] if compare else [])]


def as_typed(assignment: str) -> str:
    """A KEY=VALUE as it was typed on the command line: stop characters may have line breaks, which
    are typed as in a prompt."""
    return with_line_breaks(assignment) if _key(assignment) == "sample.stop" else assignment


def configured(
    corpus: str, preset_name: str | None, assignments: tuple[str, ...] | list[str]
) -> RunConfig:
    """The config of a new run. ValueError, with a user-facing message."""
    return override(preset(preset_name or DEFAULT_PRESET, corpus), assignments)


def _joined(assignments: tuple[str, ...], shortcuts: Mapping[str, str | None]) -> tuple[str, ...]:
    """The assignments with those of the shortcuts. ValueError if both name a setting."""
    given = {f"train.{name}": value for name, value in shortcuts.items() if value is not None}
    for key in map(_key, assignments):
        if key in given:
            raise ValueError(f"--{key.partition('.')[2]} and --set {key} say the same: give one.")
    return (*(f"{key}={value}" for key, value in given.items()), *assignments)


def _check_minutes(config: RunConfig, shortcuts: Mapping[str, str | None]) -> None:
    """ValueError, with a user-facing message, for --minutes that are none: in a config they mean
    that it ends by steps."""
    if shortcuts.get("minutes") is not None and not config.train.minutes:
        raise ValueError(
            "--minutes 0 is no time to train: without it, steps say when the run ends."
        )


def _key(assignment: str) -> str:
    """The setting that a KEY=VALUE names."""
    return assignment.partition("=")[0].strip()
