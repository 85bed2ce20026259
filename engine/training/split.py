"""How a text is divided into training and validation part, and how much of the latter an evaluation
reads. Without torch: checked before it loads."""

from engine.config import RunConfig

LEAST_VAL_CHARACTERS = 4_096
MOST_VAL_CHARACTERS = 131_072
"""Beyond these the loss gains no digit that is shown."""


def split_at(characters: int, val_fraction: float) -> int:
    """The index where the training part ends and the validation part begins."""
    return int(characters * (1 - val_fraction))


def train_end(config: RunConfig, characters: int) -> int:
    """The same for the text of a run: where its documents that are held out begin, if there are."""
    return config.held_out_from or split_at(characters, config.train.val_fraction)


def check_length(config: RunConfig, characters: int) -> None:
    """ValueError, with a user-facing message, if a text is too short to train with this context."""
    train = train_end(config, characters)
    check_parts(train, characters - train, config.model.context_length, "characters")


def check_parts(train: int, validation: int, context_length: int, noun: str = "tokens") -> None:
    """The same for its parts, so many of what the noun says."""
    if train <= context_length or validation < 2:
        raise ValueError(
            f"The text has {train + validation:,} {noun}, too few for a context of "
            f"{context_length:,}: it needs more, or a smaller model.context_length."
        )


def val_characters(config: RunConfig) -> int:
    """How many validation characters an evaluation predicts, at most.

    Where it is left open, a quarter of those trained on between two evaluations: predicting costs
    a third of training, so that is a twelfth of the time.
    """
    train = config.train
    if train.val_characters:
        return train.val_characters
    trained = train.evaluation_interval * train.batch_size * config.model.context_length
    return min(MOST_VAL_CHARACTERS, max(LEAST_VAL_CHARACTERS, trained // 4))
