"""Small functions that together reach every kind of kernel, with gradients where there are any.

Run by `bench.kernel_texts`: what counts is the text of the kernels, not the time.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import dualgraph as dg
import dualgraph.nn.functional as F
from bench.ops import CASES, operands

RNG = np.random.default_rng(0)
A, B = (RNG.standard_normal((8, 12)).astype(np.float32) for _ in range(2))
SQUARE = (A[:, :8] @ A[:, :8].T + 8 * np.eye(8, dtype=np.float32)).astype(np.float64)
IMAGES = RNG.standard_normal((2, 3, 9, 9)).astype(np.float32)
FILTERS = RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)
SERIES = RNG.standard_normal((2, 3, 16)).astype(np.float32)
INDEX = RNG.integers(0, 8, (8, 12))
ROWS = RNG.integers(0, 8, 5)

Function = Callable[..., Any]
PROGRAMS: dict[str, tuple[Function, tuple[np.ndarray, ...]]] = {
    # element-wise, fused and broadcast
    "chain": (lambda x, y: (dg.tanh(x) * dg.sigmoid(y) + dg.exp(-x * x)).sum(), (A, B)),
    "broadcast": (lambda x, y: x[:, :1] * y + y[:1], (A, B)),
    "columns": (lambda x, y: x.t() * 2 + y.t(), (A, B)),
    "where": (lambda x, y: dg.where(x > y, x.clamp(-1, 1), dg.log1p(y * y)), (A, B)),
    "special": (lambda x, y: dg.erf(x) + dg.lgamma(y.abs() + 1), (A, B)),
    "float64": (lambda x: dg.sin(x) / dg.sqrt(x * x + 1), (SQUARE,)),
    "float16": (lambda x: (x.half() * 2 + 1).float(), (A,)),
    "integers": (lambda i: (i * 3 + 1) % 5 + (i << 1), (INDEX,)),
    "in place": (lambda x, y: (x * 1).add_(y).mul_(2), (A, B)),
    # reductions and rows
    "sum all": (lambda x: x.sum(), (A,)),
    "sum rows": (lambda x: (x * x).sum(1), (A,)),
    "mean columns": (lambda x: x.mean(0), (A,)),
    "prod": (lambda x: x.prod(1), (A,)),
    "amax": (lambda x: x.amax(0), (A,)),
    "argmax": (lambda x: x.argmax(1), (A,)),
    "var": (lambda x: x.var(1), (A,)),
    "logsumexp": (lambda x: x.logsumexp(1), (A,)),
    "float16 sum": (lambda x: x.half().sum(1), (A,)),
    "norm": (lambda x: dg.linalg.vector_norm(x, 2, 1), (A,)),
    "rms_norm": (lambda x: F.rms_norm(x, (12,)), (A,)),
    "group_norm": (lambda x: F.group_norm(x, 3), (IMAGES,)),
    # scans and sorting
    "cumsum": (lambda x: x.cumsum(1), (A,)),
    "cumprod": (lambda x: x.cumprod(0), (A,)),
    "cummax": (lambda x: dg.cummax(x, 1)[0], (A,)),
    "sort": (lambda x: x.sort(1)[0], (A,)),
    "argsort": (lambda x: x.argsort(0), (A,)),
    "topk": (lambda x: x.topk(3, 1)[0], (A,)),
    "median": (lambda x: x.median(1).values, (A,)),
    # shapes and indices
    "cat": (lambda x, y: dg.cat((x, y), 1).view(4, -1), (A, B)),
    "pad": (lambda x: F.pad(x, (1, 2)), (A,)),
    "flip": (lambda x: x.flip(0)[1::2, ::3], (A,)),
    "gather": (lambda x, i: x.gather(0, i), (A, INDEX)),
    "scatter_add": (lambda x, i: x.scatter_add(0, i, x), (A, INDEX)),
    "index_select": (lambda x, i: x.index_select(0, i), (A, ROWS)),
    "index": (lambda x, i: x[i], (A, ROWS)),
    "masked_fill": (lambda x: x.masked_fill(x > 0.5, 2.0), (A,)),
    "embedding": (lambda x, i: F.embedding(i, x), (A, ROWS)),
    # contractions, windows, losses
    "matmul": (lambda x, y: x @ y.t(), (A, B)),
    "bmm": (lambda x: x @ x.transpose(-2, -1), (SERIES,)),
    "einsum": (lambda x, y: dg.einsum("ij,kj->ik", x, y), (A, B)),
    "linear": (lambda x, y: F.linear(x, y, y[:, 0]), (A, B)),
    "conv2d strided": (lambda x, k: F.conv2d(x, k, stride=2, padding=1), (IMAGES, FILTERS)),
    "conv_transpose2d": (
        lambda x, k: F.conv_transpose2d(x, k.transpose(0, 1)), (IMAGES, FILTERS),
    ),
    "conv1d": (lambda x: F.conv1d(x, x[:, :, :3]), (SERIES,)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2), (IMAGES,)),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 4), (IMAGES,)),
    "interpolate": (
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), (IMAGES,),
    ),
    "unfold": (lambda x: F.unfold(x, 3), (IMAGES,)),
    "dropout": (lambda x: F.dropout(x, 0.5), (A,)),
    "causal attention": (
        lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), (SERIES,),
    ),
    "nll_loss": (lambda x, i: F.nll_loss(F.log_softmax(x, 1)[:5], i), (A, ROWS)),
    # linear algebra: routines, and calls of a library
    "cholesky": (lambda x: dg.linalg.cholesky(x), (SQUARE,)),
    "solve": (lambda x: dg.linalg.solve(x, x[:, :2]), (SQUARE,)),
    "inv": (lambda x: dg.linalg.inv(x), (SQUARE,)),
    "slogdet": (lambda x: dg.linalg.slogdet(x)[1], (SQUARE,)),
    "qr": (lambda x: dg.linalg.qr(x)[1], (SQUARE,)),
    "eigh": (lambda x: dg.linalg.eigh(x)[0], (SQUARE,)),
    "svd": (lambda x: dg.linalg.svdvals(x), (SQUARE,)),
}  # fmt: skip


def with_gradient(function: Function) -> Function:
    """Return a function that returns the result and, if there is one, its sum's gradient."""

    def both(x: Any, *others: Any) -> Any:
        y = function(x, *others)
        return (y, dg.autograd.grad(y.sum(), x)[0]) if y.requires_grad else y

    return both


def op_programs() -> dict[str, tuple[Any, list[Any]]]:
    """Return compiled functions and their arguments, by name."""
    programs = {
        **{k: ((lambda *xs, f=f: f(dg, *xs)), xs) for k, (f, xs) in CASES.items()},
        **PROGRAMS,
    }
    return {
        name: (dg.compile(with_gradient(function)), arguments_of(arrays))
        for name, (function, arrays) in programs.items()
    }


def arguments_of(arrays: tuple[np.ndarray, ...]) -> list[Any]:
    """Return tensors; the first one requires grad if its dtype allows it."""
    if arrays[0].dtype.kind == "f":
        return operands(dg, arrays)
    return [dg.tensor(a) for a in arrays]
