"""Which tokenizer a run has."""

from data.text import Text
from engine.config import ModelConfig
from engine.model.byte_level import ByteTokenizer
from engine.model.tokenizer import Tokenizer, Vocabulary


def new_tokenizer(config: ModelConfig, characters: str, training: Text) -> Tokenizer:
    """The tokenizer of a new run. `characters`: those of its text. `training`: the part of the text
    that is trained on, the only one that tokens are learned from. ValueError, with a user-facing
    message, if the text cannot be encoded, or a package is missing."""
    if config.tokenizer == "bpe":
        from engine.model.bpe import learn  # an extra

        return tokenizer_of(config, characters, learn(training, config.vocabulary))
    return tokenizer_of(config, characters)


def tokenizer_of(config: ModelConfig, characters: str, content: bytes = b"") -> Tokenizer:
    """The tokenizer of a saved run. `content`: of its `tokenizer.json`, where it has one. ValueError,
    with a user-facing message, as from `new_tokenizer`, or if that cannot be read."""
    match config.tokenizer:
        case "characters":
            return Vocabulary(characters)
        case "bytes":
            tokenizer: Tokenizer = ByteTokenizer(characters)
        case "bpe":
            from engine.model.bpe import BPETokenizer  # an extra

            tokenizer = BPETokenizer(characters, content)
    _, halves = tokenizer.split_known(characters)
    if halves:
        raise ValueError(
            f"The text has {len(halves)} halves of characters (lone surrogates, such as "
            f"U+{ord(halves[0]):04X}), which have no bytes: model.tokenizer=characters reads them."
        )
    return tokenizer
