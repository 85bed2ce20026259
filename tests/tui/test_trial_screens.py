"""The range test and the step microscope on the screen: what they show, take and leave as it was."""

import pytest
from looking import Desk, Opener
from msgspec.structs import replace
from recording import trained, untrained
from trying import FOUND, UNCLEAR, rates_tried, step_inspected

from engine.protocol import (
    Command,
    Failed,
    FindLearningRate,
    InspectStep,
    Pause,
    PhaseChanged,
    SetLearningRate,
    StopTrial,
    Train,
)
from tui.microscope import rates
from tui.screens.microscope_pages import PAGES

TRAINING = (*untrained(), *trained(60))
SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)])


def sent(desk: Desk) -> list[Command]:
    """What this part of the app has sent."""
    ours = FindLearningRate | InspectStep | StopTrial | Pause | Train | SetLearningRate
    return [command for command in desk.asked if isinstance(command, ours)]


@SIZES
async def test_the_rate_that_was_found_is_taken_with_one_key(
    desk: Opener, size: tuple[int, int]
) -> None:
    async with desk(*TRAINING, size=size) as it:
        await it.press("r")
        assert sent(it) == [Pause(), FindLearningRate(1)]
        await it.play(PhaseChanged("paused", 60), *rates_tried(40))
        await it.sees("trying 0.00376", "(40 of at most 100 steps)", "0.0001", " 0.1 ")
        await it.press("enter")
        await it.sees("No rate is suggested before the test is over: trying 0.00376")
        assert len(it.app.screen_stack) == 2
        await it.play(*rates_tried()[40:], FOUND)
        await it.sees("Suggested: 0.00811", "rises above 0.266", "◆", "△")
        await it.press("enter")
        assert sent(it)[2:] == [SetLearningRate(0.00811), StopTrial(), Train()]
        await it.until(lambda: len(it.app.screen_stack) == 1)


async def test_where_no_rate_is_suggested_none_is_taken(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("r")
        await it.play(*rates_tried(), UNCLEAR)
        await it.sees("At no rate does the loss clearly fall", "above 0.0351 it rises")
        await it.press("enter", "escape")
        assert sent(it) == [FindLearningRate(1), StopTrial()]


async def test_of_a_test_that_was_left_nothing_is_shown_later(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("r")
        await it.play(*rates_tried(40))
        await it.press("escape", "r")
        await it.play(*rates_tried()[40:50], FOUND)
        await it.sees("copying the run")
        assert it.engine.sent(FindLearningRate) == [FindLearningRate(1), FindLearningRate(2)]
        await it.play(Failed("The memory does not suffice for a copy of the run.", "inspect", 2))
        await it.sees("The memory does not suffice")


@SIZES
async def test_the_microscope_walks_through_one_update(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(*TRAINING, size=size) as it:
        await it.press("m")
        assert sent(it) == [Pause(), InspectStep(1)]
        await it.play(PhaseChanged("paused", 60), step_inspected())
        await it.sees(
            "1/6  the batch", "step 1,241", "32 rows of 64 characters", "▸ PROSPERO:␊Now my charms"
        )
        await it.press("right")
        await it.sees("2/6  forward, layer by layer", "The true next character is", "emb")
        await it.press("space")
        await it.sees("3/6  the loss", "a surprise of 2.31 bits", "1.6542 nats")
        await it.press("enter")
        await it.sees("4/6  the gradient", "0.413", "1.attention.qkv", "head ")
        await it.press("right")
        await it.sees("5/6  the update", "Muon (learning rate 0.0189)", "2.mlp.output", "cosine")
        await it.press("right", "right")
        await it.sees("6/6  afterwards", "2.31 bits before, 1.94 after", "1.6542 and is 1.6398")
        await it.press("left", "escape")
        assert sent(it)[2:] == [StopTrial(), Train()]


async def test_another_row_and_another_character_can_be_looked_at(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("m", "down")  # there is nothing to move in yet
        await it.play(step_inspected())
        await it.press("down")
        await it.play(step_inspected(2, row=1))
        await it.press("comma")
        await it.play(step_inspected(3, row=1, place=63))
        await it.press("up", "full_stop")
        asked = it.engine.sent(InspectStep)
        assert [(one.row, one.place) for one in asked] == [
            (0, -1),
            (1, 63),
            (1, 62),
            (0, 62),
            (1, 63),
        ]


@pytest.mark.parametrize(("phase", "goes_on"), [("paused", True), ("done", False)])
async def test_training_goes_on_only_where_it_was_held(
    desk: Opener, phase: str, goes_on: bool
) -> None:
    """Esc comes before the engine has paused, or after the run has ended by itself."""
    async with desk(*TRAINING) as it:
        await it.press("m", "escape")
        assert sent(it) == [Pause(), InspectStep(1), StopTrial()]
        await it.play(PhaseChanged(phase, 60))  # type: ignore[arg-type]
        assert sent(it)[3:] == ([Train()] if goes_on else [])


async def test_a_followed_run_has_no_trials(desk: Opener) -> None:
    async with desk(*untrained(), PhaseChanged("following", 0)) as it:
        await it.press("m", "r", "k")
        said = [notification.message for notification in it.app._notifications]
        assert said == ["Another program trains this run: that can be done only there."] * 3
        assert sent(it) == []
        assert len(it.app.screen_stack) == 1


async def test_hostile_text_in_a_batch_is_drawn_as_pictures(desk: Opener) -> None:
    text = "a\x1b[31m\ufe0f\u202e[/]世界e\u0301\u0301\u0301\u0301\u0301\n" * 3
    async with desk(*untrained(), size=(80, 24)) as it:
        await it.press("m")
        await it.play(step_inspected(text=text, place=len(text) - 1))
        for _ in range(6):
            await it.press("right")
            assert not any("\x1b" in row or "\u202e" in row for row in it.rows)


def test_the_microscope_names_normuon() -> None:
    step = step_inspected()
    tensors = tuple(
        replace(tensor, optimizer=tensor.optimizer.replace("Muon", "NorMuon"))
        for tensor in step.tensors
    )
    step = replace(step, tensors=tensors)
    (update,) = [page for page in PAGES if page.title == "the update"]
    lines = [line.plain for line in update.draw(step, 110, 20)]
    assert lines[0].startswith("NorMuon (learning rate 0.0189)")
    assert "(NorMuon), " in rates(step)


def test_where_adamw_takes_the_step_the_microscope_says_so() -> None:
    step = step_inspected()
    tensors = tuple(replace(tensor, optimizer="AdamW") for tensor in step.tensors)
    step = replace(step, tensors=tensors, learning_rate=0.003, adam_learning_rate=0.003)
    (update,) = [page for page in PAGES if page.title == "the update"]
    lines = [line.plain for line in update.draw(step, 78, 20)]
    assert lines[0].startswith("AdamW (learning rate 0.00300)")
    assert not any("Muon" in line for line in lines)
    head, first = (next(line for line in lines if word in line) for word in ("cosine", "embedding"))
    assert "embedding            AdamW" in first
    assert head.index("cosine") + len("cosine") == first.rindex(".") + len(".00")
    assert rates(step) == "0.00300 (AdamW)"
