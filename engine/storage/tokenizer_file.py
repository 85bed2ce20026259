"""`tokenizer.json` in the folder of a run: what its tokens are, where they were learned."""

import hashlib
from pathlib import Path

from engine.config import ModelConfig
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
    return known_tokenizer(info.config.model, info.corpus.characters, info.tokenizer, content)


def known_tokenizer(
    config: ModelConfig, characters: str, info: TokenizerInfo | None, content: bytes
) -> Tokenizer:
    """The tokenizer of a run by the content of its file. ValueError as from `read_tokenizer`."""
    wanted = info.sha256 if info else hashlib.sha256(b"").hexdigest()
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ValueError(f"{TOKENIZER_FILE} is not the one that it was trained with")
    tokenizer = tokenizer_of(config, characters, content)
    if info_of(tokenizer) != info:
        raise ValueError(f"{TOKENIZER_FILE} does not have the tokens that run.json says")
    return tokenizer
