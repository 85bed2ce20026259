"""The race that is open, or was last, and the saved ones: one frozen value."""

from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import (
    BITS_PER_BYTE,
    COUNTED,
    Axis,
    CurvesRead,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    Opened,
    OpenRace,
    Phase,
    PhaseChanged,
    RaceChanged,
    RaceEvent,
    RaceOpened,
    RacePhase,
    RacePhaseChanged,
    RacesListed,
    RaceSummary,
    RaceVerdict,
    RunCurve,
    SideEvent,
    StepDone,
    SweepEvent,
    SweepRead,
    SweepsListed,
    SweepSummary,
    Tokens,
)
from tui.safe_struct import Raw
from tui.sweep.shown import ShownSweep, fold_sweep


class SideProgress(Struct, frozen=True):
    """How far a side has come. All text in it is safe to draw."""

    label: str
    settings: tuple[str, ...]
    """KEY=VALUE: those that are not the same on all sides."""
    curve: RunCurve
    """Its held-out losses, in the unit of the race, by steps, characters (or tokens) and seconds."""
    steps: int
    characters_planned: int
    characters_each: float = 1.0
    """What one of its tokens counts for by characters."""
    step: int = 0
    trained: int = 0
    """Tokens."""
    tokens: Tokens = Tokens()
    phase: Phase = "untrained"
    excerpt: Excerpt | None = None
    """Its newest sample."""
    failure: str = ""
    """Why it takes no further step."""

    @property
    def characters(self) -> int:
        """How far it has come by characters, or by tokens."""
        return round(self.trained * self.characters_each)


class Lab(Struct, frozen=True):
    """All text in it is safe to draw."""

    race: str = ""
    """The name of the race; empty: there was none."""
    question: str = ""
    axis: Axis = "characters"
    unit: str = Tokens().unit
    """In which losses are compared."""
    counted: str = COUNTED
    """What the axis of that name counts."""
    sides: tuple[SideProgress, ...] = ()
    repetition: int = 1
    seeds: int = 1
    verdict: RaceVerdict | None = None
    guess: str = ""
    """The side that the user expects to be best; empty: not guessed."""
    raw_opened: Raw[RaceOpened] | None = None
    """The race with its true names."""
    phase: RacePhase = "untrained"
    is_open: bool = False
    """Whether the race is what is open now, and no run."""
    races: tuple[RaceSummary, ...] = ()
    """The saved races as they were listed last."""
    raw_races: Raw[tuple[RaceSummary, ...]] = Raw(())
    """The same with their true names."""
    races_changed: int = 0
    """How many times a saved race was renamed or deleted."""
    sweep: ShownSweep = ShownSweep()
    """The sweep that was read last."""
    sweeps: tuple[SweepSummary, ...] = ()
    """The sweeps as they were listed last."""
    raw_sweeps: Raw[tuple[SweepSummary, ...]] = Raw(())
    """The same with their true names."""

    @property
    def is_mixed(self) -> bool:
        """Whether the sides have different tokens."""
        return self.unit == BITS_PER_BYTE


def is_of_the_lab(event: Event) -> bool:
    """Whether an event is of a race, of one of its sides, or of a sweep."""
    return isinstance(event, RaceEvent | SideEvent | SweepEvent)


def is_of_what_is_saved(event: Event) -> bool:
    """Whether such an event is of saved races or of sweeps, and not of the open race."""
    return isinstance(event, RacesListed | RaceChanged | SweepEvent)


def race_again(opened: RaceOpened) -> OpenRace:
    """The command that starts the same race from the beginning."""
    configs = tuple(side.config for side in opened.sides)
    return OpenRace(configs, opened.question, opened.axis, opened.seeds)


def closed(lab: Lab) -> Lab:
    """With a run open instead: what came of the race stays in sight."""
    return replace(lab, is_open=False)


def fold_lab(lab: Lab, event: Event, shown: Event) -> Lab:
    """After one more event of a race or a sweep: `event` as the engine sent it, `shown` safe to draw."""
    match shown:
        case RaceOpened(race, question, axis, _, repetition, seeds, _, unit, counted):
            assert isinstance(event, RaceOpened), "safe() keeps the type"
            return replace(
                lab,
                race=race,
                question=question,
                axis=axis,
                unit=unit,
                counted=counted,
                sides=_sides(shown),
                repetition=repetition,
                seeds=seeds,
                verdict=None,
                raw_opened=Raw(event),
                phase="untrained",
                is_open=True,
            )
        case RacePhaseChanged(phase):
            return replace(lab, phase=phase)
        case SideEvent(number, inner) if number < len(lab.sides):
            sides = list(lab.sides)
            sides[number] = _fold_side(sides[number], inner, mixed=lab.is_mixed)
            return replace(lab, sides=tuple(sides))
        case RaceVerdict():
            return replace(lab, verdict=shown)
        case RacesListed(races):
            assert isinstance(event, RacesListed), "safe() keeps the type"
            return replace(lab, races=races, raw_races=Raw(event.races))
        case RaceChanged():
            assert isinstance(event, RaceChanged), "safe() keeps the type"
            return _with_race_changed(lab, event, shown)
        case SweepsListed(sweeps):
            assert isinstance(event, SweepsListed), "safe() keeps the type"
            return replace(lab, sweeps=sweeps, raw_sweeps=Raw(event.sweeps))
        case SweepRead() | CurvesRead():
            assert isinstance(event, SweepRead | CurvesRead), "safe() keeps the type"
            return replace(lab, sweep=fold_sweep(lab.sweep, event, shown))
        case _:
            return lab


def _with_race_changed(lab: Lab, event: RaceChanged, shown: RaceChanged) -> Lab:
    """After a race was renamed or deleted: perhaps the one in sight."""
    lab = replace(lab, races_changed=lab.races_changed + 1)
    raw = lab.raw_opened
    if raw is None or raw.value.race != event.race or not event.name:
        return lab
    return replace(lab, race=shown.name, raw_opened=Raw(replace(raw.value, race=event.name)))


def _sides(opened: RaceOpened) -> tuple[SideProgress, ...]:
    sides = []
    for side in opened.sides:
        train, model = side.config.train, side.config.model
        each = side.characters_each
        planned = round(train.steps * train.batch_size * model.context_length * each)
        curve = RunCurve(side.run, ())
        sides.append(SideProgress(side.label, side.settings, curve, train.steps, planned, each))
    return tuple(sides)


def _fold_side(side: SideProgress, event: Event, *, mixed: bool) -> SideProgress:
    match event:
        case StepDone(step):
            return replace(side, step=step, trained=side.trained + event.tokens)
        case Evaluated(step, loss) if isfinite(loss):
            curve = replace(
                side.curve,
                losses=(*side.curve.losses, (step, side.tokens.compared(loss, mixed=mixed))),
                characters=(*side.curve.characters, side.characters),
                seconds=(*side.curve.seconds, event.elapsed),
            )
            return replace(side, curve=curve)
        case Excerpt():
            return replace(side, excerpt=event)
        case Opened():
            return replace(side, phase=event.phase, tokens=event.tokens)
        case PhaseChanged():
            return replace(side, phase=event.phase)
        case Failed(message, "train"):
            return replace(side, failure=message)
        case _:
            return side
