"""What `tinygpt-tui --sweep` opens behind the page of the sweep."""

from pathlib import Path

import engine
from data.catalog import default
from engine.config import preset
from engine.protocol import Open, OpenRun, SweepRead
from engine.settings import nearest
from tui.cli.opening import DEFAULT_PRESET

SUFFIX = ".toml"
"""How the file of a sweep ends."""


def opened_sweep(wanted: str, *, alone: bool) -> tuple[str, Open | OpenRun]:
    """The name of a sweep, given by its file or its name, and what is opened: its run with the lowest
    loss, or else its text. `alone`: whether no other option says what to open. ValueError, with a
    user-facing message."""
    if not alone:
        raise ValueError("--sweep shows a sweep, and opens a run of it: it goes alone.")
    name, text, preset_name = wanted, default()[0], DEFAULT_PRESET
    if wanted.endswith(SUFFIX):
        from tui.sweep.plan import read_plan  # not needed otherwise

        plan = read_plan(Path(wanted))
        name, text, preset_name = plan.name, plan.text, plan.preset
    elif wanted not in engine.sweep_names():
        near = nearest(wanted, engine.sweep_names())
        raise ValueError(
            f"There is no sweep {wanted!r}{near}. --sweep takes its file, or its name."
        )
    best = _best(engine.read_sweep(name))
    return name, OpenRun(best, changed_text=True) if best else Open(preset(preset_name, text))


def _best(sweep: SweepRead) -> str:
    """The run that has ended with the lowest loss, if it is still here."""
    there = {*engine.run_names()}
    known = [
        (one.loss, one.run)
        for one in sweep.results
        if one.state == "done" and one.loss is not None and one.run in there
    ]
    return min(known, default=(0.0, ""))[1]
