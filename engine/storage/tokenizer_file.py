"""`tokenizer.json` in the folder of a run: what its tokens are, where they were learned."""

import hashlib
from pathlib import Path

from engine.model.tokenizer import Tokenizer
from engine.model.tokenizer_file import FILE_LIMIT
from engine.model.tokenizers import tokenizer_of
from engine.storage.run_info import TOKENIZER_FILE, RunInfo, TokenizerInfo


def info_of(tokenizer: Tokenizer) -> TokenizerInfo | None:
    """What `run.json` says of it; None: it follows from the config and the characters."""
    if not tokenizer.file:
        return None
    return TokenizerInfo(hashlib.sha256(tokenizer.file).hexdigest(), len(tokenizer))


def read_tokenizer(folder: Path, info: RunInfo) -> Tokenizer:
    """The tokenizer of a saved run. ValueError, with a user-facing message, if it is not the one
    that the run was trained with, or its package is missing; OSError."""
    content = b""
    if info.config.model.tokenizer == "bpe":
        with (folder / TOKENIZER_FILE).open("rb") as file:
            content = file.read(FILE_LIMIT)
    return known_tokenizer(info, content)


def known_tokenizer(info: RunInfo, content: bytes) -> Tokenizer:
    """The tokenizer of a run by the content of its file. ValueError as from `read_tokenizer`."""
    wanted = info.tokenizer.sha256 if info.tokenizer else hashlib.sha256(b"").hexdigest()
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ValueError(f"{TOKENIZER_FILE} is not the one that it was trained with")
    tokenizer = tokenizer_of(info.config.model, info.corpus.characters, content)
    if info_of(tokenizer) != info.tokenizer:
        raise ValueError(f"{TOKENIZER_FILE} does not have the tokens that run.json says")
    return tokenizer
