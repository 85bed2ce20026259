"""The numbers a person turns while it writes: which value comes next, and how it is shown."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.config import SampleConfig

TEMPERATURES = tuple(round(0.1 * i, 1) for i in range(21))
TOP_KS = (0, 1, 2, 3, 5, 10, 20, 40, 100)
TOP_PS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0)
LARGEST_SEED = 2**31 - 1


class SamplingControl(NamedTuple):
    """A setting of `SampleConfig` with its two keys."""

    field: str
    label: str
    down: str
    up: str
    places: Sequence[float]  # the values it stops at; none: one by one


SAMPLING_CONTROLS = (
    SamplingControl("temperature", "temperature", "[", "]", TEMPERATURES),
    SamplingControl("top_k", "top-k", "-", "=", TOP_KS),
    SamplingControl("top_p", "top-p", "{", "}", TOP_PS),
    SamplingControl("seed", "seed", "S", "s", ()),
)


def turned(config: SampleConfig, dial: SamplingControl, direction: int) -> SampleConfig:
    """The config with one dial turned one stop down (-1) or up (1); at its end it stays."""
    value = getattr(config, dial.field)
    if not dial.places:
        stop = min(max(0, value + direction), LARGEST_SEED)
        return msgspec.structs.replace(config, **{dial.field: stop})
    beyond = [place for place in dial.places if (place - value) * direction > 1e-9]
    if not beyond:
        return config
    nearest = min(beyond) if direction > 0 else max(beyond)
    return msgspec.structs.replace(config, **{dial.field: nearest})


def shown(config: SampleConfig, dial: SamplingControl) -> str:
    """The value as a person reads it."""
    value = getattr(config, dial.field)
    if dial.field == "top_k":
        return str(value) if value else "off"
    if dial.field == "top_p":
        return f"{value:.2f}" if value < 1 else "off"
    return f"{value:.1f}" if dial.field == "temperature" else str(value)
