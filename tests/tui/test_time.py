"""The view that looks back: a slider over the kept moments, and what each of them writes."""

from collections.abc import Callable

import pytest
from looking import Desk, Opener, recorded_app
from msgspec.structs import replace
from reading_along import Reader
from recording import (
    RUN,
    SAMPLES,
    STEPS,
    VERSE,
    evaluated,
    ladder,
    opened,
    opening,
    state_after,
    step_done,
    trained,
    untrained,
    written,
)
from test_hostile import PAYLOADS, obeyed
from textual.pilot import Pilot

from engine.protocol import (
    Event,
    Failed,
    Fork,
    Forked,
    Inspect,
    InspectPlace,
    MomentsKept,
    ParentLoaded,
    PhaseChanged,
    RunCurve,
    Sample,
    SampleStarted,
    TextSampled,
)
from tui.app import TinyGPTApp
from tui.state import fold
from tui.time.chart import TimeChart, why_none
from tui.time_state import NOW

KEPT_STEPS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 250, 256, 500, 512, 750, 1_000, 1_024, 1_500, 2_000)
KEPT = MomentsKept(KEPT_STEPS, 58_000_000, 200_000_000)
DONE = (*untrained(), *trained(STEPS), KEPT)


def wrote(sample: Sample, text: str, *, end: bool = True) -> list[Event]:
    """The answer to a question for a text."""
    step = sample.step if sample.step >= 0 else STEPS
    return written(text, sample_id=sample.sample_id, step=step, prompt=sample.prompt, end=end)


async def look_back(desk: Desk) -> None:
    await desk.press("3")
    await desk.sees("▸3 Time", "─ time · ", "─ written")


