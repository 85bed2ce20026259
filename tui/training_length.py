"""How much more a run is to train, as a user types it."""

import re

from engine.config import TrainConfig
from engine.protocol import Train

QUESTION = "How much more? A number of steps, or minutes: 500, 10 min"


def parse_length(typed: str) -> Train:
    """The command for "500", "500 steps", "10 min" and the like. ValueError, with a user-facing
    message."""
    found = re.fullmatch(r"\s*([\d.,_]+)\s*(s|steps?|m|mins?|minutes?)?\s*", typed, re.IGNORECASE)
    try:
        if found is None:
            raise ValueError
        number = float(re.sub("[,_]", "", found.group(1)))
        if (found.group(2) or "s").lower().startswith("m"):
            length = Train(minutes=TrainConfig(minutes=number).minutes)
        else:
            length = Train(steps=TrainConfig(steps=int(number)).steps)
    except ValueError:
        length = Train()
    if length == Train():
        raise ValueError("That is no length: 500 are steps, 10 min are minutes.")
    return length
