"""What is returned to the system, is; and what is needed of it comes back."""

import gc
import re
import sys
from pathlib import Path

import pytest
import torch

from engine.memory import collecting_garbage, release_code_pages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is returned")


def pages_of_files() -> int:
    """The kilobytes of files that are mapped and in memory."""
    return int(re.findall(r"RssFile:\s+(\d+)", Path("/proc/self/status").read_text())[0])


def test_code_that_was_read_is_returned_and_used_again() -> None:
    x = torch.randn(50, 50, generator=torch.Generator().manual_seed(1))
    expected = torch.linalg.solve(x, x.exp())
    before = pages_of_files()
    release_code_pages()
    assert pages_of_files() < before / 2
    assert torch.equal(torch.linalg.solve(x, x.exp()), expected)


@pytest.mark.parametrize("enabled", [False, True])
def test_garbage_is_collected_meanwhile_and_otherwise_as_before(*, enabled: bool) -> None:
    before, frozen = gc.isenabled(), gc.get_freeze_count()
    (gc.enable if enabled else gc.disable)()
    try:
        with collecting_garbage():
            assert gc.isenabled()
        assert gc.isenabled() == enabled
        assert gc.get_freeze_count() <= frozen
    finally:
        (gc.enable if before else gc.disable)()
