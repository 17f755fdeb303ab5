"""float16 in every row of the op table: the float32 result rounded once, and equal when compiled.

The first sample of each row that takes float32 is called with float16 in its place. An op that is
one computation, or a composite that computes in float32 (`ops.build.in_float32`), gives exactly
what float32 gives on the same values, rounded once. A gradient is a chain of ops, each of which is
rounded: it lies within a few units of the last place of its largest element.

Each new dtype compiles its kernels anew, so that CI takes every fifth row and those that
matter most; ``pytest --every tests/ops/test_float16_ops.py`` takes all.
"""

import zlib
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal
from tests.ops.op_row import Row, Sample
from tests.ops.op_table import ROWS
from tests.ops.test_ops_compiled import forward_of, leaves, listed, weights_for, with_gradients

REFUSED = {
    "linalg.cholesky", "cholesky", "cholesky_solve", "linalg.lu", "linalg.lu_factor", "linalg.qr",
    "qr", "linalg.solve_triangular", "linalg.solve", "linalg.eigh", "linalg.eigvalsh",
    "linalg.svd", "svd", "linalg.svdvals", "linalg.pinv", "pinverse", "linalg.matrix_rank",
    "linalg.lstsq", "nn.functional.ctc_loss",
}  # fmt: skip
"""Factorizations, and the one loss, that PyTorch refuses for float16 too."""

IN_STEPS = {
    "chain_matmul": "each product is an op, and is rounded; so in PyTorch",
    "rand_like": "numbers below 1 stay below 1: they have float16's digits from the start",
}
PROMOTED = {
    "cholesky_inverse", "linalg.inv", "inverse", "det", "logdet", "slogdet", "matrix_power",
    "linalg.cond",
}  # fmt: skip
"""Whose sample is made safe by adding a float32 identity: the op itself sees float32."""
CANCELS = {"special.erfcx": "the gradient 2 x erfcx(x) - 2 / sqrt(pi) is a small difference"}
UNITS = 8
"""Of a gradient: a rule of up to four ops, each rounded, whose terms exceed the sum a little."""


def narrow_cases() -> list[Any]:
    """Return the first sample of every row that takes float32."""
    found = []
    for row in ROWS:
        samples = [s for s in row.samples if "float32" in (s.only or row.dtypes)]
        if samples and any(np.dtype(a.dtype or "float32").kind == "f" for a in samples[0].args):
            marks = () if chosen(row.name) else pytest.mark.exhaustive
            label = f"{row.name}[{samples[0].label}]"
            found.append(pytest.param(row, samples[0], id=label, marks=marks))
    return found


MUST = (
    "mean", "sum", "var", "softmax", "matmul", "conv2d", "nn.functional.linear", "rrelu", "addmm",
    "layer_norm", "nn.functional.cross_entropy", "nn.functional.mse_loss",
    "nn.functional.scaled_dot_product_attention",
)  # fmt: skip


def chosen(name: str) -> bool:
    """Tell the rows that CI runs: those of `MUST`, what is refused, and a fifth of the others."""
    return name in MUST or name in REFUSED or zlib.crc32(name.encode()) % 5 == 0


CASES = narrow_cases()


def pair_of_inputs(row: Row, sample: Sample) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the inputs in float16, and the same values in float32."""

    def cast(x: np.ndarray, dtype: str) -> np.ndarray:
        return x.astype(dtype) if x.dtype.kind == "f" else x

    narrow = [cast(a, "float16") for a in row.arrays(sample, "float32")]
    return narrow, [cast(a, "float32") for a in narrow]


def rounded(x: Any, like: Any) -> np.ndarray:
    """Return the array of a float32 result, rounded where the other result is float16."""
    array = array_of(x)
    with np.errstate(over="ignore"):
        return array.astype(np.float16) if array_of(like).dtype == np.float16 else array


def assert_near(actual: Any, expected: Any, label: str) -> None:
    """Fail unless float16 gradients are within `UNITS` of the largest element's last place."""
    if expected is None or actual is None:
        assert actual is expected, label
        return
    a, e = array_of(actual).astype(np.float64), array_of(expected).astype(np.float64)
    same = (a == e) | (np.isnan(a) & np.isnan(e)) | (np.isinf(a) & (np.abs(e) > 65504))
    scale = np.max(np.abs(e[np.isfinite(e)]), initial=2.0**-14)
    assert (np.abs(a - e)[~same] <= UNITS * 2.0**-10 * scale).all(), f"{label}: {a}, not {e}"


@pytest.mark.parametrize(("row", "sample"), CASES)
def test_is_float32_rounded_once(row: Row, sample: Sample) -> None:
    """Results and gradients have float16's dtype wherever float32's is float32."""
    narrow, wide = pair_of_inputs(row, sample)
    if row.name in REFUSED:
        with pytest.raises(dg.errors.DTypeError, match="float16"):
            row.run(dg, leaves(narrow), sample.kwargs)
        return
    tensors, twins = leaves(narrow), leaves(wide)
    found = listed(row.run(dg, tensors, sample.kwargs))
    expected = listed(row.run(dg, twins, sample.kwargs))
    for a, e in zip(found, expected, strict=True):
        if row.name not in PROMOTED and "dtype" not in sample.kwargs:
            assert a.dtype == (dg.float16 if e.dtype == dg.float32 else e.dtype)
        if row.name not in IN_STEPS:
            assert_bits_equal(a, rounded(e, a), row.name)
    if row.differentiable and row.name not in CANCELS:
        weights = weights_for(found)
        same = [w.to(dg.float32) if w.dtype is dg.float16 else w for w in weights]
        forward = with_gradients(forward_of(row, sample.kwargs))
        for a, e in zip(forward(weights, *tensors)[1], forward(same, *twins)[1], strict=True):
            assert a is None or a.dtype is dg.float16
            assert_near(a, e, f"gradient of {row.name}")


COMPILED = [
    c
    for c in CASES
    if c.values[0].compiled and c.values[0].name not in REFUSED and c.values[0].name[-1] != "_"
]


@pytest.mark.parametrize(("row", "sample"), COMPILED)
def test_compiled_has_equal_bits(row: Row, sample: Sample) -> None:
    """Forward, and backward where there is one."""
    narrow, _ = pair_of_inputs(row, sample)
    forward = forward_of(row, sample.kwargs)
    if not row.differentiable:
        tensors = [dg.from_numpy(a) for a in narrow]
        assert_bits_equal(listed(dg.compile(forward)(*tensors)), listed(forward(*tensors)))
        return
    tensors = leaves(narrow)
    weights = weights_for(listed(forward(*tensors)))
    function = with_gradients(forward)
    outputs, gradients = function(weights, *tensors)
    compiled_outputs, compiled_gradients = dg.compile(function)(weights, *tensors)
    assert_bits_equal(list(compiled_outputs), outputs, row.name)
    assert_bits_equal(list(compiled_gradients), list(gradients), f"gradient of {row.name}")
