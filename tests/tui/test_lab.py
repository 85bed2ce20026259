"""The view of races: a question is asked, the user guesses, the sides race, and the answer comes."""

import pytest
from looking import Desk, Opener, recorded_app
from racing import ATTENTION, RACE, begun, race_opened, races_listed, trained
from recording import CONFIG, corpus_loaded, opened, untrained
from test_hostile import PAYLOADS, obeyed
from textual.pilot import Pilot

from engine.config import override
from engine.protocol import (
    LABELS,
    DeleteRace,
    Excerpt,
    Failed,
    ListRaces,
    OpenRace,
    OpenSavedRace,
    Pause,
    PhaseChanged,
    RaceChanged,
    RacePhaseChanged,
    RenameRace,
    SampleDone,
    SideEvent,
    Train,
)
from tui.app import TinyGPTApp
from tui.lab.questions import QUESTIONS

DONE = (*begun(), *trained())


async def ask_about_attention(it: Desk, guess: str) -> None:
    """Choose the first ready question, and guess."""
    await it.press("4")
    await it.sees("▸4 Lab", "Enter: ready questions")
    await it.press("enter")
    await it.sees("what do you want to know?", "without attention", "versions of your own")
    await it.press("enter")
    await it.sees("Which will have the")
    await it.type(guess)
    await it.press("enter")


async def test_a_ready_question_is_guessed_raced_and_answered(desk: Opener) -> None:
    async with desk() as it:
        await ask_about_attention(it, "a")
        (race,) = it.engine.sent(OpenRace)
        assert (race.question, race.axis) == ("without attention", "characters")
        assert [config.model.attention for config in race.configs] == [True, False]
        assert {config.corpus for config in race.configs} == {CONFIG.corpus}
        assert not it.engine.sent(Train)  # before it is open, that would train the other run
        await it.play(*begun())
        assert len(it.engine.sent(Train)) == 1
        await it.sees("lab · without attention", "You guessed A.", "○ A with attention")
        await it.play(*trained(3))
        await it.sees("2.330  step 400 / 800", "2.550  step 400 / 800", "0.220 nats per")
        assert not [row for row in it.rows if "back pays" in row]
        await it.sees("The king will be the so thee", "The t he and than s menoul")
        await it.play(*trained()[len(trained(3)) :])
        await it.sees("Held-out loss in nats per character", "back pays: without", "that is right")
        await it.sees("The race has ended. Each side is a saved run")
        await it.press("space")
        assert len(it.engine.sent(Train)) == 1


async def test_another_outcome_than_guessed_is_said(desk: Opener) -> None:
    async with desk() as it:
        await ask_about_attention(it, "=")
        await it.play(*DONE)
        await it.sees("You guessed no difference: it turned")


async def test_side_a_is_what_the_other_views_show(desk: Opener) -> None:
    async with desk(*untrained(), *begun(), *trained(3)) as it:
        await it.sees(f"run {RACE}-A", "step 400 / 800")
        await it.press("4")
        await it.play(opened())
        await it.sees("closed: another run is open", "run amber-otter")


async def test_a_letter_of_no_side_is_no_guess(desk: Opener) -> None:
    async with desk() as it:
        await ask_about_attention(it, "c")
        (_,) = it.engine.sent(OpenRace)
        await it.play(*begun())
        await it.sees("lab · without attention")
        assert not [row for row in it.rows if "You guessed" in row]


async def test_without_a_guess_there_is_a_race_and_with_escape_none(desk: Opener) -> None:
    async with desk() as it:
        await it.press("4", "enter", "enter")
        await it.sees("A with attention", "B without attention", "800 steps of each side")
        await it.press("a", "escape")
        await it.sees("Enter: ready questions")
        assert not it.engine.sent(OpenRace)


async def test_the_last_event_of_a_race_leaves_the_run_alone_that_is_opened(desk: Opener) -> None:
    """The sample of a side ends when another run has been opened."""
    async with desk(*untrained(), *begun(), *trained(3)) as it:
        await it.play(*untrained(), SideEvent(1, SampleDone(1, 0, 0.0, "stopped")))
        await it.sees("● untrained", "run amber-otter")


async def test_a_race_that_cannot_be_opened_trains_nothing(desk: Opener) -> None:
    async with desk() as it:
        await ask_about_attention(it, "")
        await it.play(corpus_loaded(), Failed("The memory is too small for all.", "open"))
        await it.sees("The memory is too small for all.", "run amber-otter")
        await it.play(*begun())
        assert not it.engine.sent(Train)


async def test_saved_races_are_listed_opened_and_deleted(desk: Opener) -> None:
    async with desk() as it:
        await it.press("4", "enter")
        assert it.engine.sent(ListRaces)
        await it.play(races_listed())
        await it.sees("saved  without attention", "saved  as it is or model.n_head=8")
        await it.press("end", "d")
        await it.sees("Delete the race shy-lynx?")
        await it.press("y")  # it names no runs
        assert it.engine.sent(DeleteRace) == [DeleteRace("shy-lynx")]
        await it.press("up")
        await it.sees(f"{RACE}: After 819,200 characters A is")
        await it.press("enter")
        assert it.engine.sent(OpenSavedRace) == [OpenSavedRace(RACE)]
        await it.play(*DONE)
        await it.sees("back pays: without attention")
        assert not it.engine.sent(Train)


