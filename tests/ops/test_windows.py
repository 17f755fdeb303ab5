"""Overlap-add, the transpose of unfold, beyond what the op table tries."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.ops.windows.unfolding import overlap_add
from tests.bits import assert_bits_equal


def added(x: np.ndarray, axis: int, extent: int, step: int) -> np.ndarray:
    """Add the windows in ascending order, one by one, from zero."""
    shape = (*x.shape[:axis], extent, *x.shape[axis + 1 : -1])
    out = np.moveaxis(np.zeros(shape, x.dtype), axis, -1)
    windows = np.moveaxis(x, axis, 0)
    for w, window in enumerate(windows):
        out[..., w * step : w * step + x.shape[-1]] += window
    return np.moveaxis(out, -1, axis)


@pytest.mark.parametrize(
    ("shape", "axis", "extent", "step"),
    [
        ((3, 999, 5), 1, 1005, 1),
        ((2, 40, 30, 7), 1, 205, 5),
        ((2, 40, 3, 7), 1, 300, 7),
        ((50, 4), 0, 300, 6),
        ((0, 4), 0, 9, 1),
        ((4, 0), 0, 9, 2),
    ],
)
def test_overlap_add(shape: tuple, axis: int, extent: int, step: int) -> None:
    """The documented order in every bit, with one thread and two, and compiled."""
    x = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    expected = added(x, axis, extent, step)
    assert_bits_equal(overlap_add(dg.from_numpy(x), axis, extent, step), expected)
    compiled = dg.compile(lambda x: overlap_add(x, axis, extent, step))
    before = dg.get_num_threads()
    for threads in (1, 2):
        dg.set_num_threads(threads)
        assert_bits_equal(compiled(dg.from_numpy(x)), expected)
    dg.set_num_threads(before)


def test_windows_share_memory() -> None:
    """A view: changes are seen; overlapping windows cannot be written to, others can."""
    x = dg.zeros(6)
    windows, blocks = x.unfold(0, 4, 2), x.unfold(0, 2, 2)
    blocks.add_(1)
    assert windows.tolist() == [[1.0] * 4] * 2
    with pytest.raises(dg.errors.GradError, match="share"):
        windows.add_(1)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x.unfold(0, 4, 1), dg.errors.ShapeError, "window of 4 .* dim 0 of extent 3"),
        (lambda x: x.unfold(0, 2, 0), dg.errors.ArgumentError, "step 0 positive"),
        (lambda x: x.unfold(0, -1, 1), dg.errors.ArgumentError, "size -1 must not be negative"),
        (lambda x: x.unfold(1, 1, 1), dg.errors.AxisError, "dim 1 is out of range"),
        (lambda x: overlap_add(x.unfold(0, 2, 1), 0, 2, 1), dg.errors.ArgumentError, "exceed 2"),
    ],
)
def test_wrong_windows(call: Any, error: Any, words: str) -> None:
    """The errors say which window does not fit which axis."""
    with pytest.raises(error, match=words):
        call(dg.zeros(3))
