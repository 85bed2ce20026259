"""What a learning-rate range test says, in words."""

from engine.protocol import LearningRateFound
from tui.drawing.words import rate

ENDED = {
    "tried all": "All rates were tried.",
    "the loss rose": "It ended where the loss was twice its lowest.",
    "not a number": "It ended where the loss was no longer a number.",
}


def summary(found: LearningRateFound) -> str:
    """What is suggested, and why the test ended."""
    ended = ENDED[found.ended]
    if not found.high:
        return f"Too few rates were tried to suggest one. {ended}"
    if not found.suggested:
        return (
            f"At no rate does the loss clearly fall within so few steps, so none is suggested; above "
            f"{rate(found.high)} it rises. {ended}"
        )
    return (
        f"Suggested: {rate(found.suggested)}, where the loss falls most steeply. It falls from "
        f"{rate(found.low)} on, and rises above {rate(found.high)}. {ended}"
    )
