"""Make the README's picture of a report: the page on a saved run, in headless Chromium.

python docs/report.py RUN          draw docs/report.png
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).with_name("report.png")
SIZE = (1000, 990)
"""The head of the page and its curves, in pixels."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def draw(run: str) -> None:
    """Report the run, and draw the beginning of the page. CalledProcessError."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit("No Chromium was found.")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        program = [sys.executable, "-m", "tui", "report", run, "-o", str(page)]
        subprocess.run(program, check=True)
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        target = (f"--screenshot={PICTURE}", f"--window-size={SIZE[0]},{SIZE[1]}", page.as_uri())
        subprocess.run([browser, *options, *target], check=True, capture_output=True)


if __name__ == "__main__":
    draw(sys.argv[1])
