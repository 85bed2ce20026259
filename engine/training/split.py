"""How a text is divided into training and validation part. Without torch: checked before it loads."""


def split_at(characters: int, val_fraction: float) -> int:
    """The index where the training part ends and the validation part begins."""
    return int(characters * (1 - val_fraction))


def check_length(characters: int, context_length: int, val_fraction: float) -> None:
    """ValueError, with a user-facing message, if a text is too short to train with this context."""
    train = split_at(characters, val_fraction)
    if train <= context_length or characters - train < 2:
        raise ValueError(
            f"The text has {characters:,} characters, too few for a context of {context_length:,}: "
            f"it needs more, or a smaller model.context_length."
        )
