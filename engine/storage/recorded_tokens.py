"""What the files of a run say of its tokens."""

from contextlib import suppress
from pathlib import Path

from engine.protocol import Evaluated, Tokens, token_length
from engine.storage.history import newest_evaluation
from engine.storage.run_info import RunInfo


def recorded_tokens(folder: Path, info: RunInfo) -> Tokens:
    """The tokens of a run, without examples. How long they are is known from its newest evaluation,
    which has the loss in several units; where there is none, their lengths are the defaults."""
    evaluated: Evaluated | None = None
    with suppress(OSError):
        evaluated = newest_evaluation(folder)
    kind, number = info.config.model.tokenizer, info.vocabulary
    if evaluated is None:
        return Tokens(kind=kind, number=number)
    return Tokens(
        kind=kind,
        number=number,
        characters_each=token_length(evaluated.loss, evaluated.bits_per_char) or 1.0,
        bytes_each=token_length(evaluated.loss, evaluated.bits_per_byte),
    )
