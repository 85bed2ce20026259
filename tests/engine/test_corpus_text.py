"""The text of a run: written and recognized without a second copy of it in memory."""

import hashlib
import tracemalloc
from pathlib import Path

from data.text import CHUNK
from engine.storage.atomic import replace_file
from engine.storage.corpus_text import sha256_of, utf8_chunks


def test_it_is_the_same_as_if_it_were_encoded_at_once(tmp_path: Path) -> None:
    for text in ("", "plain", "\ud83d" * CHUNK + "\udc00 — ïé🦉" * CHUNK):
        whole = text.encode("utf-8", "surrogatepass")
        replace_file(tmp_path / "corpus.txt", utf8_chunks(text))
        assert (tmp_path / "corpus.txt").read_bytes() == whole
        assert sha256_of(text) == hashlib.sha256(whole).hexdigest()


def test_a_large_text_takes_no_memory_once_more(tmp_path: Path) -> None:
    text = "naïve — " * (4 * CHUNK)
    tracemalloc.start()
    try:
        replace_file(tmp_path / "corpus.txt", utf8_chunks(text))
        sha256_of(text)
        assert tracemalloc.get_traced_memory()[1] < len(text) / 2
    finally:
        tracemalloc.stop()
