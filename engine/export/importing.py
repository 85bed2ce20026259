"""Makes a saved run of a folder that was exported for transformers (`engine.export.hf`).

Such a folder has no text. Where one with the same sha256 is known here, as a text of the catalog or
of a saved run, the run has it again. Otherwise the model writes one, so that there are passages to
look inside with; the run is not trained on it.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from msgspec.structs import replace

from data.catalog import Corpus, load, names
from data.safe_text import safe_text
from engine.config import SampleConfig
from engine.device import UNKNOWN_MACHINE
from engine.export.apertus import to_state
from engine.export.hf_reader import read_folder, read_tensors
from engine.export.hf_settings import Settings
from engine.export.source import model_of
from engine.generation.generator import TextGenerator
from engine.model.gpt import GPT
from engine.model.tokenizer import Tokenizer
from engine.storage.arriving import free_name, unfinished_run
from engine.storage.atomic import rename_folder, replace_file
from engine.storage.checkpoints import write_checkpoint
from engine.storage.corpus_text import FILE, read_corpus, sha256_of, utf8_chunks
from engine.storage.manifest import Progress
from engine.storage.paths import folder_of, free_folder, run_names
from engine.storage.run import new_info
from engine.storage.run_info import (
    TOKENIZER_FILE,
    CorpusInfo,
    RunInfo,
    read_info,
    with_note,
    write_info,
)
from engine.storage.saved_run import characters_with, unknown_in
from engine.text_config import TextConfig
from engine.training.cost import check_memory
from engine.training.optimizers import Optimizer
from engine.training.split import check_length
from engine.training.workers import WorkerPool

SLICE = 0.03
"""Seconds for which the model writes at a time."""


class Text(NamedTuple):
    """The text of an imported run."""

    corpus: Corpus
    sha256: str
    note: str
    """A sentence on where it is from."""
    is_written: bool = False
    """Whether the model has written it: the one that it was trained on is not here."""


class ImportedRun(NamedTuple):
    """A run that was imported."""

    name: str
    step: int
    note: str


def import_folder(path: Path, name: str, corpus: str) -> Iterator[float | ImportedRun]:
    """Make a saved run of an exported folder. `name`: of the run; empty: the one that it had, or
    one like it if that is taken. `corpus`: the text to train on, one of the catalog or a file;
    empty: the text that it was trained on, if that is known here.

    Yields the fractions done, then the result. ValueError, with a user-facing message, for a folder
    that this program did not export, a text that does not fit, or a name that is invalid or taken;
    OSError. On an error, or if the work is given up, nothing of it is left.
    """
    folder = read_folder(path)
    settings = folder.settings
    config, tokenizer = settings.config.model, folder.tokenizer
    check_memory(settings.config, len(tokenizer), torch.device("cpu"), 1)
    name = name or free_name(settings.run)
    target = free_folder(name)
    model = model_of(to_state(read_tensors(folder), config), config, len(tokenizer))
    yield 0.0
    text = _chosen_text(corpus, settings, tokenizer) if corpus else _known_text(settings)
    if text is None:
        for written in _written_text(model, settings, tokenizer):
            if isinstance(written, float):
                yield written
            else:
                text = written
    assert text is not None, "the model has written one"
    info, progress = _info(settings, text, tokenizer), _progress(settings, text)
    optimizer = Optimizer(model, settings.config.train, WorkerPool(1))
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    with unfinished_run(name) as run:
        replace_file(run / FILE, utf8_chunks(text.corpus.text))
        if tokenizer.file:
            replace_file(run / TOKENIZER_FILE, [tokenizer.file])
        write_info(run, info)
        write_checkpoint(run, progress, UNKNOWN_MACHINE, state)
        rename_folder(run, target)
    note = text.note
    if settings.config.text.train_on and not text.is_written:
        other = safe_text(settings.config.text.train_on)
        note = f"{note} It was trained on {other} in its place, which is not here: now it trains on its own."
    yield ImportedRun(name, progress.step, note)


def _chosen_text(corpus: str, settings: Settings, tokenizer: Tokenizer) -> Text:
    """The text that the user names. ValueError, with a user-facing message, if the model does not
    know all its characters."""
    text = load(corpus)
    unknown = unknown_in(text.text, tokenizer)
    if unknown:
        raise ValueError(
            f"The text {corpus!r} has characters that the model does not know: "
            f"{safe_text(unknown[:20])}"
        )
    config = settings.config
    check_length(config, len(text.text))
    sha256 = sha256_of(text.text)
    same = sha256 == settings.corpus.sha256
    which = "the text that it was trained on" if same else "another text than it was trained on"
    return Text(text, sha256, f"It has {which}: {text.name}.")


def _known_text(settings: Settings) -> Text | None:
    """The text that the run was trained on, if it is in the catalog or is that of a saved run."""
    wanted = settings.corpus
    if wanted.name in names():
        with suppress(ValueError):  # the plays may not be installed
            corpus = load(wanted.name)
            if sha256_of(corpus.text) == wanted.sha256:
                return Text(corpus, wanted.sha256, f"It has its text, {corpus.name}.")
    for name in run_names():
        with suppress(ValueError, OSError):  # it cannot be read
            info = read_info(folder_of(name))
            if info.corpus.sha256 != wanted.sha256:
                continue
            text, source = read_corpus(folder_of(name)), info.corpus
            if sha256_of(text) == wanted.sha256:
                corpus = Corpus(source.name, text, source.source, source.license)
                note = f"It has its text, {source.name}, which the run {name} has too."
                return Text(corpus, wanted.sha256, note)
    return None


def _written_text(model: GPT, settings: Settings, tokenizer: Tokenizer) -> Iterator[float | Text]:
    """A text by the model itself, as long as a context needs: the fractions done, then the result."""
    config, wanted = settings.config.model, settings.corpus
    # A learned token is some characters long.
    length = (16 if tokenizer.file else 4) * config.context_length + 2_000
    generator = TextGenerator(model, tokenizer, time.perf_counter)
    generator.start("", SampleConfig(characters=length), settings.context_length)
    while generator.active:
        generator.generate(SLICE)
        yield generator.characters / length
    corpus = Corpus(
        "written by the model", generator.text, "its own text is not here", wanted.license
    )
    note = (
        f"Its text, {wanted.name}, is not here: it can be prompted and looked inside, at passages "
        "that its model writes; to train on, import it with a text, or fork it with one."
    )
    yield Text(corpus, sha256_of(generator.text), note, is_written=True)


def _info(settings: Settings, text: Text, tokenizer: Tokenizer) -> RunInfo:
    corpus = CorpusInfo(
        text.corpus.name,
        text.corpus.source,
        text.corpus.license,
        text.sha256,
        characters_with(tokenizer, text.corpus.text),
    )
    config = replace(settings.config, corpus=text.corpus.name)
    if text.is_written or config.text.train_on:
        config = replace(config, text=TextConfig())
    info = with_note(
        new_info(config, corpus, tokenizer),
        f"imported: {settings.run[:60]}",
    )
    return replace(info, trained_on=settings.corpus if text.is_written else None)


def _progress(settings: Settings, text: Text) -> Progress:
    """Of the run, with the losses that are those of its text."""
    progress = settings.progress
    if text.is_written:  # there is nothing to evaluate it on
        loss = progress.loss if progress.loss_is_current else None
        return replace(progress, evaluated=progress.step, loss=loss)
    if text.sha256 != settings.corpus.sha256:
        return replace(progress, evaluated=-1, loss=None, best_loss=None)
    return progress
