"""Which side of a race works next."""

from collections.abc import Sequence

from engine.protocol import Axis
from engine.session.race_side import Side


def next_side(sides: Sequence[Side], turn: Side, axis: Axis) -> Side:
    """`turn`, which has worked last, if it has begun something; else a side that has little left;
    else, of those in training, the one that is behind. While nothing is trained, one that has
    something else to do."""
    if turn.run.wants_turns and not turn.run.between_steps:
        return turn
    finishing = [side for side in sides if side.run.is_finishing]
    if finishing:
        return finishing[0]
    training = [side for side in sides if side.run.wants_turns]
    if training:
        return min(training, key=lambda side: side.position(axis))
    busy = [side for side in sides if side.run.timeout == 0.0]
    return busy[0] if busy else turn
