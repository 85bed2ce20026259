"""Integer products are those of floats but for rounding, whatever the shape and size."""

import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from engine.model import integer_tile
from engine.model.integer_packing import LIMITS
from engine.model.integer_products import multiply, multiply_columns, multiply_twice
from engine.model.kernels import Array

pytestmark = pytest.mark.skipif(
    not integer_tile.supported(16), reason="this processor does not have AVX2"
)

SHAPES = [(1, 1, 1), (7, 3, 1), (77, 130, 33), (100, 65, 101), (64, 32, 64), (130, 48, 259)]
"""M, N and K: whole blocks, parts of them, and an odd K, or one that does not fill a group."""
ERRORS = {16: 1e-3, 8: 0.03}


@pytest.fixture(
    params=[
        16,
        pytest.param(
            8,
            marks=pytest.mark.skipif(
                not integer_tile.supported(8),
                reason="this processor has neither AVX-VNNI nor AVX-512-VNNI",
            ),
        ),
    ]
)
def bits(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


def normal(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def error(found: Array, expected: Array) -> float:
    """Root mean square, as a fraction of that of what is expected."""
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2)))


def product(bits: int, left: Array, right: Array, *, transposed: bool = False) -> Array:
    """By `multiply`, over memory that holds something else."""
    out = np.full((len(left), right.shape[0 if transposed else 1]), np.nan, np.float32)
    largest = np.empty(left.shape[1], np.float32)
    multiply(LIMITS[bits], left, right, transposed, out, False, largest)
    return out


def product_of_columns(bits: int, left: Array, right: Array) -> Array:
    """The same of the transposed left matrix."""
    out = np.full((left.shape[1], right.shape[1]), np.nan, np.float32)
    largest = np.abs(left).max(0), np.abs(right).max(0)
    multiply_columns(LIMITS[bits], left, right, largest, out)
    return out


@pytest.mark.parametrize(("rows", "columns", "inner"), SHAPES)
def test_a_product_is_near_that_of_floats(bits: int, rows: int, columns: int, inner: int) -> None:
    left, right = normal(rows, inner), normal(inner, columns, seed=2)
    expected = left @ right
    assert error(product(bits, left, right), expected) < ERRORS[bits]
    turned = np.ascontiguousarray(right.T)
    assert error(product(bits, left, turned, transposed=True), expected) < ERRORS[bits]
    out, largest = np.ones_like(expected), np.empty(inner, np.float32)
    multiply(LIMITS[bits], left, right, False, out, True, largest)
    assert error(out - 1, expected) < ERRORS[bits]
    assert np.array_equal(largest, np.abs(left).max(0))


@pytest.mark.parametrize(("rows", "columns", "inner"), SHAPES)
def test_a_product_of_columns_is_near_that_of_floats(
    bits: int, rows: int, columns: int, inner: int
) -> None:
    left, right = normal(inner, rows), normal(inner, columns, seed=2)
    assert error(product_of_columns(bits, left, right), left.T @ right) < ERRORS[bits]


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("rows", [1, 64, 77])
def test_the_products_of_an_mlp_are_near_those_of_floats(bits: int, rows: int, add: bool) -> None:
    """Forward, and backward from a gradient; each over memory that holds something else."""
    width, wide = 33, 70
    x, grad = normal(rows, width), normal(rows, width, seed=2)
    up, down = normal(wide, width, seed=3), normal(width, wide, seed=4)
    relu = np.maximum(x @ up.T, 0)

    def found(left: Array, right: Array, last: Array, hidden: Array, forward: bool) -> list[Array]:
        middle = np.full((rows, wide), np.nan, np.float32)
        out = np.full_like(x, 1 if add else np.nan)
        largest = np.empty(width, np.float32), np.empty(wide, np.float32)
        limit = LIMITS[bits]
        multiply_twice(limit, left, right, middle, hidden, last, out, forward, add, largest)
        assert np.array_equal(largest[0], np.abs(left).max(0))
        assert np.array_equal(largest[1], np.abs(middle).max(0))
        return [middle, out - add]

    forward = found(x, up, down, np.empty((0, wide), np.float32), True)
    expected = [relu**2, relu**2 @ down.T]
    backward = found(grad, down, up, relu**2, False)
    expected += [2 * relu * (grad @ down), 2 * relu * (grad @ down) @ up]
    for ours, theirs in zip(forward + backward, expected, strict=True):
        assert error(ours, theirs) < 2 * ERRORS[bits]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("inner", "tolerance"),
    [(256, 1e-6), (3000, 1e-6), pytest.param(130_000, 1e-4, marks=pytest.mark.thorough)],
)
def test_sums_of_the_largest_numbers_do_not_overflow(
    bits: int, inner: int, tolerance: float, sign: int
) -> None:
    left, right = np.full((3, inner), sign, np.float32), np.ones((inner, 5), np.float32)
    expected = pytest.approx(sign * inner, rel=tolerance)
    assert product(bits, left, right) == expected
    assert product_of_columns(bits, np.ascontiguousarray(left.T), right) == expected


