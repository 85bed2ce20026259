"""How much more a run is to train, as it may be typed."""

import pytest

from engine.protocol import Train
from tui.training_length import parse_length


@pytest.mark.parametrize(
    ("typed", "length"),
    [
        ("500", Train(steps=500)),
        (" 2,000 steps ", Train(steps=2_000)),
        ("1 step", Train(steps=1)),
        ("10m", Train(minutes=10)),
        ("1.5 minutes", Train(minutes=1.5)),
    ],
)
def test_a_number_of_steps_or_minutes(typed: str, length: Train) -> None:
    assert parse_length(typed) == length


@pytest.mark.parametrize("typed", ["", "a lot", "0", "0 min", "-5", "1.2.3", "99999999999", "9 h"])
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="That is no length: 500 are steps, 10 min are minutes"):
        parse_length(typed)
