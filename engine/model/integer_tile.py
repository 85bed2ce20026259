"""The inner loop of a product of whole numbers, as instructions for an x86 CPU.

Numba does not find them by itself: `pmaddwd` multiplies pairs of 16-bit numbers and adds the two
products, and `vpdpwssd` (AVX-VNNI, AVX-512-VNNI) also adds that to a sum. Either takes in twice as many
numbers at once as a float32 multiplication of the same width.

Numba's cache does not see a change of this file: `engine.model.integer_products` has to change, too.
"""

import platform
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


def _features() -> dict[str, bool]:
    """Of the processor that Numba compiles for, by LLVM's names; none where it is told to leave some
    out. Haswell, the first with AVX2, is for tests."""
    config: Any = numba.config
    if config.CPU_NAME == "haswell":
        return {"avx2": True}
    if config.CPU_NAME or config.CPU_FEATURES or not config.ENABLE_AVX:
        return {}
    try:
        return dict(llvm.get_host_cpu_features())
    except RuntimeError:  # LLVM does not know the processor
        return {}


FEATURES = _features()
WIDE = bool(FEATURES.get("avx512bw"))

LANES = 16 if WIDE else 8
"""32-bit sums in a register."""
VECTORS = 2
ROWS = 8 if WIDE else 6
"""Of these and the vectors, all sums stay in registers."""
COLUMNS = LANES * VECTORS

I32, I64 = ir.IntType(32), ir.IntType(64)
SUMS = ir.VectorType(I32, LANES)
PAIRS = ir.VectorType(ir.IntType(16), 2 * LANES)
FLOATS = ir.VectorType(ir.FloatType(), LANES)
MULTIPLY_ADD = "llvm.x86.avx512.pmaddw.d.512" if WIDE else "llvm.x86.avx2.pmadd.wd"


def supported() -> bool:
    """Whether this processor has the instructions: AVX2, as those of the last ten years have."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and bool(FEATURES.get("avx2"))


if supported():
    # For some processors LLVM takes `vpdpwssd` apart again, as if its sum were what is waited for: 150
    # instead of 240 billion operations a second on a Xeon.
    llvm.set_option("", "-x86-machine-combiner=false")


def _typed(
    _: Any, left: Any, row_step: Any, pair_step: Any, right: Any, sums: Any, pairs: Any
) -> Any:
    return types.void(*[types.int64] * 6), _add_tile


def _add_tile(context: Any, builder: Any, _: Any, arguments: tuple[Any, ...]) -> Any:
    left, row_step, pair_step, right, sums, pairs = arguments
    rows = [builder.add(left, builder.mul(row_step, I64(row))) for row in range(ROWS)]
    before = builder.block
    loop, after = (builder.append_basic_block(name) for name in ("pairs", "summed"))
    builder.branch(loop)

    builder.position_at_end(loop)
    done, offset, right_at = (_counter(builder, before, start) for start in (I64(0), I64(0), right))
    totals = [
        [_counter(builder, before, ir.Constant(SUMS, None)) for _ in range(VECTORS)]
        for _ in range(ROWS)
    ]
    columns = [_load(builder, right_at, vector, PAIRS) for vector in range(VECTORS)]
    for row, of_row in zip(rows, totals, strict=True):
        pair = builder.load(_pointer(builder, builder.add(row, offset), I32), align=4)
        repeated = builder.bitcast(_repeated(builder, pair), PAIRS)
        for column, total in zip(columns, of_row, strict=True):
            added = builder.add(total, builder.call(_multiply_add(builder), [repeated, column]))
            total.add_incoming(added, loop)
    for counter, step in ((done, I64(1)), (offset, pair_step), (right_at, I64(4 * COLUMNS))):
        counter.add_incoming(builder.add(counter, step), loop)
    builder.cbranch(builder.icmp_signed("<", builder.add(done, I64(1)), pairs), loop, after)

    builder.position_at_end(after)
    for row, of_row in enumerate(totals):
        at = builder.add(sums, I64(4 * COLUMNS * row))
        for vector, total in enumerate(of_row):
            summed = builder.sitofp(total.incomings[1][0], FLOATS)
            summed = builder.fadd(_load(builder, at, vector, FLOATS), summed)
            builder.store(summed, _vector(builder, at, vector, FLOATS), align=4 * LANES)
    return context.get_dummy_value()


add_tile: Any = intrinsic(_typed)
"""Adds a product of (ROWS, 2 * pairs) and (2 * pairs, COLUMNS) to float32 `sums` (ROWS, COLUMNS).

The arguments are addresses, steps in bytes and the number of pairs. A pair of `left` is two 16-bit
numbers that follow each other in its row; `right` has the same two of each column side by side,
(pairs, COLUMNS, 2). `right` and `sums` begin at multiples of 64 bytes."""


def _counter(builder: Any, before: Any, start: Any) -> Any:
    """A value that changes with each turn of the loop."""
    counter = builder.phi(start.type)
    counter.add_incoming(start, before)
    return counter


def _multiply_add(builder: Any) -> Any:
    kind = ir.FunctionType(SUMS, [PAIRS, PAIRS])
    return cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
        builder.module, kind, MULTIPLY_ADD
    )


def _repeated(builder: Any, number: Any) -> Any:
    """The number in each lane."""
    undefined = ir.Constant(SUMS, ir.Undefined)
    first = builder.insert_element(undefined, number, I32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(SUMS, [0] * LANES))


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _vector(builder: Any, address: Any, number: int, kind: Any) -> Any:
    """A pointer to the vector of this number from the address on."""
    return _pointer(builder, builder.add(address, I64(4 * LANES * number)), kind)


def _load(builder: Any, address: Any, number: int, kind: Any) -> Any:
    return builder.load(_vector(builder, address, number, kind), align=4 * LANES)
