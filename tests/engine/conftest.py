"""What the engine's tests share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Models this small gain nothing from a second thread, and lose much beside another process."""
    torch.set_num_threads(1)