def test_each_row_and_column_is_as_exact_as_the_others(bits: int) -> None:
    sizes = np.float32([1e-12, 1e-3, 1, 1e9])
    left, right = normal(4, 96), normal(96, 4, seed=2)
    rows, columns = left * sizes[:, None], right * sizes
    expected = left @ right
    for found in (
        product(bits, rows, right) / sizes[:, None],
        product(bits, left, columns) / sizes,
        product(bits, left, np.ascontiguousarray(columns.T), transposed=True) / sizes,
        product_of_columns(bits, np.ascontiguousarray(rows.T), right) / sizes[:, None],
        product_of_columns(bits, np.ascontiguousarray(left.T), columns) / sizes,
    ):
        for numbers, others in ((found, expected), (found.T, expected.T)):
            for row, other in zip(numbers, others, strict=True):
                assert error(row, other) < 2 * ERRORS[bits]


def test_zeros_give_zeros(bits: int) -> None:
    some, none = normal(20, 20), np.zeros((20, 20), np.float32)
    for left, right in ((some, none), (none, some), (none, none)):
        assert not product(bits, left, right).any()
        assert not product_of_columns(bits, left, right).any()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_lost(bits: int, odd: float) -> None:
    some, broken = normal(20, 20), normal(20, 20, seed=2)
    broken[3, 4] = odd
    assert not np.isfinite(product(bits, broken, some)[3]).any()
    assert not np.isfinite(product(bits, some, broken)[:, 4]).any()
    assert not np.isfinite(product(bits, some, broken, transposed=True)[:, 3]).any()
    assert not np.isfinite(product_of_columns(bits, broken, some)[4]).any()
    assert not np.isfinite(product_of_columns(bits, some, broken)[:, 4]).any()


@pytest.mark.thorough
@pytest.mark.skipif(
    not integer_tile.FEATURES.get("avx512vnni"), reason="this processor does not have AVX-512-VNNI"
)
def test_a_product_and_its_sum_are_one_instruction(tmp_path: Path) -> None:
    """In a process that compiles: what comes from Numba's cache cannot be looked at."""
    code = (
        "import numpy as np; from engine.model.integer_products import multiply;"
        "x = np.ones((8, 8), np.float32);"
        "multiply(np.int16(5792), x, x, False, x.copy(), False, x[0].copy());"
        "print(*multiply.inspect_asm().values())"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("vpdpwssd") >= integer_tile.ROWS * integer_tile.VECTORS
    assert "vpmaddwd" not in done.stdout


@pytest.mark.thorough
@pytest.mark.skipif(not integer_tile.WIDE, reason="the tests above have run without AVX-512")
@pytest.mark.parametrize(
    ("processor", "feature", "skipped"), [("haswell", "avx2", 32), ("alderlake", "avxvnni", 3)]
)
def test_it_works_without_avx512(
    processor: str, feature: str, skipped: int, tmp_path: Path
) -> None:
    if not llvm.get_host_cpu_features().get(feature):
        pytest.skip(f"this processor does not have {feature}")
    environment = os.environ | {
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": "",  # else those of this processor, AVX-512 among them
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    arguments += ["-m", "thorough or not thorough"]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f" {skipped} skipped" in done.stdout
