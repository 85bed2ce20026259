"""A ready question: what to expect, the sides of its race, and what the numbers of a race say to it."""

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from data.reading import Reading
from engine.config import RunConfig, override, preset
from engine.protocol import LABELS, Axis, OpenRace, RaceVerdict

SHOWN_FROM = 2.0
"""A difference of fewer times its noise counts as none."""
EVALUATIONS = 20
"""Evaluations of a side, besides the one before the first step."""
USERS_TEXT = "TEXT"
"""Stands for the text that the question is asked about, in the settings of a version."""
NO_DIFFERENCE = "="
"""The guess, and the outcome, that no side is better."""


class Version(NamedTuple):
    """One side of a question."""

    name: str
    settings: str
    """KEY=VALUE, separated by blanks; empty: as the question has them."""
    if_best: str
    """What it means that this side came out best: true whatever the numbers are."""


class Question(Struct, frozen=True):
    """An experiment that ends within two minutes on two cores."""

    key: str
    title: str
    before: str
    """One paragraph: what is changed, and what one might expect."""
    versions: tuple[Version, ...]
    preset: str = "nano"
    steps: int = 800
    axis: Axis = "characters"
    settings: str = ""
    """KEY=VALUE of all sides, separated by blanks."""
    text: str = ""
    """The text that the sides are tested on, by its name; empty: the one that is asked about."""
    equal_parameters: bool = False
    """Whether the sides have the same number of parameters, within 2%."""

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the sides, in their order."""
        return tuple(version.name for version in self.versions)

    def configs(self, corpus: str, reading: Reading = Reading()) -> tuple[RunConfig, ...]:
        """The sides on a text. ValueError, with a user-facing message, if it cannot be read so."""
        if self.text and reading != Reading():
            raise ValueError(
                f"The question {self.key!r} takes one text, and reads it as by default: leave out how "
                "it is read, and further texts."
            )
        base = replace(preset(self.preset, self.text or corpus), reading=reading)
        every = max(1, self.steps // EVALUATIONS)
        length = (f"train.steps={self.steps}", f"train.evaluation_interval={every}")
        shared = override(base, [*length, *self.settings.split()])
        return tuple(
            override(shared, [one.replace(USERS_TEXT, corpus) for one in version.settings.split()])
            for version in self.versions
        )

    def race(self, corpus: str, reading: Reading = Reading(), seeds: int = 1) -> OpenRace:
        """The command that starts its race on a text."""
        return OpenRace(self.configs(corpus, reading), self.title, self.axis, seeds)

    def answer(self, verdict: RaceVerdict) -> str:
        """What happened, with the numbers of a race, in one paragraph."""
        losses = zip(self.names, verdict.losses, strict=True)
        numbers = [f"{name} {loss:.3f}" for name, loss in losses if loss is not None]
        said = [f"Held-out loss in {verdict.unit}: {', '.join(numbers)}."] if numbers else []
        gone = [name for name, loss in zip(self.names, verdict.losses, strict=True) if loss is None]
        if gone:
            said.append(
                f"{capitalized(' and '.join(gone))} came to no number: training ran away, or failed."
            )
        said.append(self._meaning(verdict, len(numbers)))
        return " ".join(said)

    def _meaning(self, verdict: RaceVerdict, compared: int) -> str:
        if compared < 2:
            return "There is nothing to compare it with."
        if verdict.best < 0:
            return (
                "Their losses are equal to the last bit: for this model the change changes nothing."
            )
        best, second = self.names[verdict.best], self.names[verdict.second]
        if outcome(verdict) == NO_DIFFERENCE:
            return (
                f"{capitalized(best)} is ahead of {second}, but by less than twice the noise: this "
                "race does not tell the two apart. More steps, or more seeds, may."
            )
        return self.versions[verdict.best].if_best


def in_common(*, mixed: bool) -> str:
    """What is the same for all sides, and what is not. `mixed`: they have different tokens."""
    if mixed:
        return (
            "The sides have different tokens. The same are the text, its held-out part, the seed, and "
            "the initial weights of parts of the same shape; the batches are not, since as many tokens "
            "are another stretch of text. So losses are compared in bits per byte, and text is counted "
            "in characters."
        )
    return (
        "All sides have the same seed, and initial weights of the same shape are the same. They read "
        "the same batches where text, context and batch size agree."
    )


def outcome(verdict: RaceVerdict) -> str:
    """The label of the side that came out best, or `NO_DIFFERENCE`."""
    noise = verdict.noise or 0.0
    if verdict.best < 0 or verdict.difference < SHOWN_FROM * noise:
        return NO_DIFFERENCE
    return LABELS[verdict.best]


def capitalized(text: str) -> str:
    """With a capital at the start, and the rest as it is."""
    return text[:1].upper() + text[1:]
