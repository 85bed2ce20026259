"""Races: the same training in two to four versions, in turns, and which version came out better.

A race is between sides. Each is an ordinary saved run with settings of its own; text, seed and
machine are the same for all, and so are the initial weights of parts with the same name and shape.
Where sides have different tokens, their losses are compared in bits per byte, and what they have seen
of the text is counted in characters.
What a side reports is a `SideEvent`; what is between the sides, the events of this module.

A race may be repeated with further seeds: each repetition has a run for each side.
"""

from typing import Literal

from msgspec import Struct

from engine.config import RunConfig
from engine.protocol.message import Message
from engine.protocol.tokens import Tokens

Axis = Literal["characters", "steps", "seconds"]
"""By what sides are compared: the side that is behind in this trains next. Characters are those
trained on, or tokens where all sides have the same ones and these are not characters; seconds are
those of the side's own training, evaluations included."""
RacePhase = Literal["untrained", "training", "paused", "done"]
"""Done is a race after its final verdict."""
COUNTED = "characters"
"""What the axis of this name counts, unless all sides have the same other tokens."""
MOST_SEEDS = 100
LABELS = "ABCD"
"""What the sides are called, in their order."""


class OpenRace(Message, frozen=True):
    """Start a new race between runs of these configs, two to four; answered by `RaceOpened`, or by
    `Failed` during "open". The open run is saved first. `Train` trains all sides.

    Length and evaluations of sides whose steps have more or fewer characters are matched with
    those of the first, if characters are compared and the side does not set them itself.
    """

    configs: tuple[RunConfig, ...]
    question: str = ""  # what is asked, in the user's words
    axis: Axis = "characters"
    seeds: int = 1  # repetitions: with the seed of the configs, and with those that follow it
    download: bool = False  # its text, without asking, if it is not here


class OpenSavedRace(Message, frozen=True):
    """Open a saved race as it was last saved: its first repetition that has not ended, or the last
    one."""

    race: str


class ListRaces(Message, frozen=True):
    """List the saved races; answered by `RacesListed`."""


class RenameRace(Message, frozen=True):
    """Give a race another name, the open one too; its runs keep theirs. Answered by
    `RaceChanged`."""

    race: str
    name: str


class DeleteRace(Message, frozen=True):
    """Delete a saved race; answered by `RaceChanged`. Its sides stay as runs, unless they are to be
    deleted `with_runs`."""

    race: str
    with_runs: bool = False


class RaceSide(Struct, frozen=True):
    """One side of a race, in the present repetition."""

    label: str  # one of `LABELS`
    run: str  # the name of its run
    config: RunConfig
    settings: tuple[str, ...]  # KEY=VALUE: those that are not the same on all sides
    characters_each: float = 1.0  # what one of its tokens counts for by characters


class RaceOpened(Message, frozen=True):
    """A repetition is ready; what was shown of the one before is over. Each side follows with
    `Opened` and its history; then, of a saved race, the verdict, and the phase in which it is."""

    race: str
    question: str
    axis: Axis
    sides: tuple[RaceSide, ...]
    repetition: int  # from 1
    seeds: int  # repetitions in all
    saving: bool = True  # False: what is trained is lost with the program
    unit: str = Tokens().unit  # in which losses are compared
    counted: str = COUNTED  # what the axis of that name counts: characters or tokens


class RacePhaseChanged(Message, frozen=True):
    """A race is in another phase than before. Its sides have their own: where one has ended or has
    failed, the others may still be in training."""

    phase: RacePhase


class RaceVerdict(Message, frozen=True):
    """What is known of the sides where the one that is behind stands. Comes with each evaluation by
    which that changes, and, `final`, once all repetitions have ended."""

    axis: Axis
    mark: float  # characters, steps or seconds that all sides have come
    losses: tuple[float | None, ...]
    """Of each side at the mark, in the unit, from the two evaluations around it where there is none;
    the mean over the repetitions that have ended. None: not a number any more."""
    best: int  # the side with the lowest loss, from 0; -1: a dead heat, or no two sides have a loss
    second: int  # the side next to it
    difference: float  # of their losses
    noise: float | None
    """Of the difference. With several repetitions its standard deviation over them, with one its
    standard error over the windows of held-out text; None: not known."""
    noise_of: Literal["seeds", "windows"]
    repetitions: int  # from which it comes
    sentence: str
    final: bool = False
    unit: str = Tokens().unit  # of losses, difference and noise
    counted: str = COUNTED  # what a mark by characters counts: those, or tokens
    bits_per_byte: tuple[float | None, ...] = ()  # the losses in these; empty: not known


class RaceSaved(Message, frozen=True):
    """All sides are saved, and what they are to each other."""

    race: str
    path: str  # of the race's file; empty: nothing is saved here


class RaceSummary(Struct, frozen=True):
    """A saved race in a list."""

    name: str
    question: str
    axis: Axis
    runs: tuple[str, ...]  # of the sides, in the newest repetition
    repetitions: int  # that have ended
    seeds: int
    used: float  # seconds since the epoch
    verdict: str = ""  # the sentence; empty: none yet
    problem: str = ""  # why it cannot be opened


class RepetitionInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """One repetition: a run for each side, all with one seed."""

    seed: int
    runs: tuple[str, ...]  # their names
    mark: float = 0.0  # where its sides were compared at its end, on the axis of the race
    losses: tuple[float | None, ...] = ()  # of the sides there; empty: it has not ended


class RaceChanged(Message, frozen=True):
    """A race was renamed, or deleted."""

    race: str
    name: str  # its name now; empty: it was deleted


class RacesListed(Message, frozen=True):
    """The saved races, last used first."""

    races: tuple[RaceSummary, ...]


RaceCommand = OpenRace | OpenSavedRace | ListRaces | RenameRace | DeleteRace
RaceEvent = RaceOpened | RacePhaseChanged | RaceVerdict | RaceSaved | RaceChanged | RacesListed
