"""The app over an engine that runs freely, and a user who cannot wait."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from looking import until
from staging import Stage, on_stage, tiny
from textual import events
from textual.geometry import Size

from engine.protocol import Closed, Command, Pause, SampleDone, SampleStarted, StepDone, Train

pytestmark = [pytest.mark.thorough, pytest.mark.stress]


def press(stage: Stage, key: str, character: str) -> None:
    """A key as a terminal sends it, without waiting for what it does."""
    stage.app.post_message(events.Key(key, character))


async def settle(stage: Stage, reached: Callable[[], object]) -> None:
    await until(stage.pilot, reached)


def record(stage: Stage) -> list[Command]:
    """The commands that are sent from now on."""
    sent: list[Command] = []
    send = stage.app.engine.send

    def send_and_record(command: Command) -> None:
        sent.append(command)
        send(command)

    stage.app.engine.send = send_and_record  # type: ignore[method-assign]
    return sent


async def test_two_hundred_presses_of_space_leave_one_truth(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file, steps=100_000), gated=False) as stage:
        sent = record(stage)
        for _ in range(200):
            press(stage, "space", " ")
            await stage.pilot._wait_for_screen()
        await settle(stage, lambda: len(sent) == 200)
        last = "training" if isinstance(sent[-1], Train) else "paused"
        await stage.until(lambda: stage.phase() == last)
        await settle(stage, lambda: stage.app.state.phase == last)
        assert {type(command) for command in sent} == {Train, Pause}

        if last == "training":
            press(stage, "space", " ")
            await stage.until(lambda: stage.phase() == "paused")
        await settle(stage, lambda: stage.app.state.phase == "paused")
        steps = [event.step for event in stage.reported(StepDone)]
        assert steps == list(range(1, len(steps) + 1))
        await settle(stage, lambda: stage.app.state.step == len(steps))


async def test_thirty_prompts_at_once_end_with_the_last(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file, steps=100_000), gated=False) as stage:
        press(stage, "space", " ")
        await stage.until(lambda: stage.phase() == "training")
        press(stage, "p", "p")
        for number in range(30):
            press(stage, "o", "o")
            press(stage, "enter", "\r")
            if number % 5 == 0:
                await stage.pilot._wait_for_screen()
        await stage.until(lambda: len(stage.reported(SampleStarted)) == 30)
        await stage.until(lambda: stage.reported(SampleDone)[-1:] and ended(stage) == 30)
        press(stage, "escape", "\x1b")
        press(stage, "space", " ")
        await settle(stage, lambda: newest_shown(stage) == 30)

        writing = stage.app.state.writing
        assert writing is not None
        assert writing.prompt == "o" * 30
        assert len(writing.text) == 500
        assert [event.sample_id for event in stage.reported(SampleDone)] == list(range(1, 31))


def newest_shown(stage: Stage) -> int | None:
    """The newest text on the screen, once it is shown to its end."""
    writing = stage.app.state.writing
    return writing.sample_id if writing is not None and writing.ended else None


def ended(stage: Stage) -> int:
    """The newest text that has ended."""
    return stage.reported(SampleDone)[-1].sample_id


async def test_quitting_in_full_run_ends_it(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file, steps=100_000), gated=False) as stage:
        press(stage, "space", " ")
        press(stage, "w", "w")
        await stage.until(lambda: len(stage.reported(StepDone)) > 20)
        press(stage, "q", "q")
        await stage.until(lambda: stage.reported(Closed))
        await until(stage.pilot, lambda: stage.app.return_code is not None)

    assert stage.app.return_code == 0


async def test_a_storm_of_sizes_while_it_trains(verse_file: Path) -> None:
    dice = Random(1)
    sizes = [(1, 1), (500, 200), (80, 24), (2, 60), (200, 3)]
    sizes += [(dice.randint(1, 220), dice.randint(1, 70)) for _ in range(20)]
    async with on_stage(tiny(verse_file, steps=100_000), gated=False) as stage:
        press(stage, "space", " ")
        await stage.until(lambda: stage.phase() == "training")
        for width, height in sizes:
            stage.app.post_message(events.Resize(Size(width, height), Size(width, height)))
            await stage.pilot._wait_for_screen()
        await stage.pilot.resize_terminal(120, 40)
        press(stage, "space", " ")
        await stage.until(lambda: stage.phase() == "paused")
        await stage.sees("● paused")
        assert len(stage.reported(StepDone)) > 0
