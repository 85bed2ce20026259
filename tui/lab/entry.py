"""What a user types about a race: a guess, and sides of the own."""

from msgspec.structs import replace

from engine.config import RunConfig, override
from engine.protocol import LABELS, OpenRace
from tui.lab.question import NO_DIFFERENCE, Question

BETWEEN_SIDES = ";"
OWN_SIDES = (
    "Two to four sides, with a semicolon between them, each as KEY=VALUE and a blank between two: "
    "for example model.n_head=1; model.n_head=8. What is not named is as in the open run. "
    "train.steps is the length:"
)


def own_race(typed: str, run: RunConfig) -> OpenRace:
    """Sides that a user has typed, as changes to the settings of a run. ValueError, with a
    user-facing message, if they cannot be."""
    sides = [" ".join(side.split()) for side in typed.split(BETWEEN_SIDES)]
    if not 2 <= len(sides) <= len(LABELS):
        raise ValueError(f"A race has two to four sides, with ; between them, not {len(sides)}.")
    configs = []
    for label, side in zip(LABELS, sides, strict=False):
        try:
            configs.append(override(run, side.split()))
        except ValueError as error:
            raise ValueError(f"Side {label}: {error}") from None
    words = " or ".join(side or "as it is" for side in sides)
    return OpenRace(tuple(replace(config, preset=run.preset) for config in configs), words)


def guess_question(race: OpenRace, question: Question | None) -> str:
    """What is asked before the race."""
    labels = LABELS[: len(race.configs)]
    if question is None:
        sides = race.question
    else:
        named = zip(labels, question.names, strict=True)
        sides = f"{question.before} {', '.join(f'{label}: {name}' for label, name in named)}"
    choices = ", ".join(labels[:-1]) + f" or {labels[-1]}"
    return (
        f"{sides}. Which will have the lowest held-out loss? {choices}, {NO_DIFFERENCE} for no "
        "difference, or nothing for no guess. Enter saves the open run, and starts:"
    )


def parse_guess(typed: str, sides: int) -> str:
    """The label of a side, `NO_DIFFERENCE`, or empty. ValueError, with a user-facing message, for
    anything else."""
    guess = typed.strip().upper()
    if guess and guess not in (*LABELS[:sides], NO_DIFFERENCE):
        choices = ", ".join(LABELS[:sides])
        raise ValueError(f"A guess is one of {choices} or {NO_DIFFERENCE}, or nothing:")
    return guess
