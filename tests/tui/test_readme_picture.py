"""The README's picture: a real run, played back from its events.

`tinygpt-tui train --json` on the default corpus at default settings, then a prompt; of the later
steps every fifth is kept.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from looking import Desk, recorded_app
from textual.pilot import Pilot

from engine.protocol import from_json
from tui.app import TinyGPTApp
from tui.panes.samples import SamplesPane

pytestmark = pytest.mark.usefixtures("at_once")

RUN = Path(__file__).with_name("a_real_run.jsonl")


async def play(pilot: Pilot[None]) -> None:
    assert isinstance(pilot.app, TinyGPTApp)
    desk = Desk(pilot.app, pilot)
    await desk.until(lambda: desk.engine.started)
    await desk.play(*(from_json(line) for line in RUN.read_text(encoding="utf-8").splitlines()))
    await desk.sees("● done", "by step 2,000")
    desk.app.query_one(SamplesPane).scroll_home(animate=False)
    await desk.sees("step      0", "step     50")


def test_a_real_run_120x40(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(recorded_app(), terminal_size=(120, 40), run_before=play)
