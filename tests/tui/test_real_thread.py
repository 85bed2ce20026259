"""The app over the real engine on its thread, held between two units of work."""

from pathlib import Path

from looking import until
from staging import Stage, engine_threads, on_stage, tiny

from engine.config import RunConfig, override
from engine.protocol import (
    Closed,
    Opened,
    RunsListed,
    SampleDone,
    SampleStarted,
    Saved,
    StepDone,
    TextSampled,
)
from tui.panes.prompt import PromptInput


async def train(stage: Stage, steps: int) -> None:
    """Press space, and let it take this many steps."""
    parked = stage.parked
    await stage.pilot.press("space")
    await stage.until(lambda: stage.phase() == "training" and stage.parked > parked)
    await stage.let(steps)


async def begin_to_write(stage: Stage, text: str) -> None:
    """Type a prompt, and let the engine begin to answer it."""
    parked = stage.parked
    await stage.pilot.press("p", *text, "enter")
    if stage.phase() == "training":
        await stage.let(1)
    else:
        await stage.until(lambda: stage.parked > parked)
    assert [event.prompt for event in stage.reported(SampleStarted)] == [text]


def long_answers(verse_file: Path) -> RunConfig:
    """Answers that take many units of work."""
    return override(tiny(verse_file), ["sample.characters=1_000_000"])


async def test_an_opened_run_is_shown(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file)) as stage:
        assert engine_threads() == ["engine"]
        await stage.sees("● untrained", "Space trains; t: a tour.", "step      0", "verse.txt")


async def test_space_trains_and_pauses_within_one_step(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file)) as stage:
        await train(stage, 5)
        assert [event.step for event in stage.reported(StepDone)] == [1, 2, 3, 4, 5]
        await stage.sees("● training", "step 5 / 2,000")

        await stage.pilot.press("space")
        await stage.let(1, lambda: stage.phase() == "paused")
        await stage.until(lambda: stage.phase() == "paused")
        await stage.sees("● paused", "step 6 / 2,000")
        assert len(stage.reported(StepDone)) == 6


async def test_n_takes_one_step(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file)) as stage:
        parked = stage.parked
        await stage.pilot.press("n")
        await stage.until(lambda: stage.parked > parked)
        await stage.let(1, lambda: stage.phase() == "paused")
        await stage.until(lambda: stage.phase() == "paused")

        await stage.sees("● paused", "step 1 / 2,000")
        assert len(stage.reported(StepDone)) == 1


async def test_the_engine_lists_the_saved_runs(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file)) as stage:
        parked = stage.parked
        await stage.pilot.press("n")
        await stage.until(lambda: stage.parked > parked)
        await stage.let(1, lambda: stage.phase() == "paused")
        await stage.until(lambda: stage.phase() == "paused")
        parked = stage.parked
        await stage.pilot.press("o")
        await stage.until(lambda: stage.reported(RunsListed) or stage.parked > parked)
        while not stage.reported(RunsListed):
            await stage.let(1, lambda: stage.reported(RunsListed))

        (listed,) = stage.reported(RunsListed)[0].runs
        assert listed.name == stage.reported(Opened)[0].run
        await stage.sees("saved runs", f"● {listed.name}", "/ 2,000")


async def test_a_prompt_is_answered_while_it_trains(verse_file: Path) -> None:
    short = override(tiny(verse_file), ["sample.characters=50"])  # all of it is on the screen
    async with on_stage(short) as stage:
        await train(stage, 2)
        await begin_to_write(stage, "owl")
        for _ in range(3):
            await stage.let(1)

        # The first of the three begins the answer, before training goes on.
        assert len(stage.reported(StepDone)) == 2 + 1 + 2
        text = "".join(event.text for event in stage.reported(TextSampled))
        assert text
        first = ("owl" + text).partition("\n")[0][:60].rstrip()
        await stage.sees("● training", first, "by step 3")


async def test_a_text_is_written_without_training_too(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file)) as stage:
        await begin_to_write(stage, "moon")
        while not stage.reported(SampleDone):
            await stage.let(1, lambda: stage.reported(SampleDone))

        assert stage.reported(StepDone) == []
        await stage.sees("by step 0 · 500 characters")


async def quit_and_wait(stage: Stage) -> None:
    """Press q while the engine is in the middle of something."""
    await stage.pilot.press("q")
    stage.open_gate()
    await stage.until(lambda: stage.reported(Closed))
    await until(stage.pilot, lambda: stage.app.return_code is not None)


async def test_quitting_while_it_trains_saves_and_leaves_nothing(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file)) as stage:
        await train(stage, 3)
        await quit_and_wait(stage)

    assert stage.app.return_code == 0
    assert [event.step for event in stage.reported(Saved)] == [len(stage.reported(StepDone))]
    assert engine_threads() == []


async def test_quitting_while_it_writes_leaves_nothing(verse_file: Path) -> None:
    async with on_stage(long_answers(verse_file)) as stage:
        await begin_to_write(stage, "owl")
        await stage.let(1)
        assert stage.app.query_one(PromptInput).has_focus
        await stage.pilot.press("tab")  # in the prompt q would be text
        await quit_and_wait(stage)

    assert stage.app.return_code == 0
    assert stage.reported(Saved) == []
    assert engine_threads() == []


async def test_quitting_while_it_trains_and_writes_leaves_nothing(verse_file: Path) -> None:
    async with on_stage(long_answers(verse_file)) as stage:
        await train(stage, 2)
        await begin_to_write(stage, "owl")
        await stage.let(1)
        await stage.pilot.press("tab")
        await quit_and_wait(stage)

    assert stage.app.return_code == 0
    assert stage.reported(SampleDone) == []
    assert len(stage.reported(Saved)) == 1


async def test_however_the_app_ends_the_run_is_saved(verse_file: Path) -> None:
    async with on_stage(tiny(verse_file)) as stage:
        await train(stage, 1)
        stage.open_gate()
        stage.app.exit()

    assert stage.reported(Closed) != []
    assert [event.step for event in stage.reported(Saved)] == [len(stage.reported(StepDone))]
    assert engine_threads() == []
