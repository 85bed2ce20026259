"""The text of a run as ids."""

import torch
from msgspec.structs import replace

from data.text import Part, Text
from engine.config import RunConfig
from engine.model.tokenizer import Tokenizer
from engine.model.tokenizers import new_tokenizer
from engine.protocol import Busy, Tokens
from engine.session.opened_run import Emit
from engine.storage.corpus_text import Report, unreported, utf8_chunks
from engine.storage.token_files import ids_of
from engine.training.dataset import Dataset
from engine.training.split import train_end, val_characters

FREQUENT = 12
"""The most frequent tokens that are reported."""
BEGINNING = 120
"""Tokens of the beginning of the text that are reported."""
COUNTED = 1_000_000
"""Tokens of the training part, spread over it, that tell which are frequent."""


def learned_tokenizer(config: RunConfig, characters: str, text: Text, emit: Emit) -> Tokenizer:
    """The tokenizer of a new run on a text of these characters. ValueError, with a user-facing
    message, if there can be none."""
    if config.model.tokenizer == "bpe":
        emit(Busy(f"learning {config.model.vocabulary:,} tokens from the text"))
    end = train_end(config, len(text))
    return new_tokenizer(config.model, characters, Part(text, 0, end))


def encoded(
    text: Text,
    tokenizer: Tokenizer,
    config: RunConfig,
    training: str | None = None,
    report: Report = unreported,
) -> tuple[Dataset, Tokens]:
    """The text as a dataset, and its tokens. `training`: what is trained on instead of the training
    part. `report` gets the progress for a large one. ValueError, with a user-facing message,
    if it is too short; OSError for a large one."""
    end = train_end(config, len(text))
    held_out = Part(text, end)
    if training is None:
        ids, train, file = ids_of(text, tokenizer, end, report)
    else:
        parts = [tokenizer.encode_corpus(part) for part in (training, held_out[:])]
        ids, train, file = torch.cat(parts), len(parts[0]), None
    dataset = Dataset(
        ids,
        config.model.context_length,
        config.train.val_fraction,
        config.train.seed,
        val_characters(config),
        train,
        file,
    )
    counts = torch.bincount(dataset.some(COUNTED), minlength=len(tokenizer))
    frequent = counts.topk(min(FREQUENT, len(tokenizer)))
    pieces = tokenizer.pieces
    return dataset, replace(
        tokens_of(tokenizer, config, held_out, len(dataset.validation)),
        train=len(dataset.train),
        frequent=tuple(
            (pieces[i], count / int(counts.sum()))
            for i, count in zip(frequent.indices.tolist(), frequent.values.tolist(), strict=True)
            if count
        ),
        beginning=tuple(pieces[i] for i in dataset.train[:BEGINNING].tolist()),
    )


def tokens_of(tokenizer: Tokenizer, config: RunConfig, held_out: Text, number: int) -> Tokens:
    """The tokens of a run, without examples. `number`: of those in its held-out text."""
    return Tokens(
        kind=config.model.tokenizer,
        number=len(tokenizer),
        characters_each=len(held_out) / number,
        bytes_each=sum(map(len, utf8_chunks(held_out))) / number,
    )
