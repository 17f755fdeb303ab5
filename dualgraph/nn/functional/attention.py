"""Scaled dot-product attention."""

from math import sqrt

from ...core.types import bool_
from ...errors import DTypeError, ShapeError
from ...ops.build import Tensor, in_float32, need
from ...ops.contract.matmul import matmul
from ...ops.create.creation import arange
from ...ops.elementwise.pointwise import add, le, mul, where
from ...ops.reduce.reductions import expand
from ...ops.reduce.rowwise import attention_weights
from ...ops.shape.views import reshape, transpose, unsqueeze
from .dropout import dropout
from .losses.common import check_floating, check_tensors


@in_float32
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(query @ key.mT * scale + mask) @ value, of shape (..., L, Ev).

    Shapes: query (..., L, E), key (..., S, E), value (..., S, Ev). ``attn_mask`` broadcasts to
    (..., L, S): bools say what takes part, floats are added. ``is_causal`` lets row i see columns
    up to i, and excludes a mask. ``scale`` is 1 / sqrt(E) unless given. ``enable_gqa`` repeats the
    heads (axis -3) of key and value to those of query. A row in which nothing takes part gives
    zeros and no gradient. Source: Vaswani et al., "Attention is all you need" (2017).

    >>> import dualgraph as dg
    >>> x = dg.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 0.6698]])
    """
    _check(query, key, value)
    need(
        attn_mask is None or not is_causal,
        "scaled_dot_product_attention: attn_mask and is_causal exclude each other; put the causal "
        "part into the mask",
    )
    if enable_gqa:
        heads = query.value.shape[-3]
        key, value = _repeated("key", key, heads), _repeated("value", value, heads)
    factor = 1.0 / sqrt(max(query.value.shape[-1], 1)) if scale is None else scale
    scores = matmul(mul(query, factor), transpose(key, -2, -1))
    if is_causal:
        rows, columns = scores.value.shape[-2:]
        attn_mask = le(unsqueeze(arange(columns), 0), unsqueeze(arange(rows), 1))
    weights = _weights(scores if attn_mask is None else _masked(scores, attn_mask))
    return matmul(dropout(weights, dropout_p) if dropout_p > 0.0 else weights, value)


def _weights(scores: Tensor) -> Tensor:
    return attention_weights(scores) if scores.value.size else scores


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    check_tensors("scaled_dot_product_attention", attn_mask=mask)
    if mask.value.dtype == bool_:
        return where(mask, scores, float("-inf"))
    if mask.value.dtype.kind != "f":
        raise DTypeError(
            "scaled_dot_product_attention: attn_mask must be bool or floating, got "
            f"{mask.value.dtype.name}"
        )
    return add(scores, mask.to(scores.dtype))


def _repeated(name: str, x: Tensor, heads: int) -> Tensor:
    """Return each head as often as it takes to have ``heads`` of them, copies side by side."""
    shape = tuple(x.value.shape)
    if shape[-3] < 1 or heads % shape[-3]:
        raise ShapeError(
            f"scaled_dot_product_attention: {heads} heads of the query are no multiple of the "
            f"{shape[-3]} heads of the {name}"
        )
    times = heads // shape[-3]
    grown = expand(unsqueeze(x, -3), *shape[:-2], times, *shape[-2:])
    return reshape(grown, (*shape[:-3], heads, *shape[-2:]))


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    name = "scaled_dot_product_attention"
    check_floating(name, query=query, key=key, value=value)
    shapes = [tuple(t.value.shape) for t in (query, key, value)]
    q, k, v = shapes
    if min(map(len, shapes)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ShapeError(
            f"{name}: shapes {q}, {k} and {v} do not fit: expected (..., L, E), (..., S, E) "
            "and (..., S, Ev)"
        )
    if len({t.value.dtype for t in (query, key, value)}) > 1:
        raise DTypeError(f"{name}: query, key and value must have one dtype")
