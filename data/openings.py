"""Words to begin from, when a person has given none: the text's own kind of beginning."""

LONGEST = 24

_KNOWN = {
    "tinyshakespeare": "ROMEO:",
    "shakespeare": "HAMLET:",
    "tales": "Once upon a time",
}


def opening_of(name: str, text: str) -> str:
    """A short prompt that suits the text: known for the catalog, else its first words."""
    if name in _KNOWN and _KNOWN[name] in text:
        return _KNOWN[name]
    line = text.lstrip()[: 2 * LONGEST].partition("\n")[0]
    if len(line) <= LONGEST:
        return line
    return line[:LONGEST].rpartition(" ")[0] or line[:LONGEST]
