"""Expands the grammar of the tales into English, the same on every machine."""

import re
from dataclasses import dataclass

from data.tales.grammar import Cast, Choice, Expand, Mention, Node, Rules, Store, Text, parse

_PRONOUNS = {
    "f": {"he": "she", "him": "her", "his": "her", "himself": "herself", "child": "daughter"},
    "m": {"he": "he", "him": "him", "his": "his", "himself": "himself", "child": "son"},
    "n": {"he": "it", "him": "it", "his": "its", "himself": "itself", "child": "young one"},
}
_MASK_64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in a tale. `noun` is 'girl', `kind` is 'weaver's daughter', `name` may be empty."""

    gender: str
    noun: str
    kind: str
    name: str


class Teller:
    """Tells tales from a grammar.

    The templates of a rule are drawn from a shuffled deck: none is drawn again before all the
    others were. The options of a choice are drawn in the same way.
    """

    def __init__(self, rules: Rules, seed: int) -> None:
        self._rules = rules
        self._state = seed
        self._decks: dict[str, list[int]] = {}
        self._cast: dict[str, Person | str] = {}

    def tell(self, rule: str) -> str:
        """The paragraphs of one expansion of a rule, with a blank line between them."""
        return normalize(self._expand_rule(rule))

    def _expand(self, template: str) -> str:
        return "".join(map(self._expand_node, parse(template)))

    def _expand_node(self, node: Node) -> str:
        match node:
            case Text(text):
                return text
            case Choice(source, options):
                return self._expand(options[self._draw(source, len(options))])
            case Expand(rule):
                return self._expand_rule(rule)
            case Mention(key, form):
                return self._mention(key, form)
            case Cast(key, role):
                self._cast[key] = self._cast_role(role)
            case Store(key, template):
                self._cast[key] = self._expand(template)
        return ""

    def _expand_rule(self, name: str) -> str:
        """A template of the rule, or of its variant for the mood of the tale if there is one."""
        variant = f"{name}_{self._cast.get('mood', '')}"
        name = variant if variant in self._rules else name
        templates = self._rules[name]
        template = templates[self._draw(name, len(templates))]
        if "{" not in template:
            return self._expand(template)
        outer_cast = self._cast.copy()
        tale = self._expand(template)
        self._cast = outer_cast
        return tale

    def _cast_role(self, role: str) -> Person:
        """A person of a role. The rule of a role yields, for example, 'f* girl: weaver's daughter':
        the gender, with a star if the person has a name, then the noun and the kind.
        """
        head, kind = self._expand_rule(f"role_{role}").split(": ")
        gender, noun = head.split(" ", 1)
        name = self._expand_rule(f"name_{gender[0]}") if gender.endswith("*") else ""
        return Person(gender[0], noun, kind, name)

    def _mention(self, key: str, form: str) -> str:
        someone = self._cast[key]
        if isinstance(someone, str):
            return someone
        match form:
            case "" if someone.name:
                return someone.name
            case "the" if someone.name and self._draw("the", 2):
                return someone.name
            case "" | "the":
                return f"the {someone.noun}"
            case "a":
                return f"a {someone.kind}"
            case "kind" | "noun":
                return str(getattr(someone, form))
            case _:
                return _PRONOUNS[someone.gender][form]

    def _draw(self, deck: str, size: int) -> int:
        """The next card of a deck of `size` cards, which is shuffled whenever it is empty."""
        cards = self._decks.get(deck)
        if not cards:
            cards = list(range(size))
            for i in range(size - 1, 0, -1):
                j = self._random_below(i + 1)
                cards[i], cards[j] = cards[j], cards[i]
            self._decks[deck] = cards
        return cards.pop()

    def _random_below(self, limit: int) -> int:
        """A random integer in [0, limit).

        SplitMix64 (Steele, Lea and Flood, 2014), because the sequences of Python's `random` may
        change with its version.
        """
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK_64
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK_64
        return ((mixed ^ (mixed >> 31)) * limit) >> 64


_PARAGRAPH_END = re.compile(r"\s*(?://|\n\s*\n)\s*")
_SPACE = re.compile(r"\s+")
_SPACE_BEFORE_PUNCTUATION = re.compile(r" +([,.;:!?])")
_A_BEFORE_VOWEL_SOUND = re.compile(
    r"\b([Aa]) (?=[aeiouAEIOU]|hon(?:est|our)|hour|heir)(?!one\b|once\b|uni[cfqt]|use|eu)"
)
_LOWERCASE_START = re.compile(r"(?:\A|\n|[.!?] |\.[\"'] |\^)[\"']?[a-z]")


def normalize(tale: str) -> str:
    """The text with spaces, articles and capitals corrected, one paragraph at a time."""
    return "\n\n".join(map(_normalize_paragraph, _PARAGRAPH_END.split(tale.strip())))


def _normalize_paragraph(paragraph: str) -> str:
    paragraph = _SPACE.sub(" ", paragraph)
    paragraph = _SPACE_BEFORE_PUNCTUATION.sub(r"\1", paragraph)
    paragraph = paragraph.replace(" / ", "\n")
    paragraph = _A_BEFORE_VOWEL_SOUND.sub(r"\1n ", paragraph)
    paragraph = _LOWERCASE_START.sub(lambda match: match[0][:-1] + match[0][-1].upper(), paragraph)
    paragraph = paragraph.replace("^", "")
    return paragraph[1:].strip().upper() if paragraph.startswith("#") else paragraph
