"""Products of whole numbers are those of floats but for rounding, whatever the shape and size."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.model import integer_tile
from engine.model.integer_products import CHUNK, LARGEST, multiply
from engine.model.kernels import Array

pytestmark = pytest.mark.skipif(
    not integer_tile.supported(), reason="this processor does not have AVX2"
)

SHAPES = [(1, 1, 1), (7, 3, 1), (77, 130, 33), (100, 65, 101), (64, 32, 64), (130, 48, 257)]
"""M, N and K: whole blocks, parts of them, and an odd number of products."""


def normal(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def error(found: Array, expected: Array) -> float:
    """Root mean square, as a fraction of that of what is expected."""
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2)))


def product(left: Array, right: Array, *, transposed: bool = False) -> Array:
    """By `multiply`, over memory that holds something else."""
    out = np.full((len(left), right.shape[0 if transposed else 1]), np.nan, np.float32)
    multiply(left, False, right, transposed, (0.0, 0.0), out, False)
    return out


def product_of_columns(left: Array, right: Array) -> Array:
    """The same of the transposed left matrix."""
    out = np.full((left.shape[1], right.shape[1]), np.nan, np.float32)
    largest = float(np.abs(left).max()), float(np.abs(right).max())
    multiply(left, True, right, False, largest, out, False)
    return out


@pytest.mark.parametrize(("rows", "columns", "inner"), SHAPES)
def test_a_product_is_near_that_of_floats(rows: int, columns: int, inner: int) -> None:
    left, right = normal(rows, inner), normal(inner, columns, seed=2)
    expected = left @ right
    assert error(product(left, right), expected) < 1e-3
    turned = np.ascontiguousarray(right.T)
    assert error(product(left, turned, transposed=True), expected) < 1e-3
    out = np.ones_like(expected)
    largest = multiply(left, False, right, False, (0.0, 0.0), out, True)
    assert error(out - 1, expected) < 1e-3
    assert largest == np.abs(left).max()


@pytest.mark.parametrize(("rows", "columns", "inner"), SHAPES)
def test_a_product_of_columns_is_near_that_of_floats(rows: int, columns: int, inner: int) -> None:
    left, right = normal(inner, rows), normal(inner, columns, seed=2)
    assert error(product_of_columns(left, right), left.T @ right) < 1e-3


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_of_the_largest_numbers_do_not_overflow(sign: int) -> None:
    left = np.full((3, 4 * CHUNK), sign * LARGEST, np.float32)
    right = np.full((4 * CHUNK, 5), LARGEST, np.float32)
    expected = sign * float(LARGEST) ** 2 * 4 * CHUNK
    assert product(left, right) == pytest.approx(expected)
    assert product_of_columns(np.ascontiguousarray(left.T), right) == pytest.approx(expected)


def test_each_row_is_as_exact_as_the_others() -> None:
    sizes = np.float32([1e-12, 1e-3, 1, 1e9])[:, None]
    left, right = normal(4, 96), normal(96, 40, seed=2) * np.float32(1e6)
    found = product(left * sizes, right)
    for row, expected in zip(found, (left * sizes) @ right, strict=True):
        assert error(row, expected) < 1e-3


def test_zeros_give_zeros() -> None:
    some, none = normal(20, 20), np.zeros((20, 20), np.float32)
    for left, right in ((some, none), (none, some), (none, none)):
        assert not product(left, right).any()
        assert not product_of_columns(left, right).any()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_lost(odd: float) -> None:
    some, broken = normal(20, 20), normal(20, 20, seed=2)
    broken[3, 4] = odd
    assert not np.isfinite(product(broken, some)[3]).any()
    assert not np.isfinite(product(some, broken)).any()
    assert not np.isfinite(product_of_columns(broken, some)).any()


@pytest.mark.thorough
@pytest.mark.skipif(
    not integer_tile.FEATURES.get("avx512vnni"), reason="this processor does not have AVX-512-VNNI"
)
def test_a_product_and_its_sum_are_one_instruction(tmp_path: Path) -> None:
    """In a process that compiles: what comes from Numba's cache cannot be looked at."""
    code = (
        "import numpy as np; from engine.model.integer_products import multiply;"
        "x = np.ones((8, 8), np.float32); multiply(x, False, x, False, (0.0, 0.0), x.copy(), False);"
        "print(*multiply.inspect_asm().values())"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("vpdpwssd") >= integer_tile.ROWS * integer_tile.VECTORS
    assert "vpmaddwd" not in done.stdout


@pytest.mark.thorough
@pytest.mark.skipif(not integer_tile.WIDE, reason="the tests above have run with AVX2")
def test_it_works_with_avx2_alone(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CPU_NAME": "haswell", "NUMBA_CACHE_DIR": str(tmp_path)}
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 skipped" in done.stdout
