"""The ladder: how well simple models predict held-out text, from the frequencies of letters to
groups of six, and the compressor xz. They are what a trained model is compared with.

An n-gram model predicts a character from the n - 1 before it, by how often each character followed
them in the training part. Here all orders are interpolated, with the discounts of Kneser and Ney
(Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", 1998, section
2.7): from the count of each group of characters a little is taken, and given to what the next
shorter group predicts, and so on down to a uniform guess among the vocabulary. So every character
has a probability, and all of them add up to 1. A shorter group does not count how often it occurs,
but after how many different characters.
"""

import lzma
from collections.abc import Generator, Iterator
from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.text import Text

Rung = tuple[str, float]
"""A name, and a loss in nats per character."""

ORDERS = (
    "letter frequencies",
    "letter pairs",
    "letter triples",
    "groups of four",
    "groups of five",
    "groups of six",
)
"""The n-gram models from order 1 on."""
XZ = "xz"

MOST_TRAINING = 1 << 20
"""Characters that are counted: the last ones of a longer training part."""
MOST_VALIDATION = 100_000
"""Characters that are predicted: of a longer validation part, so many that are evenly spread over
it. xz, which needs text without gaps, compresses its first ones."""
FEWEST_FOR_XZ = 1_000
"""Characters of the validation part without which the bytes of xz say nothing."""

_DISCOUNT = 0.5  # where no group occurs once, from which it would follow
_PIECES = 100  # of a longer validation part
_CHUNK = 1 << 15  # bytes that are compressed in one slice
# Bytes that xz looks back, at most and at least; they also bound its memory.
_DICTIONARY = 1 << 23
_FEWEST_IN_DICTIONARY = 1 << 12
_Ids = NDArray[np.signedinteger[Any]]


def measure(training: Text, validation: Text, vocabulary: int) -> Iterator[Rung | None]:
    """The rungs one after the other, and None after each slice of work between them: a slice takes
    well under 0.3 s.

    `vocabulary`: the number of different characters, also those that neither part has. The first
    character of the validation part is not predicted, as by the model. An order whose groups are
    longer than the training part is left out, and so is xz for a short validation part.
    """
    counted = training[max(0, len(training) - MOST_TRAINING) :]
    yield from _ngrams(counted, validation, vocabulary)
    yield from _xz(counted, validation[:MOST_VALIDATION])


