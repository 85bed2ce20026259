"""Datasets of the Hugging Face Hub as texts: hf:OWNER/NAME or hf:OWNER/NAME:COLUMN."""

import os
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from data.safe_text import safe_text

_PART = r"[A-Za-z0-9_][\w.-]*"
_ADDRESS = re.compile(rf"hf:({_PART}(?:/{_PART})?)(?::(.+))?", re.ASCII)


class Dataset(NamedTuple):
    """A dataset, and which of its columns is the text."""

    repository: str  # OWNER/NAME
    column: str  # empty: the first one with text


def parsed(text: str) -> Dataset:
    """The dataset that is meant. ValueError, with a user-facing message."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(
            f"A dataset is written hf:OWNER/NAME or hf:OWNER/NAME:COLUMN, not '{safe_text(text[:80])}'."
        )
    return Dataset(found[1], found[2] or "")


def page(dataset: Dataset) -> str:
    """The address of a dataset, to look at."""
    return f"{endpoint()}/datasets/{dataset.repository}"


def endpoint() -> str:
    """The address of the Hub, or of the mirror that the environment names."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def host() -> str:
    """The host of the Hub, safe to draw."""
    return safe_text(urlsplit(endpoint()).hostname or endpoint())
