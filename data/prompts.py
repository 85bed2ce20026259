"""The prompt to sample from when the user has given none."""

MAX_LENGTH = 24

_SEARCHED = 1 << 24  # characters at the beginning

_BY_CORPUS = {
    "tinyshakespeare": "ROMEO:",
    "shakespeare": "HAMLET:",
    "tales": "Once upon a time",
}


def default_prompt(name: str, text: str) -> str:
    """A prompt that occurs in the text, at most `MAX_LENGTH` characters long.

    A corpus of the catalog has its own; for any other text it is the start of the first line.
    """
    beginning = text[:_SEARCHED]
    if name in _BY_CORPUS and _BY_CORPUS[name] in beginning:
        return _BY_CORPUS[name]
    line = beginning.lstrip()[: 2 * MAX_LENGTH].partition("\n")[0]
    if len(line) <= MAX_LENGTH:
        return line
    return line[:MAX_LENGTH].rpartition(" ")[0] or line[:MAX_LENGTH]
