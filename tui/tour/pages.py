"""The pages of the tour, in their order. A page is a function of the scene: what to guess or to do
until its act is done, and then the answer, with the numbers of the open run."""

from collections.abc import Callable
from typing import NamedTuple

from textual.widget import Widget

from tui.panes.loss import LossPane
from tui.panes.prompt import PromptPane
from tui.panes.samples import SamplesPane
from tui.read.layers import LayersPane
from tui.read.learned import LearnedPane
from tui.read.next_character import NextPane
from tui.tour.reading import before_and_after, layers, next_character
from tui.tour.scene import PageText, Scene
from tui.tour.training import first_rung, first_steps, noise, uniform_guess
from tui.tour.writing import back_in_time, temperature, too_high_a_rate


class Page(NamedTuple):
    """A page of the tour, for a run that is open."""

    title: str
    say: Callable[[Scene], PageText]
    guess: str = ""
    """What is guessed, where something is."""
    covers: tuple[type[Widget], ...] = ()
    """The widgets that would tell, which are covered until it is guessed."""
    room: type[Widget] | None = None
    """A widget that gets more room in a small window."""


PAGES = (
    Page("before training", noise, "what it wrote", (SamplesPane,), room=SamplesPane),
    Page("training", first_steps, room=LossPane),
    Page("where the loss begins", uniform_guess, "the loss", room=LossPane),
    Page("the first rung", first_rung, "the step", room=LossPane),
    Page("a passage, before and after", before_and_after, "bits, on average"),
    Page(
        "the next character",
        next_character,
        "what follows",
        (NextPane, LayersPane, LearnedPane),
    ),
    Page("temperature", temperature, room=PromptPane),
    Page("through the layers", layers, "a block", (LayersPane,)),
    Page("back in time", back_in_time),
    Page("a learning rate too high", too_high_a_rate),
)

NO_RUN = PageText("No run is open yet: a moment.")


def say(page: Page, scene: Scene) -> PageText:
    """What a page says now."""
    return page.say(scene) if scene.state.opened and scene.state.corpus else NO_RUN
