"""The page of a report in headless Chromium."""

from pathlib import Path

import browser
import pytest
from command_line import invoked
from driving import saved_run

SHOWN = """(() => {
  const shown = [...document.querySelectorAll("h2, table, figure svg, pre")];
  return document.querySelector("footer") && {
    headings: shown.filter((one) => one.tagName === "H2").map((one) => one.innerText),
    hidden: shown.filter((one) => !one.getBoundingClientRect().height).length,
    styled: getComputedStyle(document.querySelector("main")).maxWidth,
    wide: document.documentElement.scrollWidth > innerWidth,
    dashes: getComputedStyle(document.querySelector("path.line.s1")).strokeDasharray,
  };
})()"""


@pytest.mark.skipif(not browser.CHROMIUM, reason="no chromium program is found")
async def test_the_page_is_drawn_and_asks_for_nothing(verse_file: Path, tmp_path: Path) -> None:
    """All of it has a height, its style counts, and the file is all that is requested."""
    path = tmp_path / "report.html"
    assert invoked("report", saved_run(verse_file), "-o", path).exit_code == 0
    async with browser.chromium(tmp_path / "profile") as page:
        await page.open(path.as_uri())
        shown = await page.evaluate(SHOWN)
        while shown is None:
            shown = await page.evaluate(SHOWN)
    assert shown["headings"] == [
        "Curves",
        "The ladder",
        "What it writes",
        "Where the loss lives",
        "To train it again",
        "Text, machine and settings",
    ]
    assert (shown["hidden"], shown["styled"], shown["wide"]) == (0, "960px", False)
    assert shown["dashes"] == "8px, 4px"
    assert page.requested == [path.as_uri()]
