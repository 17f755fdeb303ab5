"""Attention of several heads side by side (Vaswani et al. 2017), on given parameters."""

from math import sqrt
from typing import Any, NamedTuple

from ...core.types import bool_
from ...errors import ShapeError
from ...ops.build import need
from ...ops.contract.matmul import linear, matmul
from ...ops.create.creation import zeros
from ...ops.elementwise.pointwise import add, mul, where
from ...ops.reduce.reductions import expand, mean
from ...ops.reduce.rowwise import softmax
from ...ops.shape.views import cat, chunk, narrow, reshape, squeeze, transpose, unsqueeze
from .attention import scaled_dot_product_attention
from .dropout import dropout
from .padding import pad

Tensor = Any


class Projections(NamedTuple):
    """The parameters of what goes in: one weight (3 E, E) or three, and the biases."""

    weight: Tensor | None
    separate: tuple[Tensor, Tensor, Tensor] | None
    bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor | None


class Masks(NamedTuple):
    """What is left out (bools), or added to the scores (floats)."""

    padding: Tensor | None  # (N, S), or (S,) without a batch
    attention: Tensor | None  # (L, S) or (N * heads, L, S)


def multihead(
    inputs: list[Tensor],
    heads: int,
    given: Projections,
    masks: Masks,
    add_zero: bool,
    rate: float,
    need_weights: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return what the heads make of query, key and value, batch first, and their weights.

    Shapes: (N, L, E) and (N, heads, L, S), the latter None unless wanted. ``rate`` is that of
    dropout.
    """
    q, k, v = _projected(inputs, given)
    batch, length, width = q.value.shape
    padding = masks.padding
    if padding is not None and padding.value.ndim == 1:
        padding = unsqueeze(padding, 0)
    mask = _joined(_full(masks.attention, batch, heads, q), _padding(padding, q))
    if given.bias_k is not None and given.bias_v is not None:  # one more key and value, learned
        k = cat([k, expand(given.bias_k, batch, 1, width)], 1)
        v, mask = cat([v, expand(given.bias_v, batch, 1, width)], 1), _wider(mask)
    q, k, v = (_split(x, heads) for x in (q, k, v))
    if add_zero:
        none = zeros(batch, heads, 1, width // heads, dtype=q.value.dtype)
        k, v, mask = cat([k, none], 2), cat([v, none], 2), _wider(mask)
    if need_weights:
        mixed, weights = _attended(q, k, v, mask, rate)
    else:
        mixed, weights = scaled_dot_product_attention(q, k, v, mask, rate), None
    return reshape(transpose(mixed, 1, 2), (batch, length, width)), weights


def _projected(inputs: list[Tensor], given: Projections) -> list[Tensor]:
    """Return the linear maps of query, key and value; of equal inputs in one product."""
    query, key, value = inputs
    weight, bias = given.weight, given.bias
    if weight is None:
        weights: Any = given.separate
    elif query is key and key is value:
        return list(chunk(linear(query, weight, bias), 3, -1))
    elif key is value:
        e = weight.value.shape[0] // 3
        q_bias = None if bias is None else narrow(bias, 0, 0, e)
        kv_bias = None if bias is None else narrow(bias, 0, e, 2 * e)
        both = linear(key, narrow(weight, 0, e, 2 * e), kv_bias)
        return [linear(query, narrow(weight, 0, 0, e), q_bias), *chunk(both, 2, -1)]
    else:
        weights = chunk(weight, 3, 0)
    biases = [None] * 3 if bias is None else chunk(bias, 3, 0)
    return [linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)]


def _split(x: Tensor, heads: int) -> Tensor:
    """Return (N, L, E) as (N, heads, L, E / heads)."""
    batch, length, width = x.value.shape
    return transpose(reshape(x, (batch, length, heads, width // heads)), 1, 2)


def _full(mask: Tensor | None, batch: int, heads: int, like: Tensor) -> Tensor | None:
    if mask is None or mask.value.ndim == 2:
        return _added(mask, like)
    return _added(reshape(mask, (batch, heads, *mask.value.shape[1:])), like)


def _added(mask: Tensor | None, like: Tensor) -> Tensor | None:
    """Return a mask as what is added to scores: -inf where a bool is true."""
    if mask is None or mask.value.dtype != bool_:
        return mask
    return where(mask, float("-inf"), zeros((), dtype=like.value.dtype))


def _padding(mask: Tensor | None, like: Tensor) -> Tensor | None:
    added = _added(mask, like)
    return None if added is None else unsqueeze(unsqueeze(added, 1), 1)


def _joined(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return second if first is None else first
    return add(first, second)


def _wider(mask: Tensor | None) -> Tensor | None:
    """Return a mask with one more column, which takes part."""
    return None if mask is None else pad(mask, (0, 1))


def _attended(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, rate: float
) -> tuple[Tensor, Tensor]:
    scores = matmul(mul(q, 1.0 / sqrt(q.value.shape[-1])), transpose(k, -2, -1))
    weights = softmax(scores if mask is None else add(scores, mask), -1)
    weights = dropout(weights, rate) if rate > 0.0 else weights
    return matmul(weights, v), weights


def batch_first(batched: bool, *tensors: Tensor) -> list[Tensor]:
    """Return (L, N, E) or (L, E) tensors as (N, L, E); one that is given twice stays one."""
    moved = {id(x): transpose(x, 0, 1) if batched else unsqueeze(x, 0) for x in tensors}
    return [moved[id(x)] for x in tensors]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: None = None,
    static_v: None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Return (outputs (L, N, E), weights or None) of `nn.MultiheadAttention` on these parameters.

    Query (L, N, E), key and value (S, N, ...), or all without N. ``static_k`` and ``static_v`` are
    not supported; ``is_causal`` says that ``attn_mask`` is the causal one.
    """
    name = "multi_head_attention_forward"
    need(static_k is None and static_v is None, f"{name}: static_k and static_v must be None")
    need(
        not is_causal or attn_mask is not None,
        f"{name}: is_causal is a hint about attn_mask, which is needed too",
    )
    shapes = [tuple(x.shape) for x in (query, key, value)]
    q, k, v = shapes
    fits = len(q) in (2, 3) and len(q) == len(k) == len(v) and k[:-1] == v[:-1]
    if not fits or q[-1] != embed_dim_to_check or q[1:-1] != k[1:-1] or q[-1] % num_heads:
        raise ShapeError(
            f"{name}: shapes {q}, {k} and {v} do not fit: expected (L, N, E), (S, N, K) and "
            f"(S, N, V), with E = {embed_dim_to_check} for {num_heads} heads"
        )
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    weight = None if use_separate_proj_weight else in_proj_weight
    given = Projections(weight, separate, in_proj_bias, bias_k, bias_v)
    batched, rate = len(q) == 3, dropout_p if training else 0.0
    inputs = batch_first(batched, query, key, value)
    masks = Masks(key_padding_mask, attn_mask)
    options = add_zero_attn, rate, need_weights
    mixed, weights = multihead(inputs, num_heads, given, masks, *options)
    out = linear(mixed, out_proj_weight, out_proj_bias)
    if weights is not None:
        weights = mean(weights, 1) if average_attn_weights else weights
        weights = weights if batched else squeeze(weights, 0)
    return (transpose(out, 0, 1) if batched else squeeze(out, 0)), weights
