"""Characters to ids and back, whatever the characters are."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.tokenizer import Vocabulary

ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs", "Cc", "So"]), min_size=1)


@given(ANY_TEXT)
def test_encode_and_decode_are_inverse(text: str) -> None:
    vocabulary = Vocabulary(text)
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert vocabulary.encode_corpus(text).tolist() == ids
    assert len(vocabulary) == len(set(text))


@pytest.mark.parametrize(
    "text",
    [
        "".join(map(chr, range(256))),
        "".join(map(chr, range(257))),
        "".join(map(chr, range(1000, 1300))) * 2,
        "".join(map(chr, range(70_000))),  # more ids than there are below the surrogates
        "plain, 🦉 owl and \udcff lone surrogate",
    ],
    ids=["256", "257", "300", "70000", "emoji and surrogate"],
)
def test_large_and_odd_vocabularies(text: str) -> None:
    vocabulary = Vocabulary(text)
    assert vocabulary.decode(vocabulary.encode_corpus(text).tolist()) == text


def test_ids_do_not_depend_on_the_order_of_the_text() -> None:
    assert Vocabulary("abc").encode("cab") == Vocabulary("cba").encode("cab") == [2, 0, 1]


def test_unknown_characters_are_returned_once_each_in_order() -> None:
    vocabulary = Vocabulary("abc ")
    assert vocabulary.split_known("a zebra? zap!") == ("a ba a", "zer?p!")
    assert vocabulary.split_known("abc") == ("abc", "")
    assert vocabulary.split_known("") == ("", "")


@given(ANY_TEXT, ANY_TEXT)
def test_the_known_part_of_a_text_can_be_encoded(corpus: str, prompt: str) -> None:
    vocabulary = Vocabulary(corpus)
    known, unknown = vocabulary.split_known(prompt)
    assert vocabulary.decode(vocabulary.encode(known)) == known
    assert set(known) | set(unknown) == set(prompt)
    assert not any(character in vocabulary for character in unknown)


def test_one_character_that_is_not_ascii_makes_a_long_text_no_slower() -> None:
    """In processor time: a folder of 400 MB with a dash in it took half a minute."""

    def seconds(text: str) -> float:
        vocabulary, times = Vocabulary(text), []
        for _ in range(3):
            began = time.process_time()
            vocabulary.encode_corpus(text)
            times.append(time.process_time() - began)
        return min(times)

    plain = "I have not slept since I did see her stand. " * 50_000
    assert seconds(f"{plain}—") < 4 * seconds(plain)
