"""Differences of settings: which a saved run may change, what follows from it, and which there are
between runs."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from msgspec.structs import replace

from engine.config import SECTIONS, RunConfig, all_settings, override
from engine.settings import plain

CHANGEABLE = frozenset(
    {
        "log.tensorboard",
        "model.dropout",
        "train.accumulation",
        "train.adam_learning_rate",
        "train.compile",
        "train.device",
        "train.evaluation_interval",
        "train.learning_rate",
        "train.moments_mb",
        "train.momentum_share",
        "train.precision",
        "train.threads",
        "train.val_characters",
        "train.weight_decay",
    }
)
"""What a saved run may change, apart from all of `sample`. Any other setting gives its tensors their
shape, or says which text it has seen and how far it has come."""
MEASURED = {"train.precision": "auto", "train.threads": "0"}
"""Settings with the value that has them measured when a run begins."""

LENGTHS = {"train.minutes": "--minutes", "train.steps": "--steps"}
"""The planned length, with the option that extends it."""


KEPT_BY_A_FORK = frozenset({"train.val_fraction", "train.val_documents"})
"""The model has read the part of the text that another fraction would hold out."""


def check_fork(assignments: Iterable[str]) -> None:
    """ValueError, with a user-facing message, for a KEY=VALUE that a fork cannot take. It may change
    more than a saved run: how far it is to come, and in which order it reads its text."""
    for assignment in assignments:
        key, _, value = (part.strip() for part in assignment.partition("="))
        shape = key.startswith("model.") and not is_changeable(key)
        if key in all_settings() and (shape or key in KEPT_BY_A_FORK):
            raise ValueError(
                f"{key} is fixed once a model is trained. A fork may change model.dropout, sample.*, "
                "log.*, text.* and train.* but for train.val_fraction and train.val_documents."
            )
        _check_measured(key, value, "fork")


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
        _check_measured(key, value, "saved run")


def _check_measured(key: str, value: str, kind: str) -> None:
    if MEASURED.get(key) == value:
        raise ValueError(
            f"{key} of a {kind} stays as it was measured: name the value to change it to."
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
    return _changed(config, learning_rate, assignments)


def change_in_fork(
    config: RunConfig, learning_rate: float, assignments: Iterable[str]
) -> tuple[RunConfig, float]:
    """The config and the learning rate of a fork, as from `change`. Of steps and minutes, the one
    that is named says when it ends. ValueError with a user-facing message."""
    assignments = list(assignments)
    check_fork(assignments)
    changed, learning_rate = _changed(config, learning_rate, assignments)
    keys = _keys(assignments)
    if "train.steps" in keys and "train.minutes" not in keys:
        changed = replace(changed, train=replace(changed.train, minutes=0.0))
    return changed, learning_rate


def settings_that_differ(configs: Sequence[RunConfig]) -> tuple[tuple[str, ...], ...]:
    """KEY=VALUE of each side, for the settings that are not the same on all of them."""
    differing: list[list[str]] = [[] for _ in configs]
    for section in SECTIONS:
        groups = [getattr(config, section) for config in configs]
        for name in groups[0].__struct_fields__:
            values = [getattr(group, name) for group in groups]
            if any(value != values[0] for value in values):
                for of_side, value in zip(differing, values, strict=True):
                    of_side.append(f"{section}.{name}={_shown(name, value)}")
    return tuple(map(tuple, differing))


def _shown(name: str, value: object) -> str:
    if name == "train_on":
        return PurePath(str(value)).name  # the folder is nobody's business
    return value if isinstance(value, str) else plain(value).replace(",", "")


def _changed(
    config: RunConfig, learning_rate: float, assignments: list[str]
) -> tuple[RunConfig, float]:
    keys = _keys(assignments)
    changed = override(config, assignments)
    if changed.train.optimizer == "adamw" or config.train.optimizer == "adamw":
        begins = changed.train.optimizer != config.train.optimizer
        named = begins or f"train.{changed.train.rate_name}" in keys
        return changed, changed.train.peak_learning_rate if named else learning_rate
    if "train.learning_rate" in keys:
        learning_rate = changed.train.learning_rate
    # Adam's rate is kept as a fraction of the learning rate: the config says which.
    fraction_of = (
        learning_rate if "train.adam_learning_rate" in keys else config.train.learning_rate
    )
    train = replace(changed.train, learning_rate=fraction_of)
    return replace(changed, train=train), learning_rate


def _keys(assignments: Iterable[str]) -> set[str]:
    """The settings that they name."""
    return {assignment.partition("=")[0].strip() for assignment in assignments}
