"""What the sides of a race have in common: checked, and where it is open, made equal."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from engine.config import RunConfig
from engine.protocol import LABELS, Axis
from engine.settings import plain
from engine.training.split import val_characters

SHARED = ("val_fraction", "val_documents", "seed")
"""Settings of `train` that decide about the start, or about the text that is held out."""


def check_sides(configs: Sequence[RunConfig]) -> None:
    """ValueError, with a user-facing message that names the side, for sides that cannot race."""
    if not 2 <= len(configs) <= len(LABELS):
        raise ValueError(
            f"A race is between two to four sides, not {len(configs)}: each is named by its settings."
        )
    first, *others = configs
    for label, config in zip(LABELS[1:], others, strict=False):
        if config.corpus != first.corpus or config.reading != first.reading:
            raise ValueError(
                f"Side {label} has another text than side A: the sides of a race are tested on the same "
                "text. What they are trained on may differ: see text.train_on."
            )
        for name in SHARED:
            own, shared = getattr(config.train, name), getattr(first.train, name)
            if own != shared:
                raise ValueError(
                    f"Side {label} has train.{name}={plain(own)} and side A {plain(shared)}: the sides "
                    "of a race share their start."
                )


def matched(
    configs: Sequence[RunConfig], axis: Axis, characters_each: Sequence[float] = ()
) -> tuple[RunConfig, ...]:
    """The configs with ends and evaluations at the same marks, and with evaluations on equally much
    of the held-out text. A side whose steps have half the characters takes twice as many, where
    characters are compared; what it sets itself stays.

    `characters_each`: the mean length of a token of each side; empty: they have the same tokens.
    """
    each = characters_each or [1.0] * len(configs)
    if axis == "characters":
        seen = [_tokens_a_step(config) * of for config, of in zip(configs, each, strict=True)]
        configs = [
            _at_the_marks_of(configs[0], config, seen[0] / of_side)
            for config, of_side in zip(configs, seen, strict=True)
        ]
    read = max(val_characters(config) * of for config, of in zip(configs, each, strict=True))
    return tuple(
        _with_train(config, val_characters=config.train.val_characters or max(1, round(read / of)))
        for config, of in zip(configs, each, strict=True)
    )


def _at_the_marks_of(first: RunConfig, config: RunConfig, factor: float) -> RunConfig:
    """`factor`: how many of its steps have as much text as one of the first."""
    changes = {
        name: max(1, round(getattr(first.train, name) * factor))
        for name in ("steps", "evaluation_interval")
        if getattr(config.train, name) == getattr(first.train, name)
    }
    return _with_train(config, **changes)


def _tokens_a_step(config: RunConfig) -> int:
    return config.train.batch_size * config.model.context_length


def with_seed(config: RunConfig, seed: int) -> RunConfig:
    """The config of another repetition."""
    return _with_train(config, seed=seed)


def _with_train(config: RunConfig, **changes: int) -> RunConfig:
    if msgspec.structs.asdict(config.train) | changes == msgspec.structs.asdict(config.train):
        return config
    return replace(config, train=replace(config.train, **changes))
