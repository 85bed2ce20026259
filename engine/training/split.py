"""How a text is divided, and whether it is long enough: known before torch is."""


def split_at(characters: int, validation: float) -> int:
    """Where the training part ends: the first share is learned from, the last is held out."""
    return int(characters * (1 - validation))


def check_length(characters: int, context_length: int, validation: float) -> None:
    """ValueError, in a sentence, when a text is too short to train on at this context."""
    train = split_at(characters, validation)
    if train <= context_length or characters - train < 2:
        raise ValueError(
            f"The text has {characters:,} characters, too few for a context of {context_length:,}: "
            f"it needs more, or a smaller model.context_length."
        )
