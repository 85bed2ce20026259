"""The sampling settings that have keys: which value a key moves to, and how it is shown."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from engine.config import SampleConfig
from tui.drawing.words import count

TEMPERATURES = tuple(round(0.1 * i, 1) for i in range(21))
TOP_KS = (0, 1, 2, 3, 5, 10, 20, 40, 100)
TOP_PS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0)
LENGTHS = (50, 100, 200, 500, 1_000, 2_000, 5_000)
LARGEST_SEED = 2**31 - 1


class SamplingControl(Struct, frozen=True):
    """A setting of `SampleConfig` with its two keys."""

    field: str
    label: str
    down: str
    up: str
    values: Sequence[float]  # that the keys step through; empty: every whole number


SAMPLING_CONTROLS = (
    SamplingControl("temperature", "temperature", "[", "]", TEMPERATURES),
    SamplingControl("top_k", "top-k", "-", "=", TOP_KS),
    SamplingControl("top_p", "top-p", "{", "}", TOP_PS),
    SamplingControl("characters", "length", "(", ")", LENGTHS),
    SamplingControl("seed", "seed", "S", "s", ()),
)


def changed(config: SampleConfig, control: SamplingControl, direction: int) -> SampleConfig:
    """The config with one setting moved to the next value down (-1) or up (1), if there is one."""
    value = getattr(config, control.field)
    if not control.values:
        moved = min(max(0, value + direction), LARGEST_SEED)
        return msgspec.structs.replace(config, **{control.field: moved})
    beyond = [other for other in control.values if (other - value) * direction > 1e-9]
    if not beyond:
        return config
    nearest = min(beyond) if direction > 0 else max(beyond)
    return msgspec.structs.replace(config, **{control.field: nearest})


def shown(config: SampleConfig, control: SamplingControl) -> str:
    """The value as the screen shows it."""
    value = getattr(config, control.field)
    if control.field == "top_k":
        return str(value) if value else "off"
    if control.field == "top_p":
        return f"{value:.2f}" if value < 1 else "off"
    return f"{value:.1f}" if control.field == "temperature" else count(value)
