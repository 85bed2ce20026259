"""The state of the screen after a saved run was renamed, annotated or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.protocol import RunChanged
from tui.compared import renamed, without
from tui.safe_struct import Raw

if TYPE_CHECKING:  # which imports this
    from tui.state import RunState


def with_run_changed(state: RunState, event: RunChanged, shown: RunChanged) -> RunState:
    """The state after a saved run was renamed, annotated or (empty name) deleted.

    `event` has the true names, `shown` the safe ones.
    """
    opened, raw, saved, forked = state.opened, state.raw_opened, state.saved, state.forked
    if opened and raw and shown.name and raw.value.run == event.run:
        opened = replace(opened, run=shown.name)
        raw = Raw(replace(raw.value, run=event.name))
    compared = state.compared if shown.name else without(state.compared, shown.run)
    failure = state.failure
    return replace(
        state,
        opened=opened,
        raw_opened=raw,
        saved=saved and renamed(saved, shown),
        compared=tuple(renamed(curve, shown) for curve in compared),
        forked=forked and renamed(forked, shown),
        runs_changed=state.runs_changed + 1,
        failure=None if failure is not None and failure.during == "runs" else failure,
    )
