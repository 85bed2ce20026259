"""Sides of a race as a user types them."""

from msgspec.structs import replace

from engine.config import RunConfig, override
from engine.protocol import LABELS, OpenRace

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
