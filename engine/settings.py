"""How a config field describes and checks itself: its range, its words, its parser."""

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Annotated, ClassVar, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
"""A number with commas between its thousands; a comma anywhere else is not read as one."""
SWITCH = ("on", "off")
SWITCH_WORDS = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
"""What a user may type for a bool."""


class Setting(Struct, frozen=True):
    """One field of a config section, as a form shows it."""

    key: str  # dotted: "train.learning_rate"
    kind: type  # int, float, bool or str
    description: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]

    @property
    def range(self) -> str:
        """The allowed values in words: "1 to 64", "auto, cpu, cuda or mps"."""
        if self.choices:
            return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
        return f"{plain(self.low)} to {plain(self.high)}"

    def check(self, value: object) -> None:
        """Raise ValueError, with a user-facing message, when `value` is outside the range."""
        if self.kind is bool:
            if not isinstance(value, bool):
                raise ValueError(f"{self.key} is {self.range}, not {value!r}.")
        elif self.choices:
            if value not in self.choices:
                raise ValueError(f"{self.key} is {self.range}, not {value!r}.")
        elif not (
            isinstance(value, int | float)
            and self.low is not None
            and self.high is not None
            and self.low <= value <= self.high
        ):
            raise ValueError(f"{self.key} goes from {self.range}, and {plain(value)} is outside.")

    def parse(self, text: str) -> int | float | str:
        """The value that a user typed; ValueError with a user-facing message when it is none."""
        text = text.strip()
        value: int | float | str = text
        if self.kind is bool:
            if text.lower() not in SWITCH_WORDS:
                raise ValueError(f"{self.key} is {self.range}, not {text!r}.")
            return SWITCH_WORDS[text.lower()]
        if self.kind in (int, float):
            plain = text.replace(",", "") if THOUSANDS.fullmatch(text) else text
            try:
                value = int(plain) if self.kind is int else float(plain)
            except ValueError:
                noun = "a whole number" if self.kind is int else "a number"
                raise ValueError(f"{self.key} takes {noun}, not {text!r}.") from None
        self.check(value)
        return value


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of fields that checks itself when it is built."""

    section: ClassVar[str]

    def __post_init__(self) -> None:
        for setting in settings_of(type(self)):
            setting.check(getattr(self, setting.key.partition(".")[2]))


@cache
def settings_of(section: type[Section]) -> tuple[Setting, ...]:
    """The settings of one section, in their order; text fields without a range are left out."""
    settings = []
    for name, hint in get_type_hints(section, include_extras=True).items():
        if get_origin(hint) is not Annotated:
            continue
        kind, meta = get_args(hint)
        if kind is str:
            continue
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        if kind is bool:
            choices = SWITCH
        settings.append(
            Setting(
                key=f"{section.section}.{name}",
                kind=str if get_origin(kind) is Literal else kind,
                description=meta.description,
                low=meta.ge,
                high=meta.le,
                choices=choices,
            )
        )
    return tuple(settings)


def description_of(section: type[Section], name: str) -> str:
    """The description of a field, also of one that `settings_of` leaves out."""
    meta = get_type_hints(section, include_extras=True)[name].__metadata__[0]
    assert isinstance(meta, Meta)
    assert meta.description is not None
    return meta.description


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names nearest to `name`, as the end of a sentence: "; near it: A, B"."""
    known = list(known)
    last = {key.rpartition(".")[2]: key for key in known}
    close = [last.get(key, key) for key in difflib.get_close_matches(name, [*known, *last], 3, 0.5)]
    close = list(dict.fromkeys(close)) or known[:3]
    return f"; near it: {', '.join(close)}"


def plain(value: object) -> str:
    """A value as a user reads it: 1e-05 as 0.00001, 2147483647 with its commas, True as on."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    return repr(value)


@contextmanager
def errors_about(place: str) -> Iterator[None]:
    """Have the message of a ValueError begin with the place that it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
