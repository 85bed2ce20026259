"""The text that a run is trained on, where that is not the whole training part of its text. Without
torch: its length is checked before that loads."""

from data.text import Text
from engine.config import RunConfig
from engine.text_config import TextConfig
from engine.training.split import train_end


def training_text(config: RunConfig, text: Text, other: str) -> str | None:
    """What is trained on instead of the training part of a run's text; None: nothing is. `other`: the
    text that `text.train_on` names."""
    own = config.text
    if own == TextConfig():
        return None
    whole: Text = other if own.train_on else text
    part = whole[: training_characters(config, len(text), len(other))]
    if own.shuffle == "off":
        return part
    from data.shuffling import shuffled  # NumPy: this module is loaded before it

    return shuffled(part, own.shuffle, config.train.seed)


def training_characters(config: RunConfig, characters: int, others: int) -> int:
    """How many characters are trained on. `characters`: of the run's text; `others`: of that which
    `text.train_on` names."""
    whole = others if config.text.train_on else train_end(config, characters)
    return int(whole * config.text.fraction)


def check_training_text(config: RunConfig, characters: int, others: int) -> None:
    """ValueError, with a user-facing message, if there is too little to train on."""
    trained, context = training_characters(config, characters, others), config.model.context_length
    if trained <= context:
        raise ValueError(
            f"There are {trained:,} characters to train on, too few for a context of {context:,}: "
            "take a larger text.fraction, or a smaller model.context_length."
        )


def in_words(config: TextConfig, other: str) -> str:
    """What is trained on: "tales, the first 50%, words shuffled"; empty: the training part as it is.
    `other`: the name of the text that `text.train_on` names."""
    if config == TextConfig():
        return ""
    words = [other] if config.train_on else []
    if config.fraction < 1:
        words.append(f"the first {100 * config.fraction:.3g}%")
    if config.shuffle != "off":
        words.append(f"{config.shuffle} shuffled")
    return ", ".join(words)
