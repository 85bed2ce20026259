"""A race that never was: its events, with fixed numbers."""

from engine.config import RunConfig, override, preset
from engine.protocol import (
    LABELS,
    Evaluated,
    Event,
    Excerpt,
    Opened,
    PhaseChanged,
    RaceOpened,
    RacePhaseChanged,
    RaceSide,
    RacesListed,
    RaceSummary,
    RaceVerdict,
    SideEvent,
    StepDone,
)
from tui.lab.questions import question_of

RACE = "calm-heron"
ATTENTION = question_of("attention")
NANO = preset("nano", "tinyshakespeare")
CHARACTERS = 1_024
"""Of a step."""
LOSSES = ((4.14, 2.61, 2.33, 2.12, 1.98), (4.14, 2.66, 2.55, 2.51, 2.49))
SAMPLES = (
    "\nThe king will be the so thee,\nAnd have a marrow of the wind",
    "\nThe t he and than s menoul t bere,\nAnore ile thor s and wis",
)


def race_opened(
    title: str = ATTENTION.title, configs: tuple[RunConfig, ...] = (), **changes: int
) -> RaceOpened:
    """A race between these sides, those of the question about attention by default."""
    configs = configs or ATTENTION.configs("tinyshakespeare")
    settings = (
        [version.settings for version in ATTENTION.versions]
        if title == ATTENTION.title
        else title.split(" or ")
    )
    sides = tuple(
        RaceSide(label, f"{RACE}-{label}", config, tuple(own.split()))
        for label, config, own in zip(LABELS, configs, settings, strict=False)
    )
    return RaceOpened(RACE, title, "characters", sides, changes.get("repetition", 1), 1)


def side_opened(side: int, config: RunConfig) -> SideEvent:
    """The run of a side, untrained."""
    run = f"{RACE}-{LABELS[side]}"
    opened = Opened(
        run,
        config,
        "untrained",
        0,
        config.train.steps,
        0.0,
        0.03,
        106_368,
        "cpu",
        2,
        "float32",
        "",
        "",
    )
    return SideEvent(side, opened)


def begun(title: str = ATTENTION.title) -> list[Event]:
    """An open race before its first step."""
    opened = race_opened(title)
    return [opened, *(side_opened(n, side.config) for n, side in enumerate(opened.sides))]


def verdict(step: int, losses: tuple[float, ...], *, final: bool = False) -> RaceVerdict:
    """What is known where both have come to a step."""
    best, second = sorted(range(len(losses)), key=losses.__getitem__)[:2]
    difference = losses[second] - losses[best]
    sentence = (
        f"After {step * CHARACTERS:,} characters {LABELS[best]} is {difference:.3f} nats per character better "
        f"than {LABELS[second]}, more than ten times its standard error over the held-out text; what other "
        "seeds would give is not known."
    )
    return RaceVerdict(
        *("characters", float(step * CHARACTERS), losses, best, second, difference, 0.004),
        *("windows", 1, sentence, final),
    )


def trained(evaluations: int = 5, every: int = 200) -> list[Event]:
    """Both sides in turns, and the verdict; to the end by default."""
    events: list[Event] = [SideEvent(side, PhaseChanged("training", 0)) for side in (0, 1)]
    events.append(RacePhaseChanged("training"))
    for number in range(evaluations):
        step = number * every
        for side, losses in enumerate(LOSSES):
            for done in range(max(1, step - every + 1), step + 1):
                elapsed = done * 0.03
                took = StepDone(done, losses[number], 0.4, 0.03, CHARACTERS, 64, 0.03, elapsed, 9.0)
                events.append(SideEvent(side, took))
            loss = losses[number]
            evaluated = Evaluated(step, loss, loss / 0.6931, 0.4, 64, 0.2, step * 0.03)
            events.append(SideEvent(side, evaluated))
            text = SAMPLES[side] if number else "qZ&kx'Jw ;eVNDpB!"
            events.append(SideEvent(side, Excerpt(step, "ROMEO:", text)))
        done = number == len(LOSSES[0]) - 1
        if done:
            events += [SideEvent(side, PhaseChanged("done", step)) for side in (0, 1)]
        if number:
            events.append(verdict(step, tuple(one[number] for one in LOSSES), final=done))
        if done:
            events.append(RacePhaseChanged("done"))
    return events


def races_listed() -> RacesListed:
    """Two saved races, one of own sides."""
    sentence = verdict(800, (1.98, 2.49)).sentence
    ready = RaceSummary(
        RACE, ATTENTION.title, "characters", (f"{RACE}-A", f"{RACE}-B"), 1, 1, 0.0, sentence
    )
    own = override(NANO, ["model.n_head=1"]).preset
    assert own == "nano"
    return RacesListed(
        (ready, RaceSummary("shy-lynx", "as it is or model.n_head=8", "steps", (), 0, 1, 0.0))
    )
