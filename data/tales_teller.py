"""The teller: expands a grammar of tales into English, the same on every machine.

A template is prose with four kinds of holes:

    (one|two|)     one of the alternatives, which are templates themselves
    $rule          a template drawn from a rule; whoever is cast inside it leaves with it
    {h:young}      casts a person as h, by a role; {g=$metal key} keeps a phrase as g
    @h  @h.his     the name of someone in the cast, or a pronoun, or another word for them

`^` makes the next letter a capital. A blank line ends a paragraph; any other space is one
space. A slash between spaces breaks a line of verse, two slashes a paragraph. A number sign makes a title.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

Rules = Mapping[str, tuple[str, ...]]

_PRONOUNS = {
    "f": {"he": "she", "him": "her", "his": "her", "himself": "herself", "child": "daughter"},
    "m": {"he": "he", "him": "him", "his": "his", "himself": "himself", "child": "son"},
    "n": {"he": "it", "him": "it", "his": "its", "himself": "itself", "child": "young one"},
}
_HOLE = re.compile(r"\(|\$(?P<rule>\w+)|\{(?P<cast>[^}]*)\}|@(?P<who>\w+)(?:\.(?P<word>[a-z]+))?")
_MIXING = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in a tale. `noun` is 'girl', `kind` is 'weaver's daughter', `name` may be empty."""

    gender: str
    noun: str
    kind: str
    name: str


class _Hole(NamedTuple):
    what: str
    source: str
    parts: tuple[str, ...] = ()


class Teller:
    """Tells from a grammar. What is drawn once is not drawn again before all the rest were."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self._rules = rules
        self._state = seed
        self._decks: dict[str, list[int]] = {}
        self._cast: dict[str, Person | str] = {}

    def tell(self, rule: str) -> str:
        """The paragraphs of one expansion of a rule, with a blank line between them."""
        return polish(self._rule(rule))

    def _expand(self, template: str) -> str:
        return "".join(map(self._fill, _parse(template)))

    def _fill(self, hole: _Hole) -> str:
        match hole.what:
            case "text":
                return hole.source
            case "choice":
                return self._expand(hole.parts[self._draw(hole.source, len(hole.parts))])
            case "rule":
                return self._rule(hole.source)
            case "role":
                self._cast[hole.source] = self._person(hole.parts[0])
            case "keep":
                self._cast[hole.source] = self._expand(hole.parts[0])
            case _:
                return self._mention(hole.source, hole.what)
        return ""

    def _rule(self, name: str) -> str:
        moody = f"{name}_{self._cast.get('mood', '')}"
        name = moody if moody in self._rules else name
        templates = self._rules[name]
        template = templates[self._draw(name, len(templates))]
        if "{" not in template:
            return self._expand(template)
        outside = self._cast.copy()
        told = self._expand(template)
        self._cast = outside
        return told

    def _person(self, role: str) -> Person:
        """A role is 'f girl: $trade's daughter'; a star after the gender means: has a name."""
        who, kind = self._rule(f"role_{role}").split(": ")
        gender, noun = who.split(" ", 1)
        name = self._rule(f"name_{gender[0]}") if gender.endswith("*") else ""
        return Person(gender[0], noun, kind, name)

    def _mention(self, key: str, word: str) -> str:
        someone = self._cast[key]
        if isinstance(someone, str):
            return someone
        match word:
            case "" if someone.name:
                return someone.name
            case "the" if someone.name and self._draw("the", 2):
                return someone.name
            case "" | "the":
                return f"the {someone.noun}"
            case "a":
                return f"a {someone.kind}"
            case "kind" | "noun":
                return str(getattr(someone, word))
            case _:
                return _PRONOUNS[someone.gender][word]

    def _draw(self, deck: str, size: int) -> int:
        cards = self._decks.get(deck)
        if not cards:
            cards = list(range(size))
            for i in range(size - 1, 0, -1):
                j = self._below(i + 1)
                cards[i], cards[j] = cards[j], cards[i]
            self._decks[deck] = cards
        return cards.pop()

    def _below(self, limit: int) -> int:
        """SplitMix64 (Steele, Lea and Flood, 2014): numbers that no Python version changes."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _WORD
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * _MIXING[0]) & _WORD
        mixed = ((mixed ^ (mixed >> 27)) * _MIXING[1]) & _WORD
        return ((mixed ^ (mixed >> 31)) * limit) >> 64


@cache
def _parse(template: str) -> tuple[_Hole, ...]:
    return tuple(_holes(template))


def _holes(template: str) -> Iterator[_Hole]:
    start = 0
    while hole := _HOLE.search(template, start):
        if hole.start() > start:
            yield _Hole("text", template[start : hole.start()])
        start = hole.end()
        if hole["rule"]:
            yield _Hole("rule", hole["rule"])
        elif hole["who"]:
            yield _Hole(hole["word"] or "", hole["who"])
        elif hole["cast"]:
            key, mark, value = re.split("([:=])", hole["cast"], maxsplit=1)
            yield _Hole("role" if mark == ":" else "keep", key, (value,))
        else:
            parts, start = _alternatives(template, start)
            yield _Hole("choice", template[hole.start() : start], parts)
    if start < len(template):
        yield _Hole("text", template[start:])


def _alternatives(template: str, start: int) -> tuple[tuple[str, ...], int]:
    """What stands between the bars up to the closing parenthesis, and the place after it."""
    parts: list[str] = []
    depth = 0
    for place in range(start, len(template)):
        match template[place]:
            case "(":
                depth += 1
            case ")" if depth:
                depth -= 1
            case ("|" | ")") as mark if not depth:
                parts.append(template[start:place])
                start = place + 1
                if mark == ")":
                    return tuple(parts), start
    raise AssertionError(f"a parenthesis stays open in {template!r}")


_BLANK = re.compile(r"\s*(?://|\n\s*\n)\s*")
_SPACE = re.compile(r"\s+")
_BEFORE_MARK = re.compile(r" +([,.;:!?])")
_ARTICLE = re.compile(
    r"\b([Aa]) (?=[aeiouAEIOU]|hon(?:est|our)|hour|heir)(?!one\b|once\b|uni[cfqt]|use|eu)"
)
_SENTENCE = re.compile(r"(?:\A|\n|[.!?] |\.[\"'] |\^)[\"']?[a-z]")


def polish(told: str) -> str:
    """Spaces, articles and capitals put right, paragraph by paragraph."""
    return "\n\n".join(map(_polish, _BLANK.split(told.strip())))


def _polish(paragraph: str) -> str:
    paragraph = _SPACE.sub(" ", paragraph)
    paragraph = _BEFORE_MARK.sub(r"\1", paragraph)
    paragraph = paragraph.replace(" / ", "\n")
    paragraph = _ARTICLE.sub(r"\1n ", paragraph)
    paragraph = _SENTENCE.sub(lambda match: match[0][:-1] + match[0][-1].upper(), paragraph)
    paragraph = paragraph.replace("^", "")
    return paragraph[1:].strip().upper() if paragraph.startswith("#") else paragraph
