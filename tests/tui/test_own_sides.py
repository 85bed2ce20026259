"""The form for sides of the user's own: what differs, by what they are compared, how long, seeds."""

import pytest
from looking import Desk, Opener, recorded_app
from racing import race_opened
from recording import CONFIG, untrained
from textual.pilot import Pilot

from engine.protocol import OpenRace
from tui.app import TinyGPTApp
from tui.lab.entry import Entry, first_entry, own_race
from tui.screens.completion import complete_assignments


async def open_form(it: Desk) -> None:
    await it.press("4", "e")
    await it.sees("versions of your own", "as the open run", "length        2,000")


async def test_sides_are_entered_and_raced(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        await it.type("model.n_heads=8")
        await it.press("enter")
        await it.sees("Side B: There is no setting 'model.n_heads'")
        await it.press(*["backspace"] * 3)
        await it.sees("model.n_head: 1 to 32. Attention heads")
        await it.type("=4")
        await it.press("down")
        await it.type("train.dropout=0.2")  # side C
        await it.press("enter")
        await it.sees("Side C: There is no setting 'train.dropout'")
        await it.press("ctrl+u")
        await it.type("model.dropout=0.2 model.n_layer=2")
        await it.press("down", "down")
        await it.type("Which?")
        await it.press("down", "right", "down", "ctrl+u")
        await it.type("300")
        await it.press("down", "backspace")
        await it.type("3")
        await it.press("enter")
        await it.sees(
            "A model.n_layer=4 model.n_head=2 model.dropout=0",
            "300 steps of each side, 3 times with other seeds, compared by steps.",
        )
        await it.press("enter")
        (race,) = it.engine.sent(OpenRace)
        assert (race.question, race.axis, race.seeds) == ("Which?", "steps", 3)
        assert [c.model.n_head for c in race.configs] == [
            CONFIG.model.n_head,
            4,
            CONFIG.model.n_head,
        ]
        assert (race.configs[2].model.dropout, race.configs[2].model.n_layer) == (0.2, 2)
        assert {(c.train.steps, c.train.evaluation_interval) for c in race.configs} == {(300, 30)}
        await it.play(race_opened(race.question, race.configs))
        await it.sees("lab · Which?")


async def test_what_was_entered_last_stands_there_again(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        await it.type("model.n_head=4")
        await it.press("enter")
        await it.sees("Which will have the lowest")
        await it.press("escape")
        assert not it.engine.sent(OpenRace)
        await it.press("e")
        await it.sees("side B        model.n_head=4")


async def test_a_side_is_set_up_in_the_form_for_new_runs(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        await it.type("model.n_head=8")
        await it.press("f2")
        await it.sees(
            "─ side B ─",
            "heads         8",
            "Text and seed are those of all sides.",
            "Use (Enter)",
        )
        await it.press("ctrl+u")
        await it.type("3")
        await it.press("enter")
        await it.sees("side B        model.n_layer=3 model.n_head=8")
        await it.press("up", "f2")
        await it.sees("─ side A ─")
        await it.press("escape", "enter")
        await it.sees("A model.n_layer=4 model.n_head=", "B model.n_layer=3 model.n_head=8")


async def test_minutes_are_compared_by_seconds_unless_something_else_is_chosen(
    desk: Opener,
) -> None:
    async with desk() as it:
        await open_form(it)
        await it.type("model.n_head=8")
        await it.press(*["down"] * 5, "ctrl+u")
        await it.type("2 min")
        await it.sees("[seconds]")
        await it.press("up", "left", "down", "backspace")
        await it.type("n")
        await it.sees("[steps]")
        await it.press("enter")
        await it.sees("2 minutes of each side, compared by steps.")


def test_what_cannot_be_is_refused_by_its_name() -> None:
    first = first_entry(CONFIG)
    for entry, reason in (
        (first, "Side B is empty"),
        (first._replace(sides=("", "model.n_head", "", "")), "Side B: a side is KEY=VALUE"),
        (first._replace(sides=("train.seed=x", "a", "", "")), "Side A: train.seed takes a whole"),
        (first._replace(sides=("", "model.n_head=8", "", ""), length="long"), "no length"),
        (
            first._replace(sides=("", "model.n_head=8", "", ""), seeds="0"),
            "1 to 100 seeds, not '0'",
        ),
    ):
        with pytest.raises(ValueError, match=reason):
            own_race(entry, CONFIG)


def test_a_later_side_may_be_the_third() -> None:
    entry = Entry(("", "model.n_head=8", "", "model.n_head=4"), length="10")
    race = own_race(entry, CONFIG)
    assert len(race.configs) == 3
    assert race.question == "as it is or model.n_head=8 or model.n_head=4"


def test_a_setting_is_completed() -> None:
    assert complete_assignments("model.n_h") == "model.n_head="
    assert complete_assignments("model.n_head=8 model.act") == "model.n_head=8 model.activation="
    assert complete_assignments("model.activation=s") == "model.activation=squared_relu"
    assert complete_assignments("model.n_head=8 ") is None
    assert complete_assignments("nothing=") is None


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
@pytest.mark.usefixtures("at_once")
def test_the_form_looks_as_it_was_accepted(snap_compare, size: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    async def show(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, TinyGPTApp)
        it = Desk(pilot.app, pilot)
        await it.until(lambda: it.engine.started)
        await it.play(*untrained())
        await open_form(it)
        await it.type("model.n_head=8 model.act")
        await it.sees("model.activation")

    assert snap_compare(recorded_app(), terminal_size=size, run_before=show)
