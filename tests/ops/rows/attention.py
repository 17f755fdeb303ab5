"""Rows of attention and embedding."""

from typing import Any

import numpy as np

from tests.ops.op_row import Arg, Row, index, mask, of, s
from tests.ops.rows.functional import functional


def attention(q: Any, k: Any, v: Any, attn_mask: Any = None, **kw: Any) -> np.ndarray:
    """Compute row by row in float64."""
    if kw.get("enable_gqa"):
        k, v = (np.repeat(x, q.shape[-3] // x.shape[-3], axis=-3) for x in (k, v))
    scale = kw.get("scale") or 1 / np.sqrt(q.shape[-1])
    scores = np.einsum("...le,...se->...ls", q, k) * scale
    if kw.get("is_causal"):
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if attn_mask is not None and attn_mask.dtype == bool:
        scores = np.where(attn_mask, scores, -np.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = e.sum(-1, keepdims=True)
    return np.einsum("...ls,...sv->...lv", e / np.where(total == 0, 1, total), v)


def rows_of(api: Any, index: Any, weight: Any, **kw: Any) -> Any:
    """Call embedding."""
    return api.nn.functional.embedding(index, weight, **kw)


def bag(api: Any, index: Any, weight: Any, *more: Any, offsets: Any = None, **kw: Any) -> Any:
    """Call embedding_bag with the offsets as a tensor."""
    extra = {"per_sample_weights": more[0]} if more else {}
    if offsets is not None:
        extra["offsets"] = api.tensor(offsets)
    return api.nn.functional.embedding_bag(index, weight, **extra, **kw)


def bag_reference(
    index: Any,
    weight: Any,
    scale: Any = None,
    offsets: Any = None,
    mode: str = "mean",
    include_last_offset: bool = False,
    padding_idx: int = -1,
    **kw: Any,
) -> np.ndarray:
    """Take the rows of each bag."""
    scale = np.ones(index.shape) if scale is None else scale
    index = index.astype(int)
    if offsets is None:
        parts = list(zip(index, scale, strict=True))
    else:
        ends = offsets[1:] if include_last_offset else (*offsets[1:], len(index))
        starts = offsets[: len(ends)]
        parts = [(index[a:b], scale[a:b]) for a, b in zip(starts, ends, strict=True)]
    out = np.zeros((len(parts), weight.shape[1]))
    for i, (at, by) in enumerate(parts):
        rows = (weight[at] * by[:, None])[at != padding_idx]
        if len(rows):
            out[i] = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode](rows, 0)
    return out


ROWS: tuple[Row, ...] = (
    functional(
        "scaled_dot_product_attention",
        s((2, 3, 4), (2, 5, 4), (2, 5, 2)),
        s((2, 2, 3, 4), (2, 2, 3, 4), (2, 2, 3, 4), is_causal=True),
        s((2, 3, 4), (2, 5, 4), (2, 5, 4), mask((3, 5)), scale=0.5),
        s((3, 4), (5, 4), (5, 4), (3, 5)),
        s((1, 4, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4), enable_gqa=True),
        reference=attention,
        rtol=1e-5,
    ),
    functional(
        "embedding",
        s(index((5,), 4), (4, 3)),
        s(index((2, 3), 4), of((4, 3), "columns"), padding_idx=-2),
        s(index((), 4), (4, 2)),
        reference=lambda i, w, **kw: w[i.astype(int)],
        call=rows_of,
        smooth=False,  # the padding row counts but has no gradient, as in PyTorch
        twice=False,
    ),
    functional(
        "embedding_bag",
        s(index((3, 4), 5), (5, 3)),
        s(index((6,), 5), (5, 3), Arg((6,)), offsets=(0, 2, 2), mode="sum"),
        s(index((6,), 5), (5, 3), offsets=(0, 2, 2, 6), include_last_offset=True, mode="max"),
        s(index((3, 4), 3), (3, 2), mode="mean", padding_idx=1),
        s(index((2, 3), 3), (3, 2), mode="sum", padding_idx=0),
        reference=bag_reference,
        call=bag,
        twice=False,
    ),
)
