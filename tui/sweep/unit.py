"""In what the losses of the sweep that is shown are."""

from engine.protocol import Tokens
from tui.sweep.comparison import in_bits
from tui.sweep.shown import ShownSweep


def is_mixed(shown: ShownSweep) -> bool:
    """Whether its cases have different tokens, so that they compare in bits per byte."""
    plan = shown.read.plan if shown.read else None
    return plan is not None and in_bits(plan)


def unit(shown: ShownSweep) -> str:
    """What the losses in its chart are in."""
    tokens = shown.curves[0].tokens if shown.curves else Tokens()
    return tokens.unit_compared(mixed=is_mixed(shown))
