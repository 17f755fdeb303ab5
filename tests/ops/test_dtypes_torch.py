"""Against PyTorch, where it is installed: every row of the op table with every dtype.

The first sample of a row is called with each dtype; the results have PyTorch's dtypes, or both
libraries refuse, ours by a named error. float16 results lie within two half-units of PyTorch's.
"""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of
from tests.ops.op_row import Row
from tests.ops.op_table import ROWS
from tests.ops.test_ops_compiled import listed

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

INTEGERS = frozenset({"int8", "int16", "uint8", "int32", "int64"})
ALL = INTEGERS | {"bool"}
HALF, BOOL = frozenset({"float16"}), frozenset({"bool"})
F = "nn.functional."
LENIENT: dict[str, dict[str, frozenset[str]]] = {
    "PyTorch's CPU has no kernel; here it is what the formula gives": {
        "pow": BOOL, "topk": BOOL, "kthvalue": BOOL, "median": BOOL, "nanmedian": BOOL,
        "searchsorted": BOOL, "bucketize": BOOL, "trace": BOOL, "mvlgamma": BOOL,
        "trapezoid": BOOL, "cumulative_trapezoid": BOOL, "hypot": ALL, "logaddexp": ALL,
        "logaddexp2": ALL, "linalg.vecdot": ALL, "quantile": HALF, "nanquantile": HALF,
        "cdist": HALF, "pdist": HALF, "special.zeta": HALF, "special.erfcx": HALF,
        "special.log_ndtr": HALF,
        "special.ndtri": HALF, "max_pool1d": INTEGERS, "adaptive_max_pool1d": INTEGERS,
        **{f"{F}adaptive_max_pool{d}d": INTEGERS for d in (1, 2, 3)},
        **{f"{F}max_unpool{d}d": INTEGERS for d in (1, 2, 3)},
        f"{F}fold": INTEGERS, f"{F}unfold": INTEGERS, f"{F}avg_pool3d": HALF,
        f"{F}lp_pool3d": HALF | {"bool", "int64"}, f"{F}huber_loss": INTEGERS,
        f"{F}smooth_l1_loss": INTEGERS, f"{F}gaussian_nll_loss": INTEGERS,
        f"{F}multi_margin_loss": HALF, f"{F}multilabel_margin_loss": HALF,
        f"{F}interpolate": ALL - {"uint8"},
    },
    "PyTorch refuses the dtype; here the difference of bools is one of floats": {
        f"{F}tanhshrink": BOOL, f"{F}kl_div": BOOL, f"{F}poisson_nll_loss": BOOL,
    },
    "bounds that the dtype cannot hold: PyTorch refuses one and rounds the other": {
        f"{F}hardtanh": frozenset({"uint8"}), f"{F}hardtanh_": frozenset({"uint8"}),
    },
    "averages and products of windows are made of floats; cast first": {
        "avg_pool1d": INTEGERS, "conv1d": INTEGERS, "conv2d": INTEGERS, "conv3d": INTEGERS,
        **{f"conv_transpose{d}d": INTEGERS for d in (1, 2, 3)},
        f"{F}avg_pool2d": INTEGERS, f"{F}avg_pool3d": INTEGERS, f"{F}local_response_norm": INTEGERS,
        **{f"{F}lp_pool{d}d": ALL for d in (1, 2, 3)},
    },
    "losses that compare vectors are made of floats; cast first": {
        f"{F}{name}": ALL
        for name in (
            "margin_ranking_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
            "cosine_embedding_loss",
        )
    },
    "the sample adds an identity, of which PyTorch's call makes a float32 one": {
        "linalg.solve_triangular": ALL | HALF,
    },
}  # fmt: skip
"""By reason, row and dtype: where one of the two refuses, and the other computes."""

ROUNDED_MORE = {
    "prod", "cosine_similarity", "matrix_exp", "special.ndtr", f"{F}grid_sample",
    f"{F}hinge_embedding_loss", "vdot",
}  # fmt: skip
"""Where PyTorch rounds more than once in float16; the next suite compares with float32 exactly."""


def outcome(row: Row, api: Any, tensors: list[Any], kwargs: dict[str, Any]) -> tuple[str, Any]:
    """Return the dtypes of the results and the results, or that there is an error, and which."""
    try:
        out = listed(row.run(api, tensors, kwargs))
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        return "error", error
    return ",".join(str(getattr(x, "dtype", type(x))).split(".")[-1] for x in out), out


def allowed(row: Row, dtype: str) -> bool:
    """Tell what the table of differences names."""
    return any(dtype in rows.get(row.name, ()) for rows in LENIENT.values())


def arrays_of(row: Row, dtype: str) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Return the inputs of the first sample that takes floats, or of the first."""
    floating = [s for s in row.samples if not s.only or "float32" in s.only]
    sample = (floating if dtype == "float16" and floating else list(row.samples))[0]
    if dtype != "float16":
        return row.arrays(sample, dtype), sample.kwargs
    arrays = row.arrays(sample, "float32")
    return [a.astype(np.float16) if a.dtype.kind == "f" else a for a in arrays], sample.kwargs


@pytest.mark.parametrize("dtype", ["float16", "int8", "int16", "uint8", "int32", "int64", "bool"])
def test_dtypes_and_errors(dtype: str) -> None:
    """PyTorch's result dtypes or a named error where PyTorch has one, but for the table's rows."""
    wrong = []
    for row in ROWS:
        if not row.torch:
            continue
        try:
            arrays, kwargs = arrays_of(row, dtype)
        except ValueError:  # the row's domain holds no such number
            continue
        theirs = {k: list(v) if k == "sections" and isinstance(v, tuple) else v
                  for k, v in kwargs.items()}  # fmt: skip
        ours, found = outcome(row, dg, [dg.from_numpy(a.copy()) for a in arrays], kwargs)
        twins = [torch.tensor(np.ascontiguousarray(a)).reshape(a.shape) for a in arrays]
        expected, wanted = outcome(row, torch, twins, theirs)
        if ours == "error" and not isinstance(found, dg.errors.DualgraphError):
            wrong.append((row.name, "not a named error", repr(found)))
        if ours != expected and not allowed(row, dtype):
            wrong.append((row.name, ours, expected, str(found if ours == "error" else wanted)[:99]))
        elif ours == expected != "error" and dtype == "float16" and row.name not in ROUNDED_MORE:
            wrong += [(row.name, e) for e in map(error_of, found, wanted) if e]
    assert not wrong, "\n".join(map(str, wrong))


def error_of(ours: Any, theirs: Any) -> str:
    """Return how far float16 results are apart, when that is more than two half-units."""
    x, y = array_of(ours), theirs.detach().numpy()
    if x.dtype != np.float16:
        return ""
    a, b = x.astype(np.float64), y.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=2.0**-14)
    far = ~same & ~(np.abs(a - b) <= 2.0**-10 * scale)
    return f"{a[far][:3]}, not {b[far][:3]}" if far.any() else ""
