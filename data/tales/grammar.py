"""The grammar of the tales: rules, read from the text files beside this module.

A text file is a list of rules. `[name]` alone on a line starts a rule, and everything up to the
next such line is its templates, separated by what `FILES` gives for that file: a comma, a newline,
or a line of three dashes. Lines that start with `;` are comments. A rule in two files has the
templates of both. A template may be repeated, to be drawn more often.

A template is prose with placeholders:

    (one|two|)     one of the options, each a template itself
    $rule          a template of that rule; what is cast or stored inside it is forgotten after it
    {h:young}      casts a person as h, from the rule `role_young`
    {g=$metal key} stores an expanded template as g
    @h  @h.his     the name of the person h or the phrase g; a pronoun or another noun for h

`^` capitalizes the next letter. A blank line or ` // ` ends a paragraph, ` / ` ends a line of
verse, any other whitespace is one space. `#` starts a title.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Rules = Mapping[str, tuple[str, ...]]

FILES = {
    "quests.txt": "\n---\n",
    "follies.txt": "\n---\n",
    "scenes.txt": "\n---\n",
    "passages.txt": "\n---\n",
    "details.txt": "\n",
    "sentences.txt": "\n",
    "people.txt": ",",
    "names.txt": ",",
    "words.txt": ",",
}
"""The text files, each with the separator of its templates."""

_RULE = re.compile(r"^\[(\w+)\]$", re.MULTILINE)
_COMMENT = re.compile(r"^;.*\n", re.MULTILINE)
_PLACEHOLDER = re.compile(
    r"\(|\$(?P<rule>\w+)|\{(?P<key>\w+)(?P<mark>[:=])(?P<value>[^}]*)\}"
    r"|@(?P<who>\w+)(?:\.(?P<form>[a-z]+))?"
)


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text."""

    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """`(one|two)`: one of the options. `source` is the placeholder as it is written."""

    source: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expand:
    """`$rule`: a template of a rule."""

    rule: str


@dataclass(frozen=True, slots=True)
class Cast:
    """`{key:role}`: casts a person."""

    key: str
    role: str


@dataclass(frozen=True, slots=True)
class Store:
    """`{key=template}`: stores a phrase."""

    key: str
    template: str


@dataclass(frozen=True, slots=True)
class Mention:
    """`@key.form`: mentions a person or a stored phrase. `form` may be empty."""

    key: str
    form: str


Node = Text | Choice | Expand | Cast | Store | Mention


def load_rules() -> Rules:
    """The templates of every rule, by its name."""
    rules: dict[str, tuple[str, ...]] = {}
    for name, separator in FILES.items():
        text = (files("data.tales") / name).read_text(encoding="utf-8")
        for rule, templates in read_rules(text, separator):
            rules[rule] = rules.get(rule, ()) + templates
    return rules | {"trade_s": tuple(map(_plural, rules["trade"]))}


def read_rules(text: str, separator: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The rules of one text file, each with its templates."""
    _, *parts = _RULE.split(_COMMENT.sub("", text))
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        yield name, tuple(template.strip() for template in body.strip().split(separator))


def _plural(trade: str) -> str:
    return trade.removesuffix("man") + "men" if trade.endswith("man") else trade + "s"


@cache
def parse(template: str) -> tuple[Node, ...]:
    """The text and the placeholders of a template, in order."""
    return tuple(_nodes(template))


def _nodes(template: str) -> Iterator[Node]:
    start = 0
    while found := _PLACEHOLDER.search(template, start):
        if found.start() > start:
            yield Text(template[start : found.start()])
        start = found.end()
        if found["rule"]:
            yield Expand(found["rule"])
        elif found["who"]:
            yield Mention(found["who"], found["form"] or "")
        elif found["mark"] == ":":
            yield Cast(found["key"], found["value"])
        elif found["mark"] == "=":
            yield Store(found["key"], found["value"])
        else:
            options, start = _options(template, start)
            yield Choice(template[found.start() : start], options)
    if start < len(template):
        yield Text(template[start:])


def _options(template: str, start: int) -> tuple[tuple[str, ...], int]:
    """The options from `start` up to the closing parenthesis, and the index after it."""
    options: list[str] = []
    depth = 0
    for index in range(start, len(template)):
        match template[index]:
            case "(":
                depth += 1
            case ")" if depth:
                depth -= 1
            case ("|" | ")") as mark if not depth:
                options.append(template[start:index])
                start = index + 1
                if mark == ")":
                    return tuple(options), start
    raise AssertionError(f"a parenthesis is not closed in {template!r}")
