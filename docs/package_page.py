"""The README as a package index shows it. Hatch runs this whenever a package is built.

An index has no files of the checkout. TINYGPT_URL, the public address of the repository, makes
pictures and links absolute, and gives the project its links. Without it pictures are left out and
links are plain text, so that nothing on the page is broken:

    TINYGPT_URL=https://... python -m hatchling build
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[(.*?)\]\((?!http)(.*?)\)")
_LINK = re.compile(r"\[(.*?)\]\((?!http)(.*?)\)")


class PackagePage(MetadataHookInterface):
    """Fills in `readme` and `urls` of the metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        url = os.environ.get("TINYGPT_URL", "").rstrip("/")
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": page(readme, url)}
        metadata["urls"] = project_urls(url) if url else {}


def page(readme: str, url: str) -> str:
    """The README without relative links. `url`: of the repository, or empty."""
    if not url:
        return _LINK.sub(r"\1", _PICTURE.sub("", readme))
    absolute = _PICTURE.sub(rf"![\1]({url}/raw/HEAD/\2)", readme)
    return _LINK.sub(rf"[\1]({url}/blob/HEAD/\2)", absolute)


def project_urls(url: str) -> dict[str, str]:
    """The links that an index shows next to the page."""
    return {
        "Source": url,
        "Documentation": f"{url}/tree/HEAD/docs",
        "Changelog": f"{url}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }
