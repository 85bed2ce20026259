"""`tinygpt.json` in an exported folder: the settings of the run, by which it is imported again."""

import msgspec
from msgspec import Struct

from engine.config import RunConfig
from engine.storage.run_info import CorpusInfo

SETTINGS = "tinygpt.json"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Its content."""

    run: str  # its name
    step: int
    loss: float | None  # of these weights on the validation part; None: they were not evaluated
    context_length: int  # with which they are trained
    config: RunConfig
    corpus: CorpusInfo
    sha256: str  # of model.safetensors
    format: int = 1


def settings_in(content: bytes) -> Settings:
    """ValueError, with a user-facing message, if it cannot be read."""
    try:
        settings = msgspec.json.decode(content, type=Settings)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{SETTINGS} cannot be read: {error}.") from None
    if settings.format != 1:
        raise ValueError(
            f"{SETTINGS} has the format {settings.format}: a newer version of tinygpt-tui exported "
            "it, upgrade to import it."
        )
    return settings
