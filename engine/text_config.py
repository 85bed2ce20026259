"""What a run is trained on, where that is not the whole training part of its text.

The held-out part stays as it is, so that runs which differ in these settings are compared.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from engine.settings import Section


class TextConfig(Section, frozen=True, forbid_unknown_fields=True):
    """What it is trained on; it is tested on the held-out part of its own text."""

    section: ClassVar[str] = "text"

    fraction: Annotated[
        float,
        Meta(ge=0.001, le=1, description="Fraction of the training part, from its beginning on."),
    ] = 1.0
    shuffle: Annotated[
        Literal["off", "characters", "words", "lines"],
        Meta(description="Train on a text whose characters, words or lines are shuffled."),
    ] = "off"
    train_on: Annotated[
        str, Meta(description="Train on another text: its path, or its name in the catalog.")
    ] = ""