def _ngrams(training: str, validation: Text, vocabulary: int) -> Iterator[Rung | None]:
    """The n-gram models, each from the one before it.

    Groups of characters are known by numbers: `groups[i]` is that of the group which ends at the
    training character i + order - 1. A group that is longer by one, at its start, gets the number of
    its place among the sorted pairs of shorter group and new character, so that numbers stay below
    the length of the text, whatever the order and the vocabulary.
    """
    if not training or len(validation) < 2:
        return
    read, places = _sample(validation)
    text, held_out, distinct = _as_ids(training, read)
    yield None
    groups = np.zeros(len(text) + 1, text.dtype)  # of order 0: the empty one, at every place
    # Of each place, the group that ends there, and the context before it; -1: not in the training.
    ends = np.zeros(len(places), np.int64)
    contexts = np.zeros(len(places), np.int64)
    shorter = np.full(len(places), 1 / vocabulary)
    level: _Level | None = None
    for order, name in enumerate(ORDERS[: len(text)], 1):
        keys = groups[1:] * distinct + text[: len(text) - order + 1]
        by_key = np.argsort(keys)
        yield None
        table, first, counts, longer = _number(keys, by_key)
        yield None
        if level is not None:
            different = np.bincount(table // distinct, minlength=len(level.context_of))
            shorter = level.predict(different, shorter)
        ends = _lookup(table, ends, held_out, places - order + 1, distinct)
        level = _Level(groups[by_key[first]], ends, contexts)
        losses = -np.log(level.predict(counts, shorter))
        contexts = _lookup(table, contexts, held_out, places - order, distinct)
        groups = longer
        yield name, float(np.mean(losses))


class _Level(NamedTuple):
    """The groups of one order."""

    context_of: _Ids
    """Of each group of the training part, by its number: that of the context it continues."""
    ends: _Ids
    """Of each place that is predicted: the group that ends there, or -1."""
    contexts: _Ids
    """And the context before it, or -1."""

    def predict(self, counts: _Ids, shorter: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of the character at each place, from the counts of the groups and what the
        shorter ones predict."""
        once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
        discount = once / (once + 2 * twice) if once else _DISCOUNT
        size = int(self.context_of.max()) + 1
        total = np.bincount(self.context_of, counts, size)
        kinds = np.bincount(self.context_of, counts > 0, size)
        # A context that is only at the end of the training part is followed by nothing.
        known = (self.contexts >= 0) & (self.contexts < size)
        context = np.where(known, self.contexts, 0)
        known &= total[context] > 0
        count = np.where(self.ends >= 0, counts[self.ends], 0)
        given = np.maximum(count - discount, 0) + discount * kinds[context] * shorter
        return np.where(known, given / np.where(known, total[context], 1), shorter)


def _as_ids(training: str, validation: str) -> tuple[_Ids, _Ids, int]:
    """Both texts as the numbers of their characters, and how many different ones they have. In 32
    bits where every key of a group fits into them: it is the memory of a run that is measured."""
    encoded = (training + validation).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(encoded, np.uint32)
    present = np.zeros(int(points.max()) + 1, np.int64)
    present[points] = 1
    distinct = int(present.sum())
    kind: type[np.signedinteger[Any]] = (
        np.int32 if (len(training) + 1) * distinct < 1 << 31 else np.int64
    )
    ids = (np.cumsum(present) - 1).astype(kind)[points]
    return ids[: len(training)], ids[len(training) :], distinct


def _sample(validation: Text) -> tuple[str, _Ids]:
    """What is read of the validation part, and the places in it that are predicted: all but the
    first, or pieces that are evenly spread, each behind the characters that it needs."""
    if len(validation) - 1 <= MOST_VALIDATION:
        return validation[:], np.arange(1, len(validation))
    before = len(ORDERS)
    length = before + MOST_VALIDATION // _PIECES
    starts = [i * (len(validation) - length) // (_PIECES - 1) for i in range(_PIECES)]
    read = "".join(validation[start : start + length] for start in starts)
    places = np.arange(len(read)).reshape(_PIECES, length)[:, before:]
    return read, places.ravel()


def _number(keys: _Ids, by_key: _Ids) -> tuple[_Ids, _Ids, _Ids, _Ids]:
    """The different keys in order; where each begins in the sorted keys, and how often it is there;
    and the number of each of `keys`, which is its place in the first. `by_key` sorts them."""
    in_order = keys[by_key]
    begins = np.ones(len(keys), bool)
    begins[1:] = in_order[1:] != in_order[:-1]
    first = np.flatnonzero(begins)
    numbers = np.empty_like(keys)
    numbers[by_key] = np.cumsum(begins, dtype=keys.dtype) - 1
    return in_order[first], first, np.diff(first, append=len(keys)), numbers


def _lookup(table: _Ids, groups: _Ids, text: _Ids, added: _Ids, distinct: int) -> _Ids:
    """The numbers of groups that are longer by the characters of `text` at `added`, at their start;
    -1 for one that the table of keys does not have, or that would begin before the text."""
    keys = groups * distinct + text[np.maximum(added, 0)]
    at = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where((groups >= 0) & (added >= 0) & (table[at] == keys), at, -1)


def _xz(training: str, validation: str) -> Iterator[Rung | None]:
    """What the validation part adds to a file that xz compresses, after the training part."""
    if len(validation) < FEWEST_FOR_XZ:
        return
    alone = yield from _compressed(training)
    both = yield from _compressed(training + validation)
    yield XZ, (both - alone) * 8 * log(2) / len(validation)


def _compressed(text: str) -> Generator[None, None, int]:
    """The bytes of a text that xz compresses, without those of the file around it."""
    content = text.encode("utf-8", "surrogatepass")
    dictionary = min(max(len(content), _FEWEST_IN_DICTIONARY), _DICTIONARY)
    lzma2 = {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": dictionary}
    compressor = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=[lzma2])
    size = 0
    for start in range(0, len(content), _CHUNK):
        size += len(compressor.compress(content[start : start + _CHUNK]))
        yield None
    return size + len(compressor.flush())
