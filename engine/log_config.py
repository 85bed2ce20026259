"""What a run writes for other programs."""

from typing import Annotated, ClassVar

from msgspec import Meta

from engine.settings import Section


class LogConfig(Section, frozen=True, forbid_unknown_fields=True):
    """What is written for other programs."""

    section: ClassVar[str] = "log"

    tensorboard: Annotated[
        bool,
        Meta(description="TensorBoard's event file in the run's folder, as it trains."),
    ] = False