async def test_a_saved_race_is_renamed_and_deleted_with_its_runs(desk: Opener) -> None:
    async with desk() as it:
        await it.press("4", "enter")
        await it.play(races_listed())
        await it.press("end", "up", "r")
        await it.sees(f"A name for the race {RACE}:")
        await it.type("/")
        await it.press("enter")
        assert it.engine.sent(RenameRace) == [RenameRace(RACE, "/")]
        await it.play(Failed("A race's name has no stroke.", "runs"))
        await it.sees("A race's name has no stroke.", f"A name for the race {RACE}:")
        await it.press("backspace")
        await it.type("y")
        await it.press("enter")
        assert it.engine.sent(RenameRace)[1] == RenameRace(RACE, "y")
        asked = len(it.engine.sent(ListRaces))
        await it.play(RaceChanged(RACE, "y"))
        assert len(it.engine.sent(ListRaces)) == asked + 1
        await it.press("d")
        await it.sees(f"Delete the race {RACE}?")
        await it.press("y")
        await it.sees(f"Its runs too? {RACE}-A, {RACE}-B are saved runs")
        await it.press("y")
        assert it.engine.sent(DeleteRace) == [DeleteRace(RACE, with_runs=True)]
        await it.play(Failed("Another program trains it.", "runs"))
        await it.sees("Another program trains it.")


async def test_the_open_race_is_not_deleted(desk: Opener) -> None:
    async with desk(*untrained(), *DONE) as it:
        await it.press("4", "enter")
        await it.play(races_listed())
        await it.press("end", "up", "d")
        await it.sees(f"{RACE} is open here: open another run first.")
        await it.press("escape")
        assert not it.engine.sent(DeleteRace)


async def test_a_side_that_fails_says_why(desk: Opener) -> None:
    async with desk(*untrained(), *begun(), *trained(2)) as it:
        await it.press("4")
        await it.play(SideEvent(1, Failed("The loss is not a number.", "train")))
        await it.sees("The loss is not a number.")


async def test_a_race_is_paused_and_goes_on_though_side_a_has_ended(desk: Opener) -> None:
    async with desk(*untrained(), *begun(), *trained(3)) as it:
        await it.press("4")
        await it.play(SideEvent(0, PhaseChanged("done", 400)))
        await it.sees("● training", "space pause")
        await it.press("space")
        assert len(it.engine.sent(Pause)) == 1
        await it.play(SideEvent(1, PhaseChanged("paused", 400)), RacePhaseChanged("paused"))
        await it.sees("● paused", "space train")
        await it.press("space")
        assert len(it.engine.sent(Train)) == 1


async def test_a_side_that_cannot_be_saved_says_so_until_the_race_goes_on(desk: Opener) -> None:
    async with desk(*untrained(), *begun(), *trained(2)) as it:
        await it.press("4")
        paused = (SideEvent(side, PhaseChanged("paused", 200)) for side in (1, 0))
        said = Failed("Side B: The run could not be saved.", "save")
        await it.play(said, *paused, RacePhaseChanged("paused"))
        await it.sees("✖ Side B: The run could not be saved.", "● paused")
        await it.play(RacePhaseChanged("training"))
        await it.sees("● training")
        assert not [row for row in it.rows if "could not be saved" in row]


async def test_after_an_error_in_the_engine_the_race_is_opened_again(desk: Opener) -> None:
    error = Failed("The memory ran out.", "engine")
    async with desk(*untrained(), *begun()) as it:
        await it.play(error)
        await it.press("4", "space")
        (race,) = it.engine.sent(OpenRace)  # nothing of it is on the disk
        assert race.configs == ATTENTION.configs("tinyshakespeare")
        await it.play(*begun(), *trained(2), error)
        await it.press("space")
        assert it.engine.sent(OpenSavedRace) == [OpenSavedRace(RACE)]


async def test_four_samples_are_below_each_other_where_columns_would_be_narrow(
    desk: Opener,
) -> None:
    configs = tuple(override(CONFIG, [f"model.n_layer={layers}"]) for layers in (1, 2, 3, 4))
    title = " or ".join(f"model.n_layer={layers}" for layers in (1, 2, 3, 4))
    async with desk(*untrained(), race_opened(title, configs), size=(80, 24)) as it:
        await it.press("4")
        for side in range(4):
            await it.play(SideEvent(side, Excerpt(10, "ROMEO:", f" said {LABELS[side]}" * 6)))
        await it.sees("○ A ROMEO: said A said A", "× D ROMEO: said D said D")
        await it.resize(160, 40)
        await it.sees("○ A  step 10", "× D  step 10")
        assert it.row("○ A  step") == it.row("× D  step")


async def test_the_list_of_questions_fits_in_a_small_window(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        await it.press("4", "enter")
        await it.sees(QUESTIONS[0].title, QUESTIONS[-1].title, "Esc close")


async def test_untrusted_text_of_a_race_is_drawn_and_not_obeyed(desk: Opener) -> None:
    for payload in PAYLOADS:
        async with desk(*untrained()) as it:
            first, *rest = begun(f"{payload} or {payload}")
            await it.press("4")
            await it.play(first, *rest, *trained(2))
            await it.until(lambda: it.app.state.lab.race)
            assert not list(obeyed(it))


# Pictures.


async def show_race(pilot: Pilot[None], *, done: bool) -> None:
    """A race with a guess, in the middle or at its end."""
    assert isinstance(pilot.app, TinyGPTApp)
    it = Desk(pilot.app, pilot)
    await it.until(lambda: it.engine.started)
    await it.play(*untrained())
    await ask_about_attention(it, "A")
    await it.play(*begun(), *(trained() if done else trained(3)))
    await it.sees("that is right" if done else "You guessed A")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.usefixtures("at_once")
def test_the_view_looks_as_it_was_accepted(snap_compare, size: tuple[int, int], done: bool) -> None:  # type: ignore[no-untyped-def]
    async def show(pilot: Pilot[None]) -> None:
        await show_race(pilot, done=done)

    assert snap_compare(recorded_app(), terminal_size=size, run_before=show)
