"""A terminal that closes is one reason to end, however often it is noticed."""

import os
import signal
import sys
from unittest.mock import MagicMock

import pytest

from tui import signals
from tui.signals import SignalGuard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


def test_a_closed_terminal_does_not_count_as_a_second_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system reports it, and the app notices it too: the run is still to be saved."""
    begun: list[int] = []
    ended: list[int] = []
    guard = SignalGuard(begun.append, seconds=60, reset=b"")
    monkeypatch.setattr(signals, "Timer", MagicMock())  # the time limit would outlive the test
    monkeypatch.setattr(signals.os, "_exit", ended.append)
    monkeypatch.setattr(signals, "_hung_up", lambda _: True)
    with open(os.devnull) as nowhere:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", nowhere)
        guard.watch()
        try:
            signal.raise_signal(signal.SIGHUP)
            guard.look_at_terminal()
        finally:
            guard.forget()
    assert begun == [signal.SIGHUP]
    assert ended == []
