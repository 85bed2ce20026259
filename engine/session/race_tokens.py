"""The tokens of the sides of a race: learned once for all repetitions, and how much text they are."""

from collections.abc import Sequence

from data.text import Text
from engine.config import RunConfig
from engine.model.tokenizer import Tokenizer
from engine.protocol import LABELS, Tokens, are_mixed
from engine.session.encoding import learned_tokenizer
from engine.session.opened_run import Emit
from engine.session.other_text import OtherText
from engine.settings import errors_about
from engine.storage.corpus_text import Report
from engine.storage.token_files import ids_of
from engine.training.split import train_end
from engine.training.training_text import training_characters, training_text


def learned_tokenizers(
    configs: Sequence[RunConfig], characters: str, text: Text, emit: Emit
) -> tuple[Tokenizer, ...]:
    """One for each side; sides with the same settings share it. ValueError, with a user-facing
    message that names the side, if there can be none."""
    learned: dict[tuple[str, int], Tokenizer] = {}
    each = []
    for label, config in zip(LABELS, configs, strict=False):
        key = (config.model.tokenizer, config.model.vocabulary)
        with errors_about(f"Side {label}"):
            if key not in learned:
                learned[key] = learned_tokenizer(config, characters, text, emit)
        each.append(learned[key])
    return tuple(each)


def characters_each(
    configs: Sequence[RunConfig],
    tokenizers: Sequence[Tokenizer],
    text: Text,
    others: Sequence[OtherText],
    report: Report,
) -> tuple[float, ...]:
    """The mean length of a token in what each side is trained on; empty where all sides have the same
    tokens, which are counted then. OSError for a large text."""
    kinds = (
        Tokens(config.model.tokenizer, len(tokenizer))
        for config, tokenizer in zip(configs, tokenizers, strict=True)
    )
    if not are_mixed(kinds):
        return ()
    return tuple(
        training_characters(config, len(text), len(other.text))
        / _trained_on(config, tokenizer, text, other.text, report)
        for config, tokenizer, other in zip(configs, tokenizers, others, strict=True)
    )


def _trained_on(
    config: RunConfig, tokenizer: Tokenizer, text: Text, other: str, report: Report
) -> int:
    """How many tokens a side is trained on."""
    training = training_text(config, text, other)
    if training is not None:
        return len(tokenizer.encode_corpus(training))
    return ids_of(text, tokenizer, train_end(config, len(text)), report).train
