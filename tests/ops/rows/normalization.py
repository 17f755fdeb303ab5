"""Rows of normalizations."""

from typing import Any

import numpy as np

from tests.ops import window_references as ref
from tests.ops.op_row import Row, s
from tests.ops.rows.functional import functional


def batch(api: Any, x: Any, w: Any, b: Any, training: bool) -> Any:
    """Call it with running statistics that are constants, or with none."""
    running = (None, None) if training else _running(api, x)
    return api.nn.functional.batch_norm(x, *running, w, b, training)


def batch_at_top_level(api: Any, x: Any, w: Any, b: Any, training: bool) -> Any:
    """The same with the other order of arguments."""
    running = (None, None) if training else _running(api, x)
    return api.batch_norm(x, w, b, *running, training, 0.1, 1e-5, False)


def _running(api: Any, x: Any) -> tuple[Any, Any]:
    return tuple(api.full((x.shape[1],), v, dtype=x.dtype) for v in (0.25, 1.5))


def batch_reference(x: Any, w: Any, b: Any, training: bool) -> Any:
    """Over all axes but the channels'."""
    axes = (0, *range(2, x.ndim))
    plain = (x - 0.25) / np.sqrt(1.5 + 1e-5)
    return ref.affine(ref.standardized(x, axes, 1e-5) if training else plain, w, b)


def instance_reference(x: Any, w: Any = None, b: Any = None) -> Any:
    """Over each image and channel."""
    return ref.affine(ref.standardized(x, tuple(range(2, x.ndim)), 1e-5), w, b)


def rms_reference(x: Any, w: Any = 1.0, eps: float = 1e-5, **static: Any) -> Any:
    """Over the last axes."""
    axes = tuple(range(-len(static["normalized_shape"]), 0))
    return x / np.sqrt(np.mean(x * x, axes, keepdims=True) + eps) * w


def rms_norm(api: Any, x: Any, *more: Any, normalized_shape: tuple[int, ...], eps: float) -> Any:
    """Call it with the static argument second."""
    return api.nn.functional.rms_norm(x, normalized_shape, *more, eps=eps)


ROWS: tuple[Row, ...] = (
    functional(
        "batch_norm",
        s((4, 3), (3,), (3,), training=True),
        s((2, 3, 4, 2), (3,), (3,), training=True),
        s((2, 3, 4), (3,), (3,), training=False),
        reference=batch_reference,
        call=batch,
        rtol=1e-5,
    ),
    Row(
        "batch_norm",
        (s((4, 3), (3,), (3,), training=True), s((2, 3, 4), (3,), (3,), training=False)),
        batch_reference,
        batch_at_top_level,
        wide=True,
        ulps=(32, 64),
        scaled=True,
        why="the same function with its arguments in another order",
        rtol=1e-5,
    ),
    functional(
        "instance_norm", s((2, 3, 4)), s((2, 3, 4, 2)), reference=instance_reference, rtol=1e-5
    ),
    Row(
        "instance_norm",
        (s((2, 3, 4), (3,), (3,)),),
        instance_reference,
        lambda api, x, w, b: api.instance_norm(x, w, b, None, None, True, 0.1, 1e-5, False),
        wide=True,
        ulps=(32, 64),
        scaled=True,
        why="the same function with its arguments in another order",
        rtol=1e-5,
    ),
    functional(
        "group_norm",
        s((2, 6, 3), (6,), (6,), num_groups=3),
        s((2, 4), num_groups=2),
        reference=ref.group_norm,
        call=lambda api, x, *more, num_groups: api.nn.functional.group_norm(x, num_groups, *more),
        home="",
        rtol=1e-5,
    ),
    functional(
        "rms_norm",
        s((3, 4), (4,), normalized_shape=(4,), eps=1e-5),
        s((2, 3, 4), normalized_shape=(3, 4), eps=0.5),
        reference=rms_reference,
        call=rms_norm,
        home="",
        rtol=1e-5,
    ),
    functional(
        "local_response_norm",
        s((2, 5, 3), size=3, alpha=0.5),
        s((2, 4, 2, 2), size=2, alpha=0.5, beta=0.5, k=2.0),
        reference=ref.local_response_norm,
    ),
    functional(
        "normalize",
        s((3, 4)),
        s((2, 3, 4), p=1.0, dim=2),
        s((3, 4), p=3.0, dim=0),
        reference=ref.normalize,
    ),
)
