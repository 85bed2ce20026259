"""`tinygpt.json` in an exported folder: the settings of the run, by which it is imported again."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from engine.config import RunConfig
from engine.storage.manifest import Progress
from engine.storage.run_info import CorpusInfo, TokenizerInfo

SETTINGS = "tinygpt.json"
FORMAT = 1


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Its content."""

    run: str  # its name
    context_length: Annotated[int, Meta(ge=1)]  # with which the weights are trained
    progress: Progress
    config: RunConfig
    corpus: CorpusInfo
    sha256: str  # of model.safetensors
    tokenizer: TokenizerInfo | None = None
    format: int = FORMAT


def settings_in(content: bytes) -> Settings:
    """ValueError, with a user-facing message, if it cannot be read."""
    try:
        settings = msgspec.json.decode(content, type=Settings)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{SETTINGS} cannot be read: {error}.") from None
    if settings.format != FORMAT:
        raise ValueError(
            f"{SETTINGS} has the format {settings.format}: a newer version of tinygpt-tui exported "
            "it, upgrade to import it."
        )
    return settings
