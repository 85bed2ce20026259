"""The prompt to sample from when the user has given none."""

from data.text import Text

MAX_LENGTH = 24

_SEARCHED = 1 << 24  # characters, for the prompt of a corpus of the catalog
_BEGINNING = 1 << 16  # characters

_BY_CORPUS = {
    "tinyshakespeare": "ROMEO:",
    "shakespeare": "HAMLET:",
    "tales": "Once upon a time",
}


def default_prompt(name: str, text: Text) -> str:
    """A prompt that occurs in the text, at most `MAX_LENGTH` characters long.

    A corpus of the catalog has its own; for any other text it is the start of the first line.
    """
    if name in _BY_CORPUS and _BY_CORPUS[name] in text[:_SEARCHED]:
        return _BY_CORPUS[name]
    line = text[:_BEGINNING].lstrip()[: 2 * MAX_LENGTH].partition("\n")[0]
    if len(line) <= MAX_LENGTH:
        return line
    return line[:MAX_LENGTH].rpartition(" ")[0] or line[:MAX_LENGTH]
