"""Names for runs that are easy to say: "amber-otter"."""

import random
import re
from collections.abc import Container

NAME = re.compile(r"\w([\w .,+()-]{0,58}[\w,+()-])?")

ADJECTIVES = [
    "amber",
    "brave",
    "bright",
    "calm",
    "clever",
    "copper",
    "coral",
    "crimson",
    "dapper",
    "eager",
    "fair",
    "fleet",
    "gentle",
    "gold",
    "happy",
    "hazel",
    "honest",
    "humble",
    "ivory",
    "jolly",
    "keen",
    "kind",
    "lively",
    "loyal",
    "lucky",
    "merry",
    "mild",
    "misty",
    "noble",
    "olive",
    "patient",
    "plucky",
    "proud",
    "quick",
    "quiet",
    "ruby",
    "rustic",
    "sage",
    "scarlet",
    "silver",
    "steady",
    "sunny",
    "swift",
    "tidy",
    "velvet",
    "violet",
    "vivid",
    "warm",
    "wise",
    "witty",
]
ANIMALS = [
    "badger",
    "bear",
    "beaver",
    "bison",
    "bobcat",
    "crane",
    "cricket",
    "crow",
    "deer",
    "dolphin",
    "dove",
    "eagle",
    "falcon",
    "ferret",
    "finch",
    "fox",
    "gecko",
    "goose",
    "hare",
    "hawk",
    "hedgehog",
    "heron",
    "horse",
    "ibis",
    "jackdaw",
    "kestrel",
    "koala",
    "lark",
    "lemur",
    "lynx",
    "magpie",
    "marten",
    "mole",
    "moose",
    "newt",
    "otter",
    "owl",
    "panda",
    "pelican",
    "puffin",
    "raven",
    "robin",
    "seal",
    "sparrow",
    "squirrel",
    "stork",
    "swan",
    "tern",
    "turtle",
    "weasel",
    "wren",
]


def new_name(taken: Container[str]) -> str:
    """A random name that is not taken; with a number appended if a hundred draws are."""
    for _ in range(100):
        name = f"{random.choice(ADJECTIVES)}-{random.choice(ANIMALS)}"
        if name not in taken:
            return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def check_name(name: str, of: str = "run") -> None:
    """ValueError, with a user-facing message, for a name that some file system would refuse. `of`:
    what it is to be the name of."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"A {of}'s name has up to 60 letters, digits, spaces and . , - + ( ), begins with a letter "
            f"or a digit and does not end with a space or a dot: {name!r} does not fit."
        )
