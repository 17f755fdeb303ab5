"""Inputs at the edge of what an op takes: empty, out of order, NaN, small integers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph.errors import AxisError, DTypeError
from tests.bits import array_of, assert_bits_equal

INDICES = dg.tensor([0, 3, 1, 2, 2, 0])
STARTS = {
    "past the end": [0, 9, 4],
    "negative": [0, -2, 4],
    "descending": [0, 4, 2],
    "not from 0": [1, 2],
}


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("starts", STARTS.values(), ids=STARTS)
def test_bags_out_of_order(starts: list[int], mode: str) -> None:
    """Starts that do not cut the indices into bags are errors, in both frontends."""
    table, offsets = dg.ones(4, 3), dg.tensor(starts)

    def bags(offsets: dg.Tensor) -> dg.Tensor:
        return F.embedding_bag(INDICES, table, offsets, mode=mode)

    for call in (bags, dg.compile(bags)):
        with pytest.raises(AxisError, match="out of range"):
            call(offsets)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_indices_behind_the_last_bag(mode: str) -> None:
    """With include_last_offset the last one ends the last bag; what follows is in none."""
    table, ends = dg.arange(12.0).reshape(4, 3), dg.tensor([0, 2, 4])
    out = F.embedding_bag(INDICES, table, ends, mode=mode, include_last_offset=True)
    assert_bits_equal(
        array_of(out), array_of(F.embedding_bag(INDICES[:4].reshape(2, 2), table, mode=mode)), mode
    )


@pytest.mark.parametrize("classes", [[3, -1, 0], [-(2**62)]])
def test_one_hot_of_negative_classes(classes: list[int]) -> None:
    """A negative class is an error, also where the number of classes is found."""
    with pytest.raises(AxisError, match="out of range"):
        F.one_hot(dg.tensor(classes))


def test_margin_targets_are_integers() -> None:
    """Classes given as floats are not cut off silently."""
    with pytest.raises(DTypeError, match="integer"):
        F.multi_margin_loss(dg.ones(2, 3), dg.tensor([0.5, 1.0]))


def test_gradient_of_logsumexp_at_nan() -> None:
    """A NaN makes the gradient of its line NaN, and of no other."""
    x = dg.tensor([[1.0, float("nan")], [float("inf"), 0.0], [0.0, 0.0]], requires_grad=True)
    dg.logsumexp(x, 1).sum().backward()
    expected = np.array([[np.nan, np.nan], [1, 0], [0.5, 0.5]], np.float32)
    assert_bits_equal(array_of(x.grad), expected, "logsumexp")


RESULTS: dict[str, tuple[Callable[[], Any], Any]] = {
    "any over no axes": (lambda: dg.any(dg.tensor([0.0, 2.0]), dim=()), np.array([False, True])),
    "all over no axes": (lambda: dg.all(dg.zeros(0, 3), dim=()), np.zeros((0, 3), bool)),
    "vander of int8": (
        lambda: dg.vander(dg.tensor([100, 2], dtype=dg.int8), 3),
        np.array([[10000, 100, 1], [4, 2, 1]]),
    ),
    "trapezoid of uint8": (
        lambda: dg.trapezoid(dg.tensor([200, 250, 255], dtype=dg.uint8)),
        np.array(477.5, np.float32),
    ),
    "attention without features": (
        lambda: F.scaled_dot_product_attention(
            dg.ones(2, 0), dg.ones(2, 0), dg.tensor([[1.0], [3.0]])
        ),
        np.full((2, 1), 2, np.float32),
    ),
}


@pytest.mark.parametrize("case", RESULTS.values(), ids=RESULTS)
def test_results(case: tuple[Callable[[], Any], Any]) -> None:
    """What PyTorch's documentation says for these."""
    call, expected = case
    assert_bits_equal(array_of(call()), np.asarray(expected), "result")


def test_parts_of_nothing() -> None:
    """An empty axis is cut into as many empty parts as asked for."""
    assert [p.shape for p in dg.chunk(dg.zeros(0), 3)] == [(0,)] * 3
    assert [p.shape for p in dg.split(dg.zeros(0), 0)] == [(0,)]


OWNED: dict[str, Callable[[dg.Tensor], dg.Tensor]] = {
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 1),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 1),
    "pixel_shuffle of a pixel": lambda x: F.pixel_shuffle(x[:, :, :1, :1], 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 1),
    "interpolate": lambda x: F.interpolate(x, size=(2, 3)),
    "bilinear": lambda x: F.interpolate(x, size=(2, 3), mode="bilinear"),
    "chain_matmul": lambda x: dg.chain_matmul(x[0, 0]),
}


@pytest.mark.parametrize("call", OWNED.values(), ids=OWNED)
def test_results_own_their_memory(call: Callable[[dg.Tensor], dg.Tensor]) -> None:
    """A result that changes nothing is a copy where PyTorch copies: writing to it is safe."""
    x = dg.ones(1, 4, 2, 3)
    call(x).zero_()
    assert_bits_equal(array_of(x), np.ones((1, 4, 2, 3), np.float32), "input")


@pytest.mark.parametrize("outside", ["border", "reflection"])
def test_sampling_at_nan(outside: str) -> None:
    """NaN counts as -1, the first element, where nothing lies outside."""
    image = dg.arange(6.0).reshape(1, 1, 2, 3) + 1
    grid = dg.full((1, 1, 1, 2), float("nan"))
    out = F.grid_sample(image, grid, padding_mode=outside, align_corners=False)
    assert out.item() == 1.0
