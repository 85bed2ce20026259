"""What the engine's tests share."""

from collections.abc import Iterator

import pytest
import torch

from engine.training import autotune


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Models this small gain nothing from a second thread, and lose much when another process is busy."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _short_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads and precision are chosen by a thousandth of the work: any choice will do."""
    monkeypatch.setattr(autotune, "TRIAL_FLOPS", 1e6)


@pytest.fixture
def _two_torch_threads() -> Iterator[None]:
    """As a program begins, before it chooses."""
    torch.set_num_threads(2)
    assert torch.get_num_threads() == 2
    yield
    torch.set_num_threads(1)
