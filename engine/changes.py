"""Changes to the settings of a saved run: which of them may change, and what follows from it."""

from collections.abc import Iterable

from msgspec.structs import replace

from engine.config import RunConfig, all_settings, override

CHANGEABLE = frozenset(
    {
        "model.dropout",
        "train.adam_learning_rate",
        "train.device",
        "train.evaluation_interval",
        "train.learning_rate",
        "train.moments_mb",
        "train.precision",
        "train.threads",
        "train.val_characters",
        "train.weight_decay",
    }
)
"""What a saved run may change beside all of `sample`. Any other setting gives its tensors their
shape, or says which text it has seen and how far it has come."""
MEASURED = {"train.precision": "auto", "train.threads": "0"}
"""Settings with the value that has them measured when a run begins."""

LENGTHS = {"train.minutes": "--minutes", "train.steps": "--steps"}
"""The planned length, with the option that extends it."""


def check_changes(assignments: Iterable[str]) -> None:
    """ValueError, with a user-facing message, for a KEY=VALUE that a saved run cannot take."""
    for assignment in assignments:
        key, _, value = (part.strip() for part in assignment.partition("="))
        if key in LENGTHS:
            raise ValueError(
                f"{key} of a saved run stays as it was planned: {LENGTHS[key]} says how much more it "
                "trains."
            )
        if key in all_settings() and not is_changeable(key):
            raise ValueError(
                f"{key} is fixed once a model is trained. A saved run may change "
                f"{', '.join(sorted(CHANGEABLE))} and sample.*."
            )
        if MEASURED.get(key) == value:
            raise ValueError(
                f"{key} of a saved run stays as it was measured: name the value to change it to."
            )


def is_changeable(key: str) -> bool:
    """Whether a saved run may change this setting."""
    return key in CHANGEABLE or key.startswith("sample.")


def change(
    config: RunConfig, learning_rate: float, assignments: Iterable[str]
) -> tuple[RunConfig, float]:
    """The config and the learning rate of a saved run with each KEY=VALUE applied.

    `learning_rate` is the one in force, which may not be the config's. A new one takes Adam's with
    it, as the keys do, unless Adam's is set as well. ValueError with a user-facing message.
    """
    assignments = list(assignments)
    check_changes(assignments)
    keys = {assignment.partition("=")[0].strip() for assignment in assignments}
    changed = override(config, assignments)
    if "train.learning_rate" in keys:
        learning_rate = changed.train.learning_rate
    # Adam's rate is kept as a fraction of the learning rate: the config says which.
    fraction_of = (
        learning_rate if "train.adam_learning_rate" in keys else config.train.learning_rate
    )
    train = replace(changed.train, learning_rate=fraction_of)
    return replace(changed, train=train), learning_rate
