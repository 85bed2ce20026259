"""Saves a picture of the screen where it is found again."""

import time
from pathlib import Path

from engine import home


def save_screenshot(svg: str) -> Path:
    """Write a picture into the folder `screenshots` beside the saved runs; OSError."""
    folder = home() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    name = time.strftime("tinygpt %Y-%m-%d %H.%M.%S")
    path = folder / f"{name}.svg"
    number = 2
    while path.exists():
        path = folder / f"{name} ({number}).svg"
        number += 1
    path.write_text(svg, encoding="utf-8")
    return path
