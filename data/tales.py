"""The corpus that needs no package: tales that a grammar made up, the same on every machine."""

from functools import cache

SEED = 1812
SIZE = 1_000_000
"""Characters after which no other tale is begun."""


@cache
def write() -> str:
    """About a million characters of tales. Each has a title in capitals and an end."""
    from data.tales_teller import Teller

    teller = Teller(_grammar(), SEED)
    tales: list[str] = []
    length = 0
    while length < SIZE:
        tale = teller.tell("tale")
        tales.append(tale)
        length += len(tale) + 3
    return "\n\n\n".join(tales) + "\n"


def _grammar() -> dict[str, tuple[str, ...]]:
    """Every rule of the tales, with the templates that it draws from."""
    from data.tales_details import DETAILS, PASSAGES
    from data.tales_follies import FOLLIES
    from data.tales_lines import LINES
    from data.tales_quests import QUESTS
    from data.tales_scenes import EPISODES, INNER
    from data.tales_words import WORDS

    rules = {name: _split(words, ",") for name, words in WORDS.items()}
    rules |= {name: _split(lines, "\n") for name, lines in (LINES | DETAILS).items()}
    return rules | {
        "trade_s": tuple(map(_plural, rules["trade"])),
        "tale": _split(QUESTS, "---") + _split(FOLLIES, "---"),
        "episode": _split(EPISODES, "---"),
        "inner_tale": _split(INNER, "---"),
        "passage": _split(PASSAGES, "---"),
    }


def _plural(trade: str) -> str:
    return trade.removesuffix("man") + "men" if trade.endswith("man") else trade + "s"


def _split(text: str, mark: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.strip().split(mark))