async def test_the_slider_goes_to_each_kept_moment(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.sees(
            "now, step 2,000 · held-out loss 1.5532 (2.24 bits/char)", "18 kept, 58 MB of 200 MB"
        )
        await it.press("left")
        await it.sees("step 1,500 · held-out loss 1.5857 (2.29 bits/char)")
        await it.press("left")
        await it.sees("time · step 1,024 ─")
        await it.press("home")
        await it.sees("step 0 · held-out loss 4.1432 (5.98 bits/char)")
        await it.press("left", "right")
        await it.sees("time · step 1 ─")
        await it.press("end")
        await it.sees("now, step 2,000")


async def test_the_lines_of_simple_models_appear_once_they_are_measured(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.play(ladder())
        await it.sees("letter pairs 2.48")


async def test_each_moment_writes_to_the_prompt_with_the_same_seed(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        (now,) = it.engine.sent(Sample)
        assert (now.prompt, now.step) == ("ROMEO:", -1)
        await it.play(*wrote(now, "\nGood night, sweet lady"))
        await it.sees("written by step 2,000", "Good night, sweet lady")
        await it.press("home")
        then = it.engine.sent(Sample)[-1]
        assert (then.prompt, then.config, then.step) == (now.prompt, now.config, 0)
        await it.play(*wrote(then, "qZ&kx'Jw ;eVN"))
        await it.sees("written by step 0", "qZ&kx'Jw ;eVN")
        assert "Good night" not in "\n".join(it.rows)


async def test_it_writes_to_the_prompt_of_the_prompt_pane_and_leaves_the_answer_there(
    desk: Opener,
) -> None:
    async with desk(*DONE) as it:
        await it.press("p")
        await it.type("JULIET:")
        await it.press("enter")
        answer = it.engine.sent(Sample)[0]
        await it.play(*written("\nIndeed.", sample_id=answer.sample_id, prompt="JULIET:"))
        await it.press("escape")
        await look_back(it)
        sample = it.engine.sent(Sample)[-1]
        assert sample.prompt == "JULIET:"
        await it.play(*wrote(sample, "\nBy the moon."))
        await it.sees("By the moon.")
        await it.press("1")
        await it.sees("Indeed.")
        assert not [row for row in it.rows if "By the moon" in row]
        await it.press("p", *["backspace"] * 7, "enter")
        assert it.engine.sent(Sample)[-1].prompt == "JULIET:\nIndeed."


async def test_the_passage_is_read_by_the_chosen_moment_in_every_view(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await look_back(it)
        await reader.answer()
        await it.sees("PROSPERO:", "2.21 bits a character")
        await it.press("home")
        assert it.engine.sent(Inspect)[-1].step == 0
        assert not it.engine.sent(InspectPlace)  # there is no pane here that shows it
        await reader.answer()
        await it.press("2")
        assert it.engine.sent(InspectPlace)[-1].step == 0
        assert len(it.engine.sent(Inspect)) == 2  # the answer serves both views
        await it.press("3", "tab", "right")
        await reader.answer()
        await it.sees("time · step 0")  # the key moved the cursor of the passage


async def test_a_finished_moment_is_not_read_again_as_training_goes_on(desk: Opener) -> None:
    async with desk(*untrained(), *trained(500), MomentsKept((0, 250, 500), 1, 2)) as it:
        reader = Reader(it)
        await look_back(it)
        await it.press("home")
        await reader.answer()
        asked = len(it.engine.sent(Inspect))
        await it.play(step_done(750), evaluated(750, 1.7))
        assert len(it.engine.sent(Inspect)) == asked


async def test_never_more_than_one_question_is_open(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.press("left", "left", "left")
        (first,) = it.engine.sent(Sample)
        await it.play(SampleStarted(first.sample_id, STEPS, "ROMEO:", "", 0))
        assert [sample.step for sample in it.engine.sent(Sample)] == [-1, 1_000]
        await it.play(TextSampled(first.sample_id, "of the moment before", 20, 0.1))
        await it.play(*wrote(it.engine.sent(Sample)[-1], "of this one"))
        await it.sees("of this one")
        assert not [row for row in it.rows if "of the moment before" in row]


async def test_it_plays_through_the_moments_as_they_are_answered(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.time.view.SHORTEST", 0.01)
    monkeypatch.setattr("tui.time.view.WHOLE", 0.1)
    async with desk(*DONE) as it:
        reader = Reader(it)
        await look_back(it)
        await it.play(*wrote(it.engine.sent(Sample)[0], "now"))
        await reader.answer()
        await it.press("P")
        await it.sees("step 0 · held-out loss 4.1432 (5.98 bits/char) · playing")
        for step in KEPT_STEPS[:-1]:
            await it.until(lambda step=step: it.engine.sent(Sample)[-1].step == step)
            await it.play(*wrote(it.engine.sent(Sample)[-1], f"by {step}"))
            await reader.answer()
        await it.until(lambda: it.app.state.moments.chosen == NOW)
        for kind in (Sample, Inspect):
            assert [one.step for one in it.engine.sent(kind)] == [NOW, *KEPT_STEPS[:-1], NOW]
        await it.sees("▸3 Time")
        assert not [row for row in it.rows if "playing" in row]


async def test_the_key_that_plays_also_stops(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.press("P")
        await it.sees("· playing")
        await it.press("P")
        assert not [row for row in it.rows if "playing" in row]
        await it.press("P", "1", "3")
        await it.sees("▸3 Time")
        assert not [row for row in it.rows if "playing" in row]


async def test_the_mouse_moves_the_slider(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        slider = next(row for row in it.rows if "┴" in row)
        await it.pilot.click(TimeChart, offset=(slider.index("┴"), it.rows.index(slider) - 2))
        await it.sees("time · step 0 ·")
        await it.pilot.click(TimeChart, offset=(slider.rindex("▲"), 5))
        await it.sees("time · now, step 2,000")


async def test_a_moment_that_made_room_for_others_gives_way_to_the_nearest(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.press("left", "left")
        await it.sees("time · step 1,024")
        await it.play(MomentsKept((0, 500, 1_000, 2_000), 12_000_000, 13_000_000))
        await it.sees("time · step 1,000", "4 kept, 12 MB of 13 MB")


async def test_a_moment_that_cannot_be_read_is_a_sentence(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.play(*wrote(it.engine.sent(Sample)[0], "now"))
        await it.press("home")
        await it.play(Failed("The file of step 0 in moments is damaged.", "sample"))
        await it.sees("The file of step 0 in moments is damaged.")
        await it.press("right")
        await it.play(*wrote(it.engine.sent(Sample)[-1], "by the next"))
        await it.sees("by the next")


async def test_while_it_trains_now_is_the_last_evaluation(desk: Opener) -> None:
    async with desk(*untrained(), *trained(500), MomentsKept((0, 250, 500), 1, 2)) as it:
        await look_back(it)
        await it.play(*wrote(it.engine.sent(Sample)[0], "at 500"))
        await it.play(step_done(501), step_done(502))
        assert len(it.engine.sent(Sample)) == 1
        await it.play(step_done(750), evaluated(750, 1.7))
        assert [sample.step for sample in it.engine.sent(Sample)] == [-1, -1]


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((*DONE[:-1], MomentsKept((), 0, 200_000_000)), "No weights of the steps so far were kept"),
        ((*untrained(), MomentsKept((), 0, 200_000_000)), "kept from the first step on"),
        ((*DONE[:-1], MomentsKept((), 0, 0)), "train.moments_mb, is 0"),
        ((*DONE[:-1], MomentsKept((), 0, 3_000_000)), "those of one step take 3.2 MB, more than"),
        (
            (*opening()[:-1], replace(opened(), saving=False), MomentsKept((), 0, 200_000_000)),
            "not saved (--no-save)",
        ),
    ],
)
async def test_where_nothing_is_kept_it_says_why(
    desk: Opener, events: tuple[Event, ...], reason: str
) -> None:
    for size in ((120, 40), (80, 24)):
        async with desk(*events, size=size) as it:
            await look_back(it)
            await it.until(lambda: reason in words(it), reason)
            assert it.engine.sent(Sample)[0].step == -1


def test_a_fork_says_from_when_on_it_keeps_weights() -> None:
    none = MomentsKept((), 0, 200_000_000)
    fork = (*untrained(), *trained(500), Forked(500, "calm-heron"), none)
    begins = "A fork keeps its weights from its first step on: space starts training."
    assert why_none(state_after(*fork)) == begins
    tree = state_after(*fork, ParentLoaded(RunCurve("calm-heron", ((0, 4.1),))))
    assert why_none(tree) == f"{begins} Those of earlier steps are with calm-heron, its parent."
    assert why_none(fold(tree, MomentsKept((500,), 1, 2))) == ""
    assert "later steps will be" in why_none(fold(tree, step_done(501)))


def words(desk: Desk) -> str:
    """What stands on the screen, as if it were not wrapped."""
    return " ".join(" ".join(desk.rows).replace("│", " ").split())


async def test_hidden_it_costs_nothing(desk: Opener) -> None:
    async with desk(*DONE) as it:
        assert not it.app.query(TimeChart)
        await look_back(it)
        await it.play(*wrote(it.engine.sent(Sample)[0], "now"))
        await it.press("1")
        await it.play(PhaseChanged("training", STEPS), step_done(STEPS + 1))
        await it.play(evaluated(STEPS + 1, 1.5))
        assert len(it.engine.sent(Sample)) == 1


async def test_what_a_moment_writes_is_never_obeyed(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        for payload in PAYLOADS.values():
            await it.press("left")
            sample = it.engine.sent(Sample)[-1]
            await it.play(SampleStarted(sample.sample_id, 1, payload, payload, 0))
            await it.play(*wrote(it.engine.sent(Sample)[-1], f"text {payload} end"))
            await it.sees("text")
            assert list(obeyed(it)) == []


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_the_view_as_a_picture(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def show(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, TinyGPTApp)
        desk = Desk(pilot.app, pilot)
        await desk.until(lambda: desk.engine.started)
        await desk.play(*DONE)
        await look_back(desk)
        await desk.play(*wrote(desk.engine.sent(Sample)[0], VERSE))
        await Reader(desk).answer()
        await desk.press(*["left"] * 8)
        await desk.play(*wrote(desk.engine.sent(Sample)[-1], VERSE))
        await desk.play(*wrote(desk.engine.sent(Sample)[-1], dict(SAMPLES)[250]))
        reader = Reader(desk)
        reader.step = 250
        await reader.answer()
        await desk.sees("time · step 250", "written by step 250")

    assert snap_compare(recorded_app(), terminal_size=size, run_before=show)


@pytest.mark.parametrize(
    ("typed", "fork"),
    [
        ("", Fork(RUN, 1_500)),
        ("learning rate 0.3", Fork(RUN, 1_500, ("train.learning_rate=0.3",))),
        ("dropout=0.1", Fork(RUN, 1_500, ("model.dropout=0.1",))),
        ("text letters.txt", Fork(RUN, 1_500, corpus="letters.txt")),
    ],
)
async def test_a_key_forks_a_run_from_the_chosen_moment(
    desk: Opener, typed: str, fork: Fork
) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.press("left", "f")
        await it.sees("A new run from step 1,500 on")
        await it.type(typed)
        await it.press("enter")
        assert it.engine.sent(Fork) == [fork]


async def test_a_fork_that_cannot_be_is_asked_for_again(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await look_back(it)
        await it.press("f")
        await it.type("dropout 7")
        await it.press("enter")
        await it.sees("dropout 7")
        assert not it.engine.sent(Fork)
        await it.press("escape", "f")
        await it.type("colour red")
        await it.press("enter")
        await it.sees("Name one of learning rate")
        await it.press("escape")
        assert not it.engine.sent(Fork)
