"""Opens a race, new or saved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from data.text import Text
from engine.changes import settings_that_differ
from engine.config import RunConfig
from engine.device import device_of
from engine.protocol import LABELS, MOST_SEEDS, Busy, OpenRace, OpenSavedRace
from engine.session.building import recordable, report_corpus
from engine.session.opened_run import Clock, Emit
from engine.session.other_text import OtherText, load_other
from engine.session.race import Race
from engine.session.race_rules import check_sides, matched, with_seed
from engine.session.repetition_opener import RepetitionOpener
from engine.session.text_loading import (
    Interrupted,
    Reporter,
    holdout_of,
    info_of,
    load_text,
    never,
)
from engine.settings import errors_about
from engine.storage.corpus_text import read_corpus, sha256_of
from engine.storage.paths import check_exists, folder_of
from engine.storage.race_file import RaceInfo, new_race, new_race_name, read_race
from engine.storage.run_info import RunInfo, read_info
from engine.storage.run_texts import read_other
from engine.training.split import check_length
from engine.training.training_text import check_training_text

if TYPE_CHECKING:  # imports torch, which is loaded after the text has been reported
    from engine.model.tokenizer import Tokenizer


def open_race(
    command: OpenRace | OpenSavedRace,
    emit: Emit,
    clock: Clock,
    *,
    saving: bool,
    interrupted: Interrupted = never,
) -> Race:
    """A race, with its sides at step 0 or as they were saved. ValueError, with a user-facing message
    that names the side, if they cannot be opened; StoppedError."""
    report = Reporter(emit, interrupted)
    if isinstance(command, OpenSavedRace):
        return _saved_race(command, emit, clock, report, saving=saving)
    return _new_race(command, emit, clock, report, saving=saving)


def _new_race(
    command: OpenRace, emit: Emit, clock: Clock, report: Reporter, *, saving: bool
) -> Race:
    check_sides(command.configs)
    first = command.configs[0]
    _check_seeds(command.seeds, first)
    emit(Busy(f"reading {first.corpus}"))
    corpus = load_text(first.corpus, first.reading, report, holdout_of(first))
    digest = sha256_of(corpus.text)
    recorded = [
        replace(recordable(config), held_out_from=corpus.train_characters)
        for config in command.configs
    ]
    others = _others(command.configs, corpus.text)
    _check_lengths(recorded, others, len(corpus.text))
    characters = report_corpus(corpus, digest, recorded[0], emit, others[0])
    emit(Busy("loading torch"))
    # torch, as announced
    from engine.session.race_tokens import characters_each, learned_tokenizers

    tokenizers = learned_tokenizers(recorded, characters, corpus.text, emit)
    each = characters_each(recorded, tokenizers, corpus.text, others, report)
    configs = _on_one_machine(matched(recorded, command.axis, each), len(characters))
    name = new_race_name()
    parts = (info_of(corpus, digest, characters), corpus.text, configs, others, tokenizers, each)
    opener = RepetitionOpener(name, *parts, emit, clock, saving)
    differing = settings_that_differ(recorded)
    info = new_race(command.question, command.axis, command.seeds, differing, each)
    repetition, sides = opener.fresh(0)
    return Race(replace(info, repetitions=(repetition,)), opener, sides)


def _check_seeds(seeds: int, first: RunConfig) -> None:
    if not 1 <= seeds <= MOST_SEEDS:
        raise ValueError(f"A race has 1 to {MOST_SEEDS} seeds, not {seeds}.")
    with_seed(first, first.train.seed + seeds - 1)  # checks the range


def _others(configs: Sequence[RunConfig], own: Text) -> tuple[OtherText, ...]:
    """What the sides are trained on in place of the text. ValueError, with a user-facing message that
    names the side."""
    others: list[OtherText] = []
    for label, config in zip(LABELS, configs, strict=False):
        with errors_about(f"Side {label}"):
            others.append(load_other(config, own, own))
    return tuple(others)


def _check_lengths(
    configs: Sequence[RunConfig], others: Sequence[OtherText], characters: int
) -> None:
    """ValueError, with a user-facing message that names the side, if a text is too short for it."""
    for label, config, other in zip(LABELS, configs, others, strict=False):
        with errors_about(f"Side {label}"):
            check_length(config, characters)
            check_training_text(config, characters, len(other.text))


def _on_one_machine(configs: Sequence[RunConfig], characters: int) -> tuple[RunConfig, ...]:
    """The configs with device, threads and precision chosen once, where a side does not set them:
    each side computes alike, and so does its run when it is trained alone. ValueError, with a
    user-facing message, if the memory is too small for all."""
    # torch, as announced
    from engine.training.autotune import as_before, check_precision, choose, most_threads
    from engine.training.cost import check_memory_of_all

    for label, config in zip(LABELS, configs, strict=False):
        with errors_about(f"Side {label}"):
            check_precision(config.model, config.train)
    first = configs[0]
    smallest = min(config.train.batch_size for config in configs)
    train = replace(first.train, batch_size=smallest)
    device = device_of(train.device)
    check_memory_of_all(configs, characters, device, most_threads(train))
    chosen = choose(first.model, train, [config.model for config in configs[1:]])
    machine = chosen.device.type, chosen.threads, chosen.precision_name
    return tuple(
        replace(config, train=as_before(config.model, config.train, *machine)) for config in configs
    )


def _saved_race(
    command: OpenSavedRace, emit: Emit, clock: Clock, report: Reporter, *, saving: bool
) -> Race:
    name = command.race
    emit(Busy(f"opening {name}, loading torch"))
    info = read_race(name)
    first, text = _first_repetition(info, report)
    configs = tuple(run.config for run in first)
    others = tuple(
        OtherText(read_other(run, folder_of(run), side), side.other)
        for run, side in zip(info.repetitions[0].runs, first, strict=True)
    )
    parts = (first[0].corpus, text, configs, others, _tokenizers(info, first), info.characters_each)
    opener = RepetitionOpener(name, *parts, emit, clock, saving)
    return Race(info, opener, opener.saved(info.repetitions[-1]), is_new=False)


def _first_repetition(info: RaceInfo, report: Reporter) -> tuple[list[RunInfo], Text]:
    """The runs of the sides in the first repetition, and their text. ValueError, with a user-facing
    message that names the side."""
    infos = []
    for label, name in zip(LABELS, info.repetitions[0].runs, strict=False):
        with errors_about(f"Side {label} of the race"):
            check_exists(name)
            infos.append(read_info(folder_of(name)))
    return infos, read_corpus(folder_of(info.repetitions[0].runs[0]), report)


def _tokenizers(info: RaceInfo, first: Sequence[RunInfo]) -> "tuple[Tokenizer, ...]":
    """Those of the sides. ValueError, with a user-facing message that names the side."""
    # torch, which a race loads
    from engine.storage.tokenizer_file import read_tokenizer

    tokenizers = []
    for label, name, run in zip(LABELS, info.repetitions[0].runs, first, strict=False):
        with errors_about(f"Side {label}, the run {name!r}"):
            tokenizers.append(read_tokenizer(folder_of(name), run))
    return tuple(tokenizers)
