"""Rows of a table by integer index, one by one or summed in bags."""

from math import inf

from ...core.dispatch import compose
from ...core.op import NONDIFF, defcomposite
from ...eager.modes import no_grad
from ...errors import ArgumentError, ShapeError
from ...ops.build import Tensor, need, need_floating, need_index
from ...ops.create.creation import arange, full, zeros, zeros_like
from ...ops.elementwise.elementary import pow, sqrt
from ...ops.elementwise.pointwise import (
    abs,
    add,
    cast,
    clamp,
    div,
    eq,
    ge,
    gt,
    logical_and,
    lt,
    mul,
    ne,
    square,
    where,
)
from ...ops.index.indexing import gather, index_select, scatter_add
from ...ops.reduce.reductions import all as all_, amax, argmax, expand, sum as sum_
from ...ops.shape.views import cat, reshape, unsqueeze
from .losses.common import check_tensors


def _rows(index: Tensor, weight: Tensor, padding: int, by_frequency: bool) -> Tensor:
    picked = index_select(weight, 0, reshape(index, (-1,)))
    return reshape(picked, (*index.value.shape, *weight.value.shape[1:]))


def _rows_vjp(
    g: Tensor, index: Tensor, shape: tuple[int, ...], padding: int, by_frequency: bool
) -> Tensor:
    """Return the cotangents added up by row, in order; none for the padding row."""
    flat = reshape(index, (-1,))
    g = reshape(g, (flat.value.size, *shape[1:]))
    column = reshape(flat, (-1,) + (1,) * (len(shape) - 1))
    if padding >= 0:
        g = where(ne(column, padding), g, 0.0)
    if by_frequency:
        counts = scatter_add(zeros(shape[0], dtype="int64"), 0, flat, cast(eq(flat, flat), "int64"))
        often = cast(index_select(counts, 0, flat), g.value.dtype)
        g = div(g, reshape(often, column.value.shape))
    return scatter_add(zeros(shape, dtype=g.value.dtype), 0, expand(column, *g.value.shape), g)


