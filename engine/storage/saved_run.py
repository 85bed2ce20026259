"""Opening a saved run: from its newest complete checkpoint, or from its best."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from data.safe_text import safe_text
from data.text import Text, distinct
from engine.model.size import parameter_count
from engine.model.tokenizer import Tokenizer, Vocabulary
from engine.storage.checkpoints import State, read_checkpoint
from engine.storage.corpus_text import Report, read_corpus, sha256_of, unreported
from engine.storage.manifest import DamagedError, Manifest, best_of, checkpoints_of
from engine.storage.paths import check_exists, folder_of
from engine.storage.run_info import RunInfo, read_info
from engine.storage.run_texts import read_other
from engine.storage.tokenizer_file import read_tokenizer


class RunFiles(NamedTuple):
    """What the folder of a run has besides its weights and its history."""

    info: RunInfo
    text: Text
    tokenizer: Tokenizer
    checkpoints: list[Path]  # all that were found, oldest first


class SavedRun(NamedTuple):
    """A run as it was saved."""

    name: str
    info: RunInfo
    text: Text
    tokenizer: Tokenizer
    changed_text: bool  # the text is not the one that it was trained on
    manifest: Manifest
    state: State
    checkpoints: list[Path]  # all that were found, oldest first
    dropped: list[Path]  # those to set aside when it trains on: after the best, or damaged
    note: str  # one user-facing sentence if it is not opened from its newest checkpoint
    other: str = ""  # the text that it is trained on in place of its own

    def moved_to(self, folder: Path) -> "SavedRun":
        """The same run after its folder has been renamed."""

        def moved(checkpoints: list[Path]) -> list[Path]:
            return [folder / "checkpoints" / checkpoint.name for checkpoint in checkpoints]

        return self._replace(
            name=folder.name, checkpoints=moved(self.checkpoints), dropped=moved(self.dropped)
        )


class ChangedTextError(ValueError):
    """The text of a run is not the one that it was trained on."""


def max_group_bytes(info: RunInfo) -> int:
    """The most bytes of tensor data in one group of a run's checkpoint: two float32 per
    parameter."""
    return 8 * parameter_count(info.config.model, info.vocabulary)


def load_run(wanted: str, report: Report = unreported, *, changed_text: bool = False) -> SavedRun:
    """Open a saved run by its name, from its newest complete checkpoint; "NAME@best" opens it at the
    lowest validation loss. `report` gets the progress of reading a large text.
    `changed_text`: accept a text other than the one it was trained on.

    ValueError, with a user-facing message, when there is no such run or it cannot be read;
    ChangedTextError for a text that was not accepted.
    """
    name, which = wanted, ""
    if wanted.endswith(("@best", "@latest")):
        name, _, which = wanted.rpartition("@")
    check_exists(name)
    folder = folder_of(name)
    files = read_files(name, folder, report)
    _, text, tokenizer, checkpoints = files
    info, changed = with_text(name, files, accepted=changed_text)
    other = read_other(name, folder, info)
    best = best_of(folder) if which == "best" else None
    if which == "best" and best is None:
        raise ValueError(f"The run {name!r} has no checkpoint that was evaluated.")
    dropped = [checkpoint for checkpoint in checkpoints if best and checkpoint > best]
    first_damage: DamagedError | None = None
    for checkpoint in reversed(checkpoints[: len(checkpoints) - len(dropped)]):
        try:
            manifest, state = read_checkpoint(checkpoint, max_group_bytes(info))
        except DamagedError as error:
            first_damage = first_damage or error
            dropped.append(checkpoint)
            continue
        note = _note(manifest.progress.step, first_damage, bool(dropped))
        opened = (name, info, text, tokenizer, changed, manifest, state)
        return SavedRun(*opened, checkpoints, dropped, note, other)
    reason = first_damage or "there is none at all"
    raise ValueError(f"The run {name!r} has no complete checkpoint: {reason}.")


def read_files(name: str, folder: Path, report: Report = unreported) -> RunFiles:
    """What a run has besides tensors. ValueError, with a user-facing message."""
    try:
        info = read_info(folder)
        text = read_corpus(folder, report)
        return RunFiles(info, text, read_tokenizer(folder, info), checkpoints_of(folder))
    except OSError as error:
        where = Path(error.filename).name if error.filename else "a file"
        raise ValueError(f"The run {name!r} cannot be read: {where}: {error.strerror}.") from None
    except ValueError as error:
        raise ValueError(f"The run {name!r} cannot be read: {str(error).rstrip('.')}.") from None


def unknown_in(text: Text, tokenizer: Tokenizer) -> str:
    """The characters of a long text that a tokenizer does not know, each once, in order."""
    return tokenizer.split_known("".join(sorted(distinct(text))))[1]


def characters_with(tokenizer: Tokenizer, text: Text) -> str:
    """The characters of a run with this tokenizer, which knows all of its text: where they are its
    tokens, those of the text that it was made for."""
    if isinstance(tokenizer, Vocabulary):
        return tokenizer.characters
    return "".join(sorted(distinct(text)))


def with_text(name: str, files: RunFiles, *, accepted: bool) -> tuple[RunInfo, bool]:
    """The info of a run that continues on this text, and whether the text has changed. ValueError,
    with a user-facing message; ChangedTextError if a change is not accepted."""
    info, text = files.info, files.text
    sha256 = sha256_of(text)
    unknown = unknown_in(text, files.tokenizer)
    changed = sha256 != info.corpus.sha256
    if unknown:
        raise ValueError(
            f"The text of the run {name!r} (corpus.txt in its folder) is not the one it was trained "
            f"on: it has characters that the model does not know: {safe_text(unknown[:20])}"
        )
    if changed and not accepted:
        raise ChangedTextError(
            f"The text of the run {name!r} (corpus.txt in its folder) is not the one it was "
            "trained on."
        )
    characters = characters_with(files.tokenizer, text) if changed else info.corpus.characters
    corpus = msgspec.structs.replace(info.corpus, sha256=sha256, characters=characters)
    config = info.config
    if changed:  # what was known of its documents is not known of this text
        corpus = msgspec.structs.replace(corpus, documents=1, held_out=0)
        config = msgspec.structs.replace(config, held_out_from=0)
    return msgspec.structs.replace(info, corpus=corpus, config=config), changed


def _note(step: int, damage: DamagedError | None, rolled_back: bool) -> str:
    if damage:
        return f"Opened as it was at step {step:,}, since {damage}."
    if rolled_back:
        return f"Opened as it was at step {step:,}, its best; training on drops what came after."
    return ""
