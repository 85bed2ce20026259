"""Whether the environment says that the terminal has ASCII only, and what keys are called there."""

import os
from collections.abc import Mapping

NAMES = str.maketrans({"←": "left", "→": "right", "↑": "up", "↓": "down", "⏎": "enter"})
"""Of keys whose pictures would become the signs of other keys: "<" changes the learning rate."""


def ascii_only(environment: Mapping[str, str]) -> bool:
    """Whether the locale names a character set other than UTF-8: "C", or "de_DE.ISO-8859-1".

    Without a locale, as often in a container, UTF-8 is assumed.
    """
    names = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in names if name), "")
    if locale in ("C", "POSIX"):
        return True
    _, _, charset = locale.partition(".")
    charset = charset.partition("@")[0].lower().replace("-", "")
    return charset not in ("", "utf8")


def named(keys: str) -> str:
    """Keys, or a text about keys, as this terminal can show them."""
    if keys.isascii():
        return keys
    return keys.translate(NAMES) if ascii_only(os.environ) else keys