_EMBEDDING = defcomposite(
    "embedding",
    inputs="index weight",
    forward=_rows,
    vjp=(
        NONDIFF,
        lambda g, index, weight_shape, *, padding, by_frequency: _rows_vjp(
            g, index, weight_shape, padding, by_frequency
        ),
    ),
)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return ``weight[input]``: integers of any shape (*) and rows (V, D) give (*, D).

    ``padding_idx`` names a row that gets no gradient. ``max_norm`` first scales the rows that are
    used down to that ``norm_type``-norm, in place. ``scale_grad_by_freq`` divides a row's gradient
    by how often it was used. Raises `AxisError` for an index out of range, `ArgumentError` for
    ``sparse=True``: gradients are dense.

    >>> import dualgraph as dg
    >>> embedding(dg.tensor([1, 0, 1]), dg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """
    index = _checked("embedding", input, weight, sparse)
    padding = _padding("embedding", padding_idx, weight)
    if max_norm is not None:
        need_floating("embedding", weight)
        _limit_rows(weight, index, float(max_norm), float(norm_type))
    return compose(
        _EMBEDDING, index, weight, padding=padding, by_frequency=bool(scale_grad_by_freq)
    )


def _checked(name: str, input: Tensor, weight: Tensor, sparse: bool) -> Tensor:
    check_tensors(name, input=input, weight=weight)
    need(not sparse, f"{name}: sparse gradients do not exist here; use sparse=False")
    if weight.value.ndim != 2:
        raise ShapeError(f"{name}: weight must be (V, D), got {tuple(weight.value.shape)}")
    return need_index(name, input)


def _padding(name: str, padding_idx: int | None, weight: Tensor) -> int:
    """Return the padding row counted from the front, or -1 for none."""
    rows = weight.value.shape[0]
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise ArgumentError(f"{name}: padding_idx {padding_idx} is out of range for {rows} rows")
    return padding_idx % rows


def _limit_rows(weight: Tensor, index: Tensor, limit: float, p: float) -> None:
    """Scale the rows that are used, where their norm exceeds the limit (divided by norm + 1e-7)."""
    with no_grad():
        table = weight.detach()
        flat = reshape(index, (-1,))
        hits = scatter_add(
            zeros(table.value.shape[0], dtype="int64"), 0, flat, cast(eq(flat, flat), "int64")
        )
        norms = _norms(table, p)
        scale = div(limit, add(norms, 1e-7))
        factor = where(logical_and(gt(hits, 0), gt(norms, limit)), scale, 1.0)
        weight.copy_(mul(table, unsqueeze(factor, 1)))


def _norms(x: Tensor, p: float) -> Tensor:
    if p == 2:
        return sqrt(sum_(square(x), 1))
    if p == inf:
        return amax(abs(x), 1)
    return sum_(abs(x), 1) if p == 1 else pow(sum_(pow(abs(x), p), 1), 1.0 / p)


# --- bags ---------------------------------------------------------------------------------------


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or maximum of the rows of each bag, (B, D); 0 for an empty bag.

    ``input`` is (B, N) of indices, N to a bag, or (N,) with ``offsets`` (B,) where bags start
    (``include_last_offset``: B + 1 of them, the last one the end). ``per_sample_weights``, of the
    input's shape, scales rows (``mode="sum"``). Rows of ``padding_idx`` are left out of their bag.
    The others as `embedding`.
    """
    name = "embedding_bag"
    index = _checked(name, input, weight, sparse)
    need_floating(name, weight)
    _check_bag(name, index, offsets, per_sample_weights, mode, include_last_offset)
    padding = _padding(name, padding_idx, weight)
    if max_norm is not None:
        _limit_rows(weight, index, float(max_norm), float(norm_type))
    flat = reshape(index, (-1,))
    rows = compose(_EMBEDDING, flat, weight, padding=padding, by_frequency=bool(scale_grad_by_freq))
    if per_sample_weights is not None:
        rows = mul(rows, reshape(per_sample_weights, (-1, 1)))
    bags, count, counted = _bags(index, offsets, include_last_offset)
    if padding >= 0:
        outside = ne(flat, padding)
        counted = outside if counted is None else logical_and(counted, outside)
    rows = rows if counted is None else where(unsqueeze(counted, 1), rows, 0.0)
    counted = eq(flat, flat) if counted is None else counted
    if mode == "max":
        return _largest(rows, bags, counted, count)
    zero = zeros(count, rows.value.shape[1], dtype=rows.value.dtype)
    total = scatter_add(zero, 0, expand(unsqueeze(bags, 1), *rows.value.shape), rows)
    if mode == "sum":
        return total
    sizes = scatter_add(zeros(count, dtype="int64"), 0, bags, cast(counted, "int64"))
    return div(total, unsqueeze(cast(clamp(sizes, min=1), total.value.dtype), 1))


def _bags(
    index: Tensor, offsets: Tensor | None, with_end: bool
) -> tuple[Tensor, int, Tensor | None]:
    """Return the bag of each index, how many bags there are, and which indices are in one."""
    if offsets is None:
        count, width = index.value.shape
        return reshape(expand(unsqueeze(arange(count), 1), count, width), (-1,)), count, None
    starts = need_index("embedding_bag", offsets)
    count = starts.value.size - 1 if with_end else starts.value.size
    begun = ge(unsqueeze(arange(index.value.size), 1), unsqueeze(starts, 0))
    bags = add(sum_(cast(begun, "int64"), 1), -1)
    inside = lt(bags, count) if with_end else None
    bags = bags if inside is None else where(inside, bags, count - 1)
    return _checked_bags(bags, starts, index.value.size, count), count, inside


def _checked_bags(bags: Tensor, starts: Tensor, size: int, count: int) -> Tensor:
    """Return the bags by way of a table, so that starts out of order raise `AxisError`."""
    if not (size and count):
        return bags
    steps = ge(
        cat((starts, full((1,), size, dtype="int64"))), cat((zeros_like(starts[:1]), starts))
    )
    good = logical_and(all_(steps), eq(starts[0], 0))
    return gather(arange(count), 0, where(good, bags, count))


def _largest(rows: Tensor, bags: Tensor, counted: Tensor, count: int) -> Tensor:
    """Return the first largest row element of each bag, which gets the gradient; 0 for none."""
    if not rows.value.size or not count:
        return zeros(count, rows.value.shape[1], dtype=rows.value.dtype)
    inside = logical_and(eq(unsqueeze(bags, 0), unsqueeze(arange(count), 1)), unsqueeze(counted, 0))
    inside = unsqueeze(inside, 2)  # (bag, index, 1)
    at = argmax(where(inside, unsqueeze(rows.detach(), 0), -inf), 1)
    full = gt(sum_(cast(inside, "int64"), 1), 0)
    return where(full, gather(rows, 0, at), 0.0)


def _check_bag(
    name: str,
    index: Tensor,
    offsets: Tensor | None,
    weights: Tensor | None,
    mode: str,
    with_end: bool,
) -> None:
    check_tensors(name, offsets=offsets, per_sample_weights=weights)
    need(mode in ("sum", "mean", "max"), f"{name}: mode is sum, mean or max, not {mode!r}")
    need(weights is None or mode == "sum", f"{name}: per_sample_weights need mode='sum'")
    shape = tuple(index.value.shape)
    if len(shape) not in (1, 2) or (len(shape) == 1) != (offsets is not None):
        raise ShapeError(
            f"{name}: input of shape {shape}: (B, N) takes no offsets, (N,) needs them"
        )
    if offsets is not None and (offsets.value.ndim != 1 or (with_end and not offsets.value.size)):
        raise ShapeError(f"{name}: offsets must have one axis, got {offsets.shape}")
    if weights is not None and tuple(weights.value.shape) != shape:
        raise ShapeError(
            f"{name}: per_sample_weights of shape {tuple(weights.value.shape)} must have the "
            f"input's shape {shape}"
        )
