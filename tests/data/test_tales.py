"""The tales are the same bytes everywhere, and are in correct English."""

import re
import string
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from data import tales
from data.tales.grammar import FILES, load_rules, read_rules
from data.tales.teller import Teller, normalize

SHA256 = "a5bade42950d3a77b4c6ddf83c965cdf3d74eff7a16f1458b0ccbc85fdb682cd"


@pytest.fixture(scope="module")
def text() -> str:
    return tales.write()


def test_the_text_is_the_same_on_every_machine(text: str) -> None:
    assert sha256(text.encode()).hexdigest() == SHA256


def test_size_and_characters(text: str) -> None:
    assert tales.MIN_CHARACTERS <= len(text) < tales.MIN_CHARACTERS * 1.02
    assert set(text) == set(string.ascii_letters + "\n !\"',-.:;?")


def test_each_tale_has_a_title_and_an_end(text: str) -> None:
    all_tales = text.removesuffix("\n").split("\n\n\n")
    assert len(all_tales) > 100
    for tale in all_tales:
        title, *paragraphs = tale.split("\n\n")
        assert title == title.upper()
        assert len(paragraphs) > 5
        assert tale.endswith((".", '."', '?"', '!"'))


@pytest.mark.parametrize(
    "mistake",
    [
        r"  ",
        r"[$@{}|^#()/<>*_\[\]]",
        r"\b[Aa] (?!one\b|uni|use|eu)[aeiouAEIOU]\w*",
        r"\b[Aa]n (?!hour|hon|heir)[^aeiouAEIOU\s]\w*",
        r"\b(\w+) \1\b",
        r" [,.;:!?]",
        r"[,;:][,.;:]|\.\.|\?\?|!!|\?\.|\.\?",
        r"[.!?] ['\"]?[a-z]",
        r"\.\" [a-z]",
        r"\n\n[\"']?[a-z]",
        r"(?<!')\b[b-hj-zB-HJ-NP-Z] \w",
    ],
)
def test_no_typical_mistake_of_a_generator(text: str, mistake: str) -> None:
    found = re.search(mistake, text)
    assert found is None, text[max(0, found.start() - 60) : found.end() + 60]


def test_quotes_are_closed(text: str) -> None:
    """A paragraph may leave a quote open only if the next continues the same speech."""
    paragraphs = [each for tale in text.split("\n\n\n") for each in tale.strip().split("\n\n")]
    for paragraph, following in pairwise(paragraphs):
        if paragraph.count('"') % 2:
            assert following.startswith('"'), paragraph


def test_few_sentences_are_repeated(text: str) -> None:
    sentences = Counter(re.split(r"(?<=[.!?])[\"']?\s+", text))
    total = sum(count for sentence, count in sentences.items() if len(sentence) > 40)
    repeated = sum(
        count for sentence, count in sentences.items() if len(sentence) > 40 and count > 1
    )
    assert repeated / total < 0.12


def test_every_rule_exists_and_is_used() -> None:
    rules = load_rules()
    templates = "\n".join(template for each in rules.values() for template in each)
    named = set(re.findall(r"\$(\w+)", templates))
    cast = {f"role_{role}" for role in re.findall(r"\{\w+:(\w+)\}", templates)}
    moods = {f"sky_{mood}" for mood in re.findall(r"\{mood=(\w+)\}", templates)}
    # The teller draws the name of a person itself.
    names = {"name_f", "name_m"}
    assert named | cast <= set(rules)
    assert set(rules) - {"tale"} <= named | cast | moods | names


def test_normalize() -> None:
    assert normalize('a  apple , an hour. he said, "a one." it / is ^she') == (
        'An apple, an hour. He said, "a one." It\nIs She'
    )
    assert normalize("# the a end\n\n a unicorn // a hour") == "THE AN END\n\nA unicorn\n\nAn hour"


def test_a_person_cast_inside_a_rule_is_forgotten_after_it() -> None:
    rules = {
        "tale": ("{h:girl}$other @h.he is @h.a",),
        "other": ("{h:boy}@h ran, (|)then",),
        "role_girl": ("f* girl: old girl",),
        "role_boy": ("m boy: boy",),
        "name_f": ("Ann",),
    }
    assert Teller(rules, 1).tell("tale") == "The boy ran, then she is an old girl"


@pytest.mark.parametrize(
    ("separator", "text"),
    [
        (",", "; Comment, ignored.\n\n[a]\none,\n  two three\n; Another.\n\n[b]\n(x|y), $a\n"),
        ("\n", "; Comment, ignored.\n\n[a]\none\ntwo three\n; Another.\n\n[b]\n(x|y)\n$a\n"),
        ("\n---\n", "; Comment, ignored.\n[a]\none\n---\ntwo three\n\n[b]\n(x|y)\n---\n$a\n"),
    ],
)
def test_the_file_format(separator: str, text: str) -> None:
    rules = dict(read_rules(text, separator))
    assert rules == {"a": ("one", "two three"), "b": ("(x|y)", "$a")}


def test_every_text_file_is_read() -> None:
    folder = Path(tales.__file__).parent
    assert {path.name for path in folder.glob("*.txt")} == set(FILES)
