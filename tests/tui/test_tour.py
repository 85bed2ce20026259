"""The tour: ten pages, each done by an act, with a guess before it tells."""

from collections.abc import Callable
from math import inf, nan

import pytest
from looking import Desk, Opener, recorded_app
from msgspec.structs import replace
from reading_along import PASSAGE, Reader, inspected
from recording import (
    CONFIG,
    PROMPT,
    STEPS,
    VERSE,
    corpus_loaded,
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
from textual.content import Content
from textual.pilot import Pilot

from engine.protocol import (
    Event,
    Excerpt,
    Failed,
    Inspect,
    LadderMeasured,
    MomentsKept,
    PhaseChanged,
    Sample,
    Train,
)
from tui.app import TinyGPTApp
from tui.insight import Asked, Insight
from tui.panes.prompt import PromptInput
from tui.preferences import load_preferences
from tui.state import RunState, fold
from tui.time_state import AskedText
from tui.tour.pages import PAGES
from tui.tour.panel import LINES
from tui.tour.scene import Scene
from tui.tour.state import Tour
from tui.views import READ, TIME, TRAIN

TITLES = [page.title for page in PAGES]
KEPT = MomentsKept((0, 1, 2, 4, 8, 250), 1, 2)
DONE = (*untrained(), ladder(), *trained(STEPS), KEPT)


def scene(state: RunState, view: int = TRAIN, temperature: float = 0.8) -> Scene:
    return Scene(state, view, replace(CONFIG.sample, temperature=temperature))


def page(title: str, guess: str, *scenes: Scene) -> str:
    """What a page says after all this; with a ✓ if that is the answer."""
    tour = Tour(TITLES.index(title), guess)
    for one in scenes:
        tour = tour.followed(one)
    return ("✓ " if tour.page_text.done else "? ") + tour.page_text.text


def reading(state: RunState, step: int, bits: float, cursor: int = 20) -> RunState:
    """The state when the model of a step has read the passage."""
    asked = Insight(cursor=cursor, asked_passage=Asked(request=1, answered=False))
    answer = replace(inspected(Inspect(1), step=step), bits=bits)
    return fold(replace(state, insight=asked), answer)


def writing(state: RunState, text: str, sample_id: int, step: int = STEPS) -> RunState:
    """The state when a text has been written."""
    for event in written(text, sample_id=sample_id, step=step):
        state = fold(state, event)
    return state


def of_a_moment(state: RunState, text: str, step: int, prompt: str = PROMPT) -> RunState:
    """The state when the model of an earlier step has written."""
    asked_id = state.moments.asked_id - 1
    asked = AskedText(prompt, CONFIG.sample, step, step)
    moments = replace(state.moments, asked=asked, asked_id=asked_id)
    return writing(replace(state, moments=moments), text, asked_id, step)


# Each page: what it asks, and what it answers once its act is done.


def test_before_training_it_asks_first_and_then_quotes_the_first_sample() -> None:
    now = scene(state_after(*untrained()))
    assert page("before training", "", now).startswith("? ")
    assert "“ROMEO:”" in page("before training", "", now)
    assert "qZ&kx" not in page("before training", "", now)
    answered = page("before training", "words", now)
    assert answered.startswith("✓ You guessed “words”. At step 0 it wrote “qZ&kx'Jw")
    assert "the 63 characters" in answered


def test_training_is_done_by_a_step() -> None:
    state = state_after(*untrained())
    assert "802,560 numbers" in page("training", "", scene(state))
    assert page("training", "", scene(state)).endswith("Space trains it.")
    first = fold(state, step_done(1, 4.1))
    second = fold(first, step_done(2, 3.9))
    answered = page("training", "", scene(second))
    assert answered.startswith("✓ After 2 steps")
    assert "is 4.10 in the first, 3.90 in the newest." in answered


@pytest.mark.parametrize(("size", "loss"), [(63, "ln 63 = 4.14"), (1, "ln 1 = 0.00")])
def test_the_loss_begins_at_ln_v(size: int, loss: float) -> None:
    corpus = replace(corpus_loaded(), vocabulary=size, uniform_loss=float(loss[-4:]))
    state = state_after(corpus, opened(), evaluated(0, 4.1432))
    assert "ln" not in page("where the loss begins", "", scene(state))
    answered = page("where the loss begins", "3", scene(state))
    assert answered.startswith("✓ You guessed “3”.")
    assert f"{loss}:" in answered
    assert "Measured at step 0: 4.1432." in answered


def test_the_first_rung_is_passed_in_training_and_then_on_held_out_text() -> None:
    state = state_after(*untrained())
    assert "being measured" in page("the first rung", "", scene(state))
    state = fold(state, ladder())
    assert "letter frequencies (3.35)" in page("the first rung", "", scene(state))
    state = fold(state, step_done(1, 4.1))
    assert "The training loss is 4.10. Space" in page("the first rung", "10", scene(state))
    state = fold(state, step_done(2, 3.3))
    answered = page("the first rung", "10", scene(state))
    assert answered.startswith(
        "✓ You guessed “10”. The training loss fell below letter frequencies"
    )
    assert (
        "(3.35) at step 2. A ✓ in the chart needs held-out text: that is read every 250" in answered
    )
    answered = page("the first rung", "10", scene(fold(state, evaluated(250, 2.2))))
    assert answered.endswith(
        "lower at step 250 (✓ in the chart). Next rung: letter triples (2.05)."
    )


def test_a_passage_is_read_by_two_models() -> None:
    state = state_after(*DONE)
    title = "a passage, before and after"
    assert "Press 2 (Read)" in page(title, "", scene(state))
    now = scene(reading(state, STEPS, 2.21), READ)
    assert "by 2.21 bits" in page(title, "", now)
    assert "Press 3 (Time). Home: the model of step 0 reads it." in page(title, "6", now)
    then = scene(reading(state, 0, 5.98), TIME)
    earlier = replace(then.state, moments=replace(then.state.moments, chosen=0))
    asks = page(title, "6", then._replace(state=earlier))
    assert asks.endswith("End: the model as it is now reads it.")
    answered = page(title, "6", now, then)
    assert answered.startswith(
        "✓ You guessed “6”. Step 0: 5.98 bits a character; step 2,000: 2.21."
    )
    assert "At that step the first letters of words have 3." in answered
    assert "those inside words 0." in answered
    untouched = scene(reading(state_after(*untrained()), 0, 5.98), READ)
    assert "Space trains it. It is read again" in page(title, "2", untouched)


def test_the_next_character_is_told_after_the_guess() -> None:
    state = reading(state_after(*DONE), STEPS, 2.21, cursor=20)
    place = state.insight.selected
    assert place is not None
    answer = f"“{place.next[0][0]}” {place.next[0][1]:.0%}"
    asks = page("the next character", "", scene(state, READ))
    assert "stands after “PERO: / Now my cha”" in asks
    assert answer not in asks
    answered = page("the next character", "q", scene(state, READ))
    assert answered.startswith(
        "✓ After “PERO: / Now my cha”: You guessed “q”. It expects " + answer
    )
    assert "True: “r”" in answered
    assert "You guessed “␊”." in page("the next character", "\n", scene(state, READ))
    assert "Press 2 (Read)" in page("the next character", "q", scene(state))
    then = replace(state, moments=replace(state.moments, chosen=0))
    asks = page("the next character", "q", scene(then, READ))
    assert asks.startswith("? You still look at the model of step 0. Press 3 (Time). End leads")
    start = reading(state, STEPS, 2.21, cursor=0)
    assert "→ selects" in page("the next character", "", scene(start, READ))
    end = reading(state, STEPS, 2.21, cursor=len(PASSAGE))
    assert "True" not in page("the next character", "q", scene(end, READ))


def test_a_higher_temperature_is_compared_with_the_one_before() -> None:
    state = state_after(*DONE)
    old = scene(writing(state, "from before the tour", 1))
    assert "from before" not in page("temperature", "", old)
    cold = scene(writing(state, "Good night, sweet lady", 2))
    asks = page("temperature", "", old, cold)
    assert asks.startswith("? At 0.8: “Good night, sweet lady”")
    assert "w (outside the prompt) writes again" in page(
        "temperature", "", old, cold, cold._replace(config=replace(cold.config, temperature=1.5))
    )
    hot = scene(writing(state, "Gqod nyght", 3), temperature=1.5)
    answered = page("temperature", "", old, cold, hot)
    assert answered.startswith("✓ At 0.8: “Good night, sweet lady” At 1.5: “Gqod nyght”")
    colder = scene(writing(state, "the the the", 4), temperature=0.2)
    assert page("temperature", "", old, cold, hot, colder) == answered  # what is done stays done


def test_the_layers_tell_from_which_block_on_it_knows() -> None:
    state = reading(state_after(*DONE), STEPS, 2.21)
    place = state.insight.selected
    assert place is not None
    asks = page("through the layers", "", scene(state, READ))
    assert "2 blocks" in asks
    answered = page("through the layers", "1", scene(state, READ))
    assert answered.startswith("✓ You guessed “1”.")
    assert "it leads from the start on" in answered


def test_back_in_time_compares_two_moments() -> None:
    state = state_after(*DONE)
    assert "Press 3 (Time)" in page("back in time", "", scene(state))
    now = of_a_moment(state, "Good night", STEPS)
    assert page("back in time", "", scene(now, TIME)).startswith("? Step 2,000: “Good night”")
    then = of_a_moment(now, "qZ&kx", 0)
    answered = page("back in time", "", scene(now, TIME), scene(then, TIME))
    assert answered.startswith("✓ Step 0: “qZ&kx” Step 2,000: “Good night”")
    assert "plays all 6" in answered
    other = scene(of_a_moment(now, "Nay", 0, prompt="JULIET:"), TIME)
    assert page("back in time", "", scene(now, TIME), other).startswith("? Step 0: “Nay”")


def forked(rate: float, run: str = "dire-wolf", *, step: int = 8) -> RunState:
    train = replace(CONFIG.train, learning_rate=rate)
    fork = replace(opened(replace(CONFIG, train=train), run), step=step, learning_rate=rate)
    history = [step_done(number) for number in range(1, step + 1)]
    return state_after(corpus_loaded(), fork, *history)


def test_a_fork_with_ten_times_the_rate_is_compared_with_its_parent() -> None:
    title = "a learning rate too high"
    parent = scene(state_after(*DONE))
    assert "learning rate 0.300" in page(title, "", parent)
    begun = forked(0.3)
    assert "This is the fork: dire-wolf" in page(title, "", parent, scene(begun))
    state = begun
    for step in range(9, 70):
        state = fold(state, step_done(step, 6.5))
    answered = page(title, "", parent, scene(begun), scene(state))
    assert answered.startswith("✓ With learning rate 0.300 in place of 0.0300: training loss 6.50")
    assert "past where the loss is low" in answered
    assert "o opens amber-otter again" in answered
    fell = fold(fold(begun, PhaseChanged("failed", 9)), Failed("Step 10 is not finite.", "train"))
    assert "no longer a number after step 8" in page(title, "", parent, scene(begun), scene(fell))
    for step in range(9, 70):
        begun = fold(begun, step_done(step, 1.1))
    assert "So far it does not fail" in page(title, "", parent, scene(forked(0.3)), scene(begun))
    assert "learning rate 1.00" in page(title, "", scene(forked(0.2)))  # the highest there is
    assert "nearly as high as it can be" in page(title, "", scene(forked(0.9)))
    other = page(title, "", parent, scene(forked(0.03)))
    assert other.startswith("? The learning rate is 0.0300")  # a fork with another change


# Odd states.

DIVERGED = (*untrained(), ladder(), step_done(1, nan), evaluated(1, inf), PhaseChanged("failed", 1))
ONE_CHARACTER = (
    replace(corpus_loaded(), vocabulary=1, uniform_loss=0.0, unigram_loss=0.0, bigram_loss=0.0),
    *opening()[6:],
    LadderMeasured((), complete=True),
    evaluated(0, 0.0),
    Excerpt(0, "a", "aaaa"),
)
ODD = {
    "nothing": (),
    "no run": opening()[:4],
    "no evaluation": opening(),
    "diverged": DIVERGED,
    "one character": ONE_CHARACTER,
    "followed": (*untrained(), PhaseChanged("following", 0)),
    "the engine stopped": (*untrained(), Failed("KeyError.", "engine")),
    "nothing kept": (*DONE, MomentsKept((), 0, 0)),
    "not saved": (*opening()[:-1], replace(opened(), saving=False), MomentsKept((), 0, 9)),
    "a sample of a moment": (*DONE, Failed("The file is damaged.", "inspect")),
    "done": DONE,
}


@pytest.mark.parametrize("events", ODD.values(), ids=ODD)
def test_every_page_says_something_that_fits_in_any_state(events: tuple[Event, ...]) -> None:
    plain = state_after(*events)
    states = [plain]
    if plain.opened is not None:
        read = reading(plain, 0, 5.98)
        states += [
            read,
            reading(plain, STEPS, 2.21, 0),
            writing(read, VERSE, 3),
            of_a_moment(plain, VERSE, 0),
        ]
    for view in (TRAIN, READ, TIME):
        for guess in ("", "W" * 300, "\x1b[2J"):
            for number in range(len(PAGES)):
                tour = Tour(number, guess)
                for state in states:
                    tour = tour.followed(scene(state, view))
                    lines = Content(tour.page_text.text).wrap(78)
                    assert 0 < len(lines) < LINES, tour.page_text.text
                    assert "\x1b" not in tour.page_text.text


# In the app.


async def open_tour(desk: Desk, title: str = TITLES[0]) -> None:
    """Show the tour, and turn to a page."""
    number = TITLES.index(title)
    await desk.press("t", *["N"] * number)
    await desk.sees(f"tour {number + 1} of 10: {title}")


async def guess(desk: Desk, text: str) -> None:
    await desk.press("g")
    await desk.type(text)
    await desk.press("enter")


async def test_a_newcomer_is_led_by_the_keys(desk: Opener) -> None:
    async with desk(*untrained(), ladder(), size=(80, 24)) as it:
        await it.sees("qZ&kx")
        await open_tour(it)
        await it.sees("? tour 1 of 10: before training")
        await it.until(lambda: not [row for row in it.rows if "qZ&kx" in row], "for the cover")
        await guess(it, "pt some words")  # keys of the app are text there
        await it.sees("✓ tour 1 of 10", "You guessed “pt some words”.", "step      0  ROMEO:qZ&kx")
        await it.press("N", "space")
        assert it.engine.sent(Train)
        await it.play(PhaseChanged("training", 0), step_done(1))
        await it.sees("✓ tour 2 of 10: training", "After 1 step", "a uniform guess 4.14")
        await it.press("B")
        await it.sees("tour 1 of 10")
        await it.press("escape")
        await it.until(lambda: not [row for row in it.rows if "tour 1 of 10" in row])
        await it.sees("qZ&kx")  # closed, it covers nothing
        await it.press("g", "N")  # nor has it keys
        assert not it.app.in_tour


async def test_what_the_model_expects_is_covered_until_it_was_guessed(desk: Opener) -> None:
    async with desk(*DONE) as it:
        reader = Reader(it)
        await open_tour(it, "the next character")
        await it.sees("Press 2 (Read)")
        await reader.press("2")
        await it.sees("Which character does the model expect")
        assert not [row for row in it.rows if "as sampled" in row or "through the layers" in row]
        await it.press("right")  # the cursor of the passage still has its keys
        await reader.answer()
        await guess(it, "e")
        await it.sees("as sampled", "through the layers", "✓ tour 6 of 10", "You guessed “e”.")
        cursor = it.app.state.insight.cursor
        await it.press("right")
        assert it.app.state.insight.cursor == cursor + 1  # the focus is back in the passage


async def test_the_page_is_remembered_and_a_guess_can_be_left(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await open_tour(it, "the first rung")
        await it.press("g", "7", "escape")
        await it.sees("? tour 4 of 10", "Press g and type a number")
        await it.press("t")
    assert load_preferences().tour_page == 3
    async with desk(*DONE) as it:
        await it.press("t")
        await it.sees("tour 4 of 10: the first rung")
        await it.press(*["N"] * 12)
        await it.sees("tour 10 of 10")


async def test_it_leaves_the_prompt_and_its_answers_alone(desk: Opener) -> None:
    async with desk(*DONE) as it:
        await open_tour(it, "temperature")
        await it.press("p")
        await it.type("tgNB")
        assert it.app.query_one(PromptInput).value == "tgNB"
        await it.press("enter")
        (sample,) = it.engine.sent(Sample)
        await it.play(*written("\nIndeed.", sample_id=sample.sample_id, prompt=PROMPT))
        await it.sees("At 0.8: “Indeed.”")
        await it.press("escape", "]", "w")
        await it.play(*written("\nIndaed.", sample_id=it.engine.sent(Sample)[-1].sample_id))
        await it.sees("✓ tour 7 of 10", "At 0.9: “Indaed.”")


async def test_it_waits_for_a_run_and_never_obeys_what_the_model_wrote(desk: Opener) -> None:
    async with desk(*opening()[:3]) as it:
        await open_tour(it)
        await it.sees("No run is open yet")
        await it.play(*opening()[3:], Excerpt(0, PROMPT, "".join(PAYLOADS.values())))
        await it.sees("Press g and type what you expect")
        await guess(it, "[@click=app.quit]x[/]")
        await it.sees("You guessed “[@click=app.quit]x[…”.")
        assert list(obeyed(it)) == []


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_the_tour_as_a_picture(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def show(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, TinyGPTApp)
        desk = Desk(pilot.app, pilot)
        await desk.until(lambda: desk.engine.started)
        await desk.play(*DONE)
        reader = Reader(desk)
        reader.step = STEPS
        await open_tour(desk, "through the layers")
        await reader.press("2")
        await guess(desk, "1")
        await desk.sees("✓ tour 8 of 10", "after block 2 “c” 82%: it leads from")

    assert snap_compare(recorded_app(), terminal_size=size, run_before=show)
