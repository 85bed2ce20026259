"""What a fork changes, as typed in one line."""

from engine.changes import check_fork
from engine.config import RunConfig, override
from engine.protocol import Fork

SETTINGS = {
    "learning rate": "train.learning_rate",
    "dropout": "model.dropout",
    "seed": "train.seed",
    "steps": "train.steps",
}
TEXT = "text"


def question(step: str) -> str:
    """What is asked for."""
    names = ", ".join([*SETTINGS, TEXT])
    return (
        f"A new run from {step} on, with one setting changed: {names}. For example: "
        "learning rate 0.3, or text letters.txt. An empty line changes nothing."
    )


def parse_fork(typed: str, run: str, step: int, config: RunConfig) -> Fork:
    """The command for what was typed: a setting and its value. ValueError, with a user-facing
    message, if that is none, or the value is impossible."""
    if not typed:
        return Fork(run, step)
    for name, key in (*SETTINGS.items(), (TEXT, "")):
        value = typed[len(name) :].strip(" =:")
        if typed.lower().startswith(name) and value:
            if not key:
                return Fork(run, step, corpus=value)
            assignments = (f"{key}={value}",)
            check_fork(assignments)
            override(config, assignments)
            return Fork(run, step, assignments)
    raise ValueError(f"Name one of {', '.join([*SETTINGS, TEXT])}, and its new value.")
