"""The compiled loops: exact to the last bits of their number formats, bfloat16 included."""

import numpy as np
import pytest
import torch
from numba import njit
from numpy.typing import NDArray

from engine.model import kernels


def test_powers_are_as_exact_as_float32_allows() -> None:
    """The wider of two neighbouring float32 steps of x is worth 1.2e-7 |x| of e ** x."""
    x = np.linspace(-80, 80, 20_001, dtype=np.float32)[1:-1]
    powers = np.array([kernels.exp(value) for value in x])
    exact = np.exp(x.astype(np.float64))
    assert np.all(np.abs(powers / exact - 1) < 2e-7 + 1.2e-7 * np.abs(x))


@pytest.mark.parametrize("time", [1, 2, 7, 64])
def test_the_causal_softmax_bears_the_widest_scores(time: int) -> None:
    scores = torch.randn(3, time, time, generator=torch.Generator().manual_seed(4))
    scores[1] = torch.where(scores[1] > 0, 46.0, -46.0)
    scores[2] = -46
    future = torch.ones(time, time, dtype=torch.bool).triu(1)
    expected = scores.double().masked_fill(future, -torch.inf).softmax(2)
    kernels.causal_softmax(scores.numpy(), block=time)
    assert not scores[:, future].any()
    # Below 1e-38 a float32 has fewer digits.
    torch.testing.assert_close(scores.double(), expected, rtol=1e-5, atol=1e-38)


uncached = njit(nogil=True, fastmath=True, error_model="numpy")
"""As `kernels.compiled`, but a cached loop of this file would not follow a change of the kernels."""


@uncached
def narrow_all(x: NDArray[np.float32], out: kernels.Product) -> None:
    for i in range(x.shape[0]):
        out[i] = kernels.narrow(x[i], out)


@uncached
def widen_all(x: kernels.Product, out: NDArray[np.float32]) -> None:
    for i in range(x.shape[0]):
        out[i] = kernels.widen(x[i])


def test_every_bfloat16_is_widened_exactly() -> None:
    every = torch.arange(1 << 16, dtype=torch.int32).to(torch.uint16)
    found = torch.empty(1 << 16)
    widen_all(every.numpy(), found.numpy())
    expected = every.view(torch.bfloat16).float()
    assert torch.equal(found.view(torch.int32), expected.view(torch.int32))


def test_rounding_to_bfloat16_is_that_of_torch() -> None:
    """To nearest, ties to even: at and next to every number halfway between two neighbours, at
    every bfloat16 itself, and for infinities."""
    upper = torch.arange(1 << 16, dtype=torch.int64) << 16
    lower = torch.tensor([0x0000, 0x0001, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
    bits = (upper[:, None] + lower).flatten()
    x = bits.to(torch.uint32).view(torch.float32)
    x = x[~x.isnan()]
    assert x.isinf().any()
    found = torch.empty(len(x), dtype=torch.bfloat16)
    narrow_all(x.numpy(), found.view(torch.uint16).numpy())
    assert torch.equal(found.view(torch.int16), x.to(torch.bfloat16).view(torch.int16))


def test_not_a_number_stays_none_in_bfloat16() -> None:
    """Of every such bit pattern that an operation yields: the quiet ones."""
    quiet = torch.tensor([0x7FC00000, 0xFFC00000, 0x7FC00001, 0xFFC12345])
    x = quiet.to(torch.uint32).view(torch.float32)
    found = torch.empty(len(x), dtype=torch.bfloat16)
    narrow_all(x.numpy(), found.view(torch.uint16).numpy())
    assert found.isnan().all()


def test_float32_passes_both_ways_as_it_is() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(1))
    narrowed, widened = torch.empty_like(x), torch.empty_like(x)
    narrow_all(x.numpy(), narrowed.numpy())
    widen_all(x.numpy(), widened.numpy())
    assert torch.equal(narrowed, x)
    assert torch.equal(widened, x)


def test_squared_relu_in_bfloat16_is_that_of_torch() -> None:
    x = torch.arange(1 << 16, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)
    x = x[~x.isnan()].view(-1, 2)
    expected = x.float().relu().square().to(torch.bfloat16)
    kernels.squared_relu(x.view(torch.uint16).numpy())
    assert torch.equal(x, expected)
    assert x.isinf().any()


def test_without_a_folder_for_them_loops_are_compiled_in_each_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**options: object) -> object:
        if "cache" in options:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda loop: loop

    monkeypatch.setattr(kernels, "njit", refuse)
    assert kernels.compiled(len) is len
