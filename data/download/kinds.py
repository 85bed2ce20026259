"""What kinds of text are downloaded; and the error for one that has to be. The first paint waits for
this module, so it imports next to nothing."""

from data.download.known import KNOWN

URLS = ("https://", "http://")
"""How an address of the web begins."""
DATASET = "hf:"
"""How the name of a dataset of the Hugging Face Hub begins."""


class DownloadNeededError(ValueError):
    """A text that has to be downloaded first. The message says so; `question` asks for it."""

    def __init__(self, address: str, limit_mb: int, message: str, question: str) -> None:
        """`address`: as the user gave it. `limit_mb`: the most that is downloaded."""
        super().__init__(message)
        self.address = address
        self.limit_mb = limit_mb
        self.question = question


def is_remote(text: str) -> bool:
    """Whether a text is downloaded: one known by name, a URL, or a dataset of the Hub."""
    return text in KNOWN or is_url(text) or is_dataset(text)


def is_url(text: str) -> bool:
    """Whether a text is meant as the address of a web page or file."""
    return text[: len(URLS[0])].casefold().startswith(URLS)


def is_dataset(text: str) -> bool:
    """Whether a text is meant as a dataset of the Hub."""
    return text.startswith(DATASET)
