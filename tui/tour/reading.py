"""Pages of the tour on a passage, read along with the model."""

from engine.protocol import Place
from tui.drawing.words import count, counted
from tui.time_state import NOW
from tui.tokens import tokens_of
from tui.tour.phrases import goes_to, guessed, likeliest, picture, quoted, trains
from tui.tour.scene import PageText, Reading, Scene
from tui.views import READ, TIME

CONTEXT = 16
"""Characters before the selected one that are quoted."""


def before_and_after(scene: Scene) -> PageText:
    """A passage, read by the model of an earlier and of a later step."""
    passage, readings = scene.state.insight.passage, scene.notes.readings
    noun = tokens_of(scene.state).noun
    if scene.view not in (READ, TIME) and len(readings) < 2:
        return PageText(
            f"{goes_to(scene, READ)}A text that it never trains on, brighter where the next "
            f"{noun} surprised it more."
        )
    if passage is None or not readings:
        return PageText("It reads the passage: a moment.")
    first, last = readings[0], readings[-1]
    if not scene.guess:
        trained = first.step > 0
        other = "before its first step" if trained else "once it is trained"
        return PageText(
            f"At step {count(last.step)} each {noun} surprises it by {last.bits:.2f} bits on "
            f"average: the brighter, the more. How many bits {other}? Press g and type a number."
        )
    if len(readings) < 2:
        return PageText(
            f"{guessed(scene)} At step {count(first.step)} it is {first.bits:.2f}. "
            f"{_how_to_compare(scene, first.step)}"
        )
    return PageText(
        f"{guessed(scene)} Step {count(first.step)}: {first.bits:.2f} bits a {noun}; step "
        f"{count(last.step)}: {last.bits:.2f}.{_where(last, noun)}",
        done=True,
    )


def next_character(scene: Scene) -> PageText:
    """What it expects at the cursor."""
    insight = scene.state.insight
    place = insight.selected
    if (wait := _until_selected(scene, place)) or place is None:
        return PageText(wait)
    before = quoted(insight.before_cursor[-CONTEXT:])
    if not scene.guess:
        return PageText(
            f"The cursor stands after {before}. Which {tokens_of(scene.state).noun} does the model expect there most? "
            "Press g and type it (\\n: a line break). The arrows move; what it expects is covered "
            "until then."
        )
    true = ""
    if place.bits is not None:
        true = (
            f" True: {picture(place.character)}, its choice number {count(place.rank)}, a surprise "
            f"of {place.bits:.1f} bits."
        )
    right = " You are right." if scene.guess == place.next[0][0] else ""
    return PageText(
        f"After {before}: {guessed(scene)} It expects {likeliest(place.next)}.{right}{true}",
        done=True,
    )


def layers(scene: Scene) -> PageText:
    """At which depth it knows."""
    place = scene.state.insight.selected
    if (wait := _until_selected(scene, place)) or place is None:
        return PageText(wait)
    if not place.layers:
        return PageText("This model has no blocks to look through.")
    last = len(place.layers) - 1
    if not scene.guess:
        return PageText(
            f"Between input and answer lie {counted(last, 'block')}. After which of them is "
            f"{picture(place.next[0][0])}, its answer here, first the likeliest? Press g and type a "
            "number (0: before the first). The panel is covered until then."
        )
    leads = _first_to_lead(place)
    since = f"block {leads}" if leads else "the start"
    return PageText(
        f"{guessed(scene)} At first {likeliest(place.layers[0], 1)}, after block {last} "
        f"{likeliest(place.layers[-1], 1)}: it leads from {since} on. Each block adds to what the "
        "ones before have found: the panel “through the layers” (v) shows all of them.",
        done=True,
    )


def _until_selected(scene: Scene, place: Place | None) -> str:
    """What there is to do until there is a prediction to look at; empty: nothing."""
    chosen = scene.state.moments.chosen
    if chosen != NOW:
        return (
            f"You still look at the model of step {count(chosen)}. {goes_to(scene, TIME)}End leads "
            "back to the model as it is now."
        )
    if scene.view != READ:
        return f"{goes_to(scene, READ)}There it tells what it expects next, before it sees it."
    if scene.state.insight.failure:
        return "This passage cannot be read: h takes the next one."
    if place is None:
        return "It reads the passage: a moment."
    return "" if place.next else "Nothing comes before this one: → selects the next."


def _first_to_lead(place: Place) -> int:
    """The depth from which on the answer is the likeliest; 0: from the start."""
    answer = place.layers[-1][0][0]
    depth = len(place.layers) - 1
    while depth and place.layers[depth - 1][0][0] == answer:
        depth -= 1
    return depth


def _how_to_compare(scene: Scene, read: int) -> str:
    """How the passage is read by the model of another step than this."""
    moments = scene.state.moments
    if moments.chosen != NOW:
        return f"{goes_to(scene, TIME)}End: the model as it is now reads it."
    if moments.steps and moments.steps[0] < read:
        first = count(moments.steps[0])
        return f"{goes_to(scene, TIME)}Home: the model of step {first} reads it."
    return f"{trains(scene.state)} It is read again at every evaluation."


def _where(reading: Reading, noun: str) -> str:
    """Where in words a model is surprised."""
    if reading.first is None or reading.inside is None:
        return ""
    begin = "the first letters of words" if noun == "character" else "tokens that begin a word"
    return (
        f" At that step {begin} have {reading.first:.2f} bits, those inside words "
        f"{reading.inside:.2f}: which are harder to foresee?"
    )
