"""`tinygpt-tui train` as one of several ranks, started by torchrun: rank 0 trains as it would alone,
and the others do what it says."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from engine import Launch, LaunchFile, ProcessGroup, RankLostError, end_ranks, follow_rank_0
from engine.protocol import Event, Fork, Open, Opened, OpenRun, StepDone, Teach, Train
from tui import __version__
from tui.cli.console import print_error
from tui.cli.train import train
from tui.signals import on_exit_signal

Wanted = tuple[Open | OpenRun | Fork, Train | None, Teach | None]
"""What the options ask for: a run, how much more it is trained, what it is taught."""


def train_as_rank(
    launch: Launch,
    wanted: "Callable[[], tuple[Open | OpenRun | Fork, Train, Teach | None]]",
    until: int | None,
    *,
    as_json: bool,
    saving: bool,
) -> int:
    """Train a run together with the other ranks; the exit code, the same in each. `wanted`: called
    in rank 0 alone; ValueError, with a user-facing message."""
    command = tuple(sys.argv[1:])
    try:
        group = ProcessGroup.join(launch, __version__, command)
    except ValueError as error:
        print_error(str(error))
        return 2
    if group.mismatch:
        if launch.rank == 0:
            print_error(group.mismatch)
        return 2
    if launch.rank:
        return _follow(group)
    launch_file = LaunchFile(launch, command)
    code = 2
    try:
        code = _lead(group, wanted, launch_file, until, as_json=as_json, saving=saving)
    except ValueError as error:
        print_error(str(error))
    try:
        end_ranks(group, code)
    except RankLostError as error:
        print_error(str(error))
        return code or 1
    return code


def end_rank(code: int) -> NoReturn:
    """End this process without the end of the interpreter: a thread of gloo that frees its last
    tensors after that would abort it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _lead(
    group: ProcessGroup,
    wanted: "Callable[[], tuple[Open | OpenRun | Fork, Train, Teach | None]]",
    launch_file: LaunchFile,
    until: int | None,
    *,
    as_json: bool,
    saving: bool,
) -> int:
    """Train, in rank 0; the exit code."""
    run = launch_file.run()
    opening, training, teaching = (OpenRun(run), None, None) if run else wanted()

    before = 0  # steps, when it was opened

    def watch(event: Event) -> None:
        nonlocal run, before
        if isinstance(event, Opened):
            run, before = event.run, event.step
        elif isinstance(event, StepDone) and event.step == before + 1 and saving:
            launch_file.keep(run)

    return train(
        opening,
        training,
        teaching,
        until,
        as_json=as_json,
        saving=saving,
        group=group,
        watch=watch,
    )


def _follow(group: ProcessGroup) -> int:
    """Do what rank 0 says, in another rank; the exit code. A signal ends all ranks."""

    def stop(code: int) -> None:
        group.stop_code = code

    with on_exit_signal(stop):
        try:
            return follow_rank_0(group)
        except ValueError as error:
            print_error(str(error))
            return 2
        except RankLostError as error:
            if group.speaks(error):
                print_error(str(error))
            return group.stop_code or 1
