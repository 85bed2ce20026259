"""The settings of a text that is generated."""

from typing import Annotated, ClassVar

from msgspec import Meta

from engine.settings import Section


class SampleConfig(Section, frozen=True, forbid_unknown_fields=True):
    """How text is generated."""

    section: ClassVar[str] = "sample"

    temperature: Annotated[
        float, Meta(ge=0, le=5, description="0 picks the most likely; higher is more varied.")
    ] = 0.8
    top_k: Annotated[
        int, Meta(ge=0, le=100_000, description="Sample from the k most likely; 0: from all.")
    ] = 0
    top_p: Annotated[
        float, Meta(ge=0, le=1, description="Sample from the most likely, up to this probability.")
    ] = 0.95
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Same seed, same text.")] = 1
    characters: Annotated[
        int, Meta(ge=1, le=1_000_000, description="How many characters are generated.")
    ] = 500
    stop: Annotated[str, Meta(description="Stop at any of these characters; empty: at none.")] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if any("\ud800" <= character <= "\udfff" for character in self.stop):
            raise ValueError("sample.stop holds half a character, which no file can keep.")
