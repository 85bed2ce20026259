"""The inner loop of an integer matrix product, in instructions of an x86 CPU.

Numba does not emit them by itself: `pmaddwd` multiplies pairs of 16-bit integers and adds the two
products, and `vpdpwssd` (AVX-VNNI, AVX-512-VNNI) also accumulates the result; `vpdpbusd` does so with
four products of 8-bit integers. They process twice and four times as many values at once as a float32
multiplication of the same width.

Numba's cache does not see a change of this file: `engine.model.integer_products` has to change, too.
"""

import platform
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

WITHOUT_AVX512 = {"haswell": {"avx2": True}, "alderlake": {"avx2": True, "avxvnni": True}}
"""The first processors with these; to compile for them is for tests."""


def _features() -> dict[str, bool]:
    """Of the processor that Numba compiles for, by LLVM's names; none if some of them are disabled."""
    config: Any = numba.config
    if config.CPU_NAME in WITHOUT_AVX512:
        return WITHOUT_AVX512[config.CPU_NAME]
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
ADD_PAIRS = "llvm.x86.avx512.pmaddw.d.512" if WIDE else "llvm.x86.avx2.pmadd.wd"
ADD_QUADS = f"llvm.x86.avx512.vpdpbusd.{32 * LANES}"


def supported(bits: int) -> bool:
    """Whether this processor has the instructions for integers of so many bits. 16: AVX2, as those of
    the last ten years have; 8: AVX-VNNI or AVX-512-VNNI."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if bits == 16:
        return bool(FEATURES.get("avx2"))
    return bool(FEATURES.get("avx512vnni" if WIDE else "avxvnni"))


if supported(16):
    # For some processors LLVM splits `vpdpwssd` into a product and a sum, as if its latency were the
    # bottleneck: 150 instead of 240 billion operations a second on a Xeon.
    llvm.set_option("", "-x86-machine-combiner=false")


def _multiply_tile(context: Any, builder: Any, signature: Any, arguments: tuple[Any, ...]) -> Any:
    _, left, row_step, step, right, groups, initial, sums, accumulate = arguments
    add = _add_quads if signature.args[0] == types.int8 else _add_pairs
    rows = [builder.add(left, builder.mul(row_step, I64(row))) for row in range(ROWS)]
    starts = [_load(builder, initial, vector, SUMS) for vector in range(VECTORS)]
    before = builder.block
    loop, after = (builder.append_basic_block(name) for name in ("groups", "summed"))
    builder.branch(loop)

    builder.position_at_end(loop)
    done, offset, right_at = (_counter(builder, before, start) for start in (I64(0), I64(0), right))
    totals = [[_counter(builder, before, start) for start in starts] for _ in range(ROWS)]
    columns = [_load(builder, right_at, vector, SUMS) for vector in range(VECTORS)]
    for row, of_row in zip(rows, totals, strict=True):
        group = builder.load(_pointer(builder, builder.add(row, offset), I32), align=4)
        repeated = _repeated(builder, group)
        for column, total in zip(columns, of_row, strict=True):
            total.add_incoming(add(builder, total, repeated, column), loop)
    for counter, by in ((done, I64(1)), (offset, step), (right_at, I64(4 * COLUMNS))):
        counter.add_incoming(builder.add(counter, by), loop)
    builder.cbranch(builder.icmp_signed("<", builder.add(done, I64(1)), groups), loop, after)

    builder.position_at_end(after)
    accumulate = builder.icmp_signed("!=", accumulate, I64(0))
    for row, of_row in enumerate(totals):
        at = builder.add(sums, I64(4 * COLUMNS * row))
        for vector, total in enumerate(of_row):
            summed = builder.sitofp(total.incomings[1][0], FLOATS)
            earlier = _load(builder, at, vector, FLOATS)
            summed = builder.fadd(
                summed, builder.select(accumulate, earlier, ir.Constant(FLOATS, None))
            )
            builder.store(summed, _vector(builder, at, vector, FLOATS), align=4 * LANES)
    return context.get_dummy_value()


def _typed(
    _: Any,
    kind: Any,
    left: Any,
    row_step: Any,
    step: Any,
    right: Any,
    groups: Any,
    initial: Any,
    sums: Any,
    accumulate: Any,
) -> Any:
    return types.void(kind, *[types.int64] * 8), _multiply_tile


multiply_tile: Any = intrinsic(_typed)
"""The product of (ROWS, K) and (K, COLUMNS), plus `initial` (COLUMNS), becomes `sums` (ROWS, COLUMNS) in
float32, or is added to them if `accumulate` is not 0.

`kind` is any value of their common type, int8 or int16; the others are addresses, steps in
bytes and the number of groups. A group is two 16-bit or four 8-bit consecutive integers along K; `right` has those of each column side by side, (groups, COLUMNS) of them. `initial` is int32.
The 8-bit integers of `left` are unsigned. `right`, `initial` and `sums` are aligned to 64
bytes. Partial sums may overflow if the final one does not."""


def _counter(builder: Any, before: Any, start: Any) -> Any:
    """A value that changes with each turn of the loop."""
    counter = builder.phi(start.type)
    counter.add_incoming(start, before)
    return counter


def _add_pairs(builder: Any, total: Any, left: Any, right: Any) -> Any:
    left, right = (builder.bitcast(pairs, PAIRS) for pairs in (left, right))
    return builder.add(total, builder.call(_known(builder, ADD_PAIRS, PAIRS, PAIRS), [left, right]))


def _add_quads(builder: Any, total: Any, left: Any, right: Any) -> Any:
    return builder.call(_known(builder, ADD_QUADS, SUMS, SUMS, SUMS), [total, left, right])


def _known(builder: Any, name: str, *kinds: Any) -> Any:
    """An instruction by LLVM's name, of such arguments, with sums as its result."""
    kind = ir.FunctionType(SUMS, kinds)
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]


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
