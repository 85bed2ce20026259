"""Whether the environment says that the terminal has ASCII only."""

from collections.abc import Mapping


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
