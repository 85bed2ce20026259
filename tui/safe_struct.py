"""Makes every string in an event safe to draw, at any depth.

Which fields can hold text is read from the type hints once per type, so a new field cannot be
forgotten, and an event without text costs one dictionary lookup.
"""

from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import Struct
from msgspec.structs import replace

from data.reading import Reading
from data.safe_text import safe_text
from engine.protocol import (
    CopiesFound,
    Excerpt,
    Piece,
    ReportedSample,
    SampleStarted,
    TextSampled,
)

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

MULTILINE = frozenset(
    {
        (Excerpt, "prompt"),
        (Excerpt, "text"),
        (SampleStarted, "prompt"),
        (TextSampled, "text"),
        (Piece, "text"),
        (CopiesFound, "before"),
        (CopiesFound, "copied"),
        (CopiesFound, "after"),
        (ReportedSample, "prompt"),
        (ReportedSample, "text"),
        (Reading, "separator"),
    }
)
"""The fields whose line breaks stay line breaks; everywhere else they are shown as a picture."""


class Raw(Struct, Generic[T], frozen=True):
    """A value as the engine sent it, for commands only: none of its text may be drawn."""

    value: T


def safe(struct: S) -> S:
    """The struct with each string made safe by `safe_text`; itself where nothing has to change."""
    changes = {}
    for name, multiline in _text_fields(type(struct)):
        value = getattr(struct, name)
        cleaned = _safe_value(value, multiline=multiline)
        if cleaned is not value:
            changes[name] = cleaned
    return replace(struct, **changes) if changes else struct


def _safe_value(value: Any, *, multiline: bool) -> Any:
    if isinstance(value, str):
        cleaned = safe_text(value, lines=multiline)
        return value if cleaned == value else cleaned
    if isinstance(value, tuple):
        parts = tuple(_safe_value(part, multiline=multiline) for part in value)
        return (
            parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
        )
    return safe(value) if isinstance(value, Struct) else value


@cache
def _text_fields(kind: type[Struct]) -> tuple[tuple[str, bool], ...]:
    """The fields of a struct type that can hold text, themselves or within; and whether it may be of
    several lines."""
    hints = get_type_hints(kind)
    return tuple(
        (name, (kind, name) in MULTILINE)
        for name in kind.__struct_fields__
        if _holds_text(hints[name])
    )


def _holds_text(hint: Any) -> bool:
    """Whether a value of this type can hold a string other than the fixed words of a Literal.

    A container that `safe` would not look into is an error, not a hole.
    """
    origin = get_origin(hint)
    if hint is str:
        return True
    if hint in (int, float, bool, type(None)) or origin is Literal:
        return False
    if isinstance(hint, type) and issubclass(hint, Struct):
        return bool(_text_fields(hint))
    if origin is Annotated:
        return _holds_text(get_args(hint)[0])
    assert origin in (tuple, Union, UnionType), f"safe() does not look into {hint}"
    return any(_holds_text(part) for part in get_args(hint) if part is not Ellipsis)
