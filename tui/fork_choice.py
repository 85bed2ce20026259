"""What a fork changes, as typed in one line."""

from engine.changes import check_fork
from engine.config import RunConfig, override
from engine.protocol import Fork

LEARNING_RATE = "learning rate"
SETTINGS = {
    "dropout": "model.dropout",
    "seed": "train.seed",
    "steps": "train.steps",
}
TEXT = "text"
_NAMES = ", ".join((LEARNING_RATE, *SETTINGS, TEXT))


def question(step: str) -> str:
    """What is asked for."""
    return (
        f"A new run from {step} on, with one setting changed: {_NAMES}. For example: "
        "learning rate 0.3, or text letters.txt. An empty line changes nothing."
    )


def parse_fork(typed: str, run: str, step: int, config: RunConfig) -> Fork:
    """The command for what was typed: a setting and its value. ValueError, with a user-facing
    message, if that is none, or the value is impossible."""
    if not typed:
        return Fork(run, step)
    keys = {LEARNING_RATE: f"train.{config.train.rate_name}", **SETTINGS, TEXT: ""}
    for name, key in keys.items():
        value = typed[len(name) :].strip(" =:")
        if typed.lower().startswith(name) and value:
            if not key:
                return Fork(run, step, corpus=value)
            assignments = (f"{key}={value}",)
            check_fork(assignments)
            override(config, assignments)
            return Fork(run, step, assignments)
    raise ValueError(f"Name one of {_NAMES}, and its new value.")
