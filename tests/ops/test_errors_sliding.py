"""Wrong calls of convolutions, pools, padding, resizing and normalization."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, AxisError, DTypeError, ShapeError
from tests.ops.error_cases import Bad, check_bad_call

F = dg.nn.functional


def f(*shape: int) -> Any:
    """A float32 tensor of a shape."""
    return dg.zeros(shape)


X, W, D = f(1, 2, 5, 5), f(3, 2, 3, 3), dg.zeros(3, 2, 3, 3, dtype="float64")
I = dg.zeros(1, 2, 4, dtype="int64")  # noqa: E741

CASES: dict[str, Bad] = {
    "conv2d: rank": (
        lambda: dg.conv2d(f(5, 5), W), ShapeError, ("conv2d", "4 dimensions", "(5, 5)"),
    ),
    "conv2d: channels": (
        lambda: dg.conv2d(f(1, 4, 5, 5), W), ShapeError, ("4 channels", "(3, 2, 3, 3)", "needs 2"),
    ),
    "conv2d: weight": (lambda: dg.conv2d(X, f(3, 2, 3)), ShapeError, ("(3, 2, 3)", "4")),
    "conv2d: bias": (lambda: dg.conv2d(X, W, f(2)), ShapeError, ("bias", "(2,)", "(3,)")),
    "conv2d: dtypes": (lambda: dg.conv2d(X, D), DTypeError, ("float32", "float64", ".to(")),
    "conv2d: a list": (lambda: dg.conv2d([1.0], W), DTypeError, ("conv2d", "list")),
    "conv2d: weight of ints": (lambda: dg.conv1d(I, I), DTypeError, ("int64", "floating")),
    "conv2d: a number": (lambda: dg.conv2d(X, 2.0), DTypeError, ("Tensor", "float")),
    "conv2d: groups": (lambda: dg.conv2d(X, W, groups=0), ArgumentError, ("groups", "0")),
    "conv2d: groups of outputs": (
        lambda: dg.conv2d(X, f(3, 1, 1, 1), groups=2), ShapeError, ("groups=2", "3", "multiple"),
    ),
    "conv2d: stride": (lambda: dg.conv2d(X, W, stride=0), ArgumentError, ("stride", "least 1")),
    "conv2d: strides": (lambda: dg.conv2d(X, W, stride=(1, 1, 1)), ArgumentError, ("2 ints",)),
    "conv2d: stride type": (lambda: dg.conv2d(X, W, stride=1.5), ArgumentError, ("1.5",)),
    "conv2d: same": (
        lambda: dg.conv2d(X, W, stride=2, padding="same"), ArgumentError, ("same", "stride 1"),
    ),
    "conv2d: padding": (lambda: dg.conv2d(X, W, padding="full"), ArgumentError, ("'full'",)),
    "conv2d: too large": (
        lambda: dg.conv2d(X, W, dilation=3), ShapeError, ("window of 7", "5 elements"),
    ),
    "conv_transpose2d: output_padding": (
        lambda: dg.conv_transpose2d(f(1, 3, 2, 2), W, output_padding=1),
        ArgumentError,
        ("output_padding 1", "below"),
    ),
    "conv_transpose2d: nothing": (
        lambda: dg.conv_transpose2d(f(1, 3, 1, 1), W, padding=2), ShapeError, ("(-1, -1)",),
    ),
    "fold: columns": (
        lambda: F.fold(f(1, 8, 7), (4, 4), 2), ShapeError, ("(8, 7)", "9 windows", "4 elements"),
    ),
    "unfold: too large": (lambda: F.unfold(X, 6), ShapeError, ("unfold", "6", "5 elements")),
    "max_pool2d: padding": (
        lambda: F.max_pool2d(X, 2, padding=2), ArgumentError, ("padding 2", "half", "2"),
    ),
    "max_pool2d: too large": (lambda: F.max_pool2d(X, 6), ShapeError, ("(6, 6)", "(5, 5)")),
    "max_pool2d: bools": (
        lambda: F.max_pool2d(dg.ones(1, 4, 4, dtype="bool"), 2), DTypeError, ("bool", "cast"),
    ),
    "avg_pool1d: ints": (lambda: F.avg_pool1d(I, 2), DTypeError, ("avg_pool1d", "int64")),
    "avg_pool2d: divisor": (
        lambda: F.avg_pool2d(X, 2, divisor_override=0), ArgumentError, ("divisor", "positive"),
    ),
    "adaptive: size": (
        lambda: F.adaptive_avg_pool2d(X, (1, 2, 3)), ArgumentError, ("output_size", "2 ints"),
    ),
    "adaptive: nothing": (
        lambda: F.adaptive_max_pool1d(f(1, 2, 0), 2), ShapeError, ("nothing to pool",),
    ),
    "max_unpool1d: place": (
        lambda: F.max_unpool1d(f(1, 2, 4), I + 9, 2), AxisError, ("index 9", "max_unpool"),
    ),
    "max_unpool1d: shapes": (
        lambda: F.max_unpool1d(f(1, 2, 3), I, 2), ShapeError, ("(1, 2, 3)", "(1, 2, 4)"),
    ),
    "max_unpool1d: size": (
        lambda: F.max_unpool1d(f(1, 2, 4), I, 2, output_size=(20,)), ArgumentError, ("(20,)",),
    ),
    "pad: odd": (lambda: F.pad(X, (1, 2, 3)), ArgumentError, ("pairs", "(1, 2, 3)")),
    "pad: many": (lambda: F.pad(f(2), (1, 1, 1, 1)), ArgumentError, ("at most 1",)),
    "pad: mode": (lambda: F.pad(X, (1, 1), mode="mirror"), ArgumentError, ("'mirror'", "reflect")),
    "pad: value": (
        lambda: F.pad(f(2, 3), (1, 1), mode="reflect", value=2), ArgumentError, ("value", "2"),
    ),
    "pad: rank": (lambda: F.pad(X, (1, 1), mode="reflect"), ShapeError, ("2 or 3", "(1, 2, 5, 5)")),
    "pad: reflect": (
        lambda: F.pad(f(2, 3), (3, 0), mode="reflect"), ArgumentError, ("(3, 0)", "dim 1", "3"),
    ),
    "pad: circular": (
        lambda: F.pad(f(2, 3), (4, 0), mode="circular"), ArgumentError, ("(4, 0)", "once"),
    ),
    "pad: cut": (lambda: F.pad(f(3), (-2, -2)), ShapeError, ("cuts off", "(3,)")),
    "interpolate: mode": (lambda: F.interpolate(X, 3, mode="cubic"), ArgumentError, ("'cubic'",)),
    "interpolate: rank": (lambda: F.interpolate(X, 3, mode="linear"), ShapeError, ("linear", "3")),
    "interpolate: both": (lambda: F.interpolate(X, 3, 2.0), ArgumentError, ("size", "not both")),
    "interpolate: antialias": (
        lambda: F.interpolate(X, 3, mode="bilinear", antialias=True), ArgumentError, ("antialias",),
    ),
    "interpolate: align_corners": (
        lambda: F.interpolate(X, 3, align_corners=True), ArgumentError, ("align_corners", "near"),
    ),
    "interpolate: nothing": (lambda: F.interpolate(X, None, 0.1), ArgumentError, ("(0, 0)",)),
    "grid_sample: shapes": (
        lambda: F.grid_sample(X, f(1, 2, 2, 3)), ShapeError, ("(1, 2, 2, 3)", "(N, h, w, 2)"),
    ),
    "grid_sample: mode": (
        lambda: F.grid_sample(X, f(1, 2, 2, 2), "linear"), ArgumentError, ("'linear'", "bicubic"),
    ),
    "affine_grid: size": (
        lambda: F.affine_grid(f(1, 2, 3), (1, 1, 2)), ShapeError, ("(1, 2, 3)", "(1, 1, 2)"),
    ),
    "pixel_shuffle": (lambda: F.pixel_shuffle(X, 2), ArgumentError, ("2 channels", "2 * 2")),
    "pixel_unshuffle": (lambda: F.pixel_unshuffle(X, 2), ArgumentError, ("5", "2")),
    "channel_shuffle": (lambda: F.channel_shuffle(X, 3), ArgumentError, ("2 channels", "3 groups")),
    "batch_norm: statistics": (lambda: F.batch_norm(X, None, None), ArgumentError, ("training",)),
    "batch_norm: one value": (
        lambda: F.batch_norm(f(1, 3), None, None, training=True), ShapeError, ("(1, 3)", "one val"),
    ),
    "batch_norm: weight": (
        lambda: F.batch_norm(X, f(2), f(2), f(3)), ShapeError, ("weight", "(3,)", "(2,)"),
    ),
    "instance_norm: rank": (lambda: F.instance_norm(f(2, 3)), ShapeError, ("(2, 3)",)),
    "group_norm: groups": (lambda: F.group_norm(X, 3), ArgumentError, ("2 channels", "3 groups")),
    "layer_norm: shape": (lambda: F.layer_norm(X, (4,)), ShapeError, ("(1, 2, 5, 5)", "(4,)")),
    "rms_norm: ints": (lambda: F.rms_norm(I, (4,)), DTypeError, ("rms_norm", "int64")),
    "local_response_norm: rank": (
        lambda: F.local_response_norm(f(2, 3), 2), ShapeError, ("(2, 3)", "3 dimensions"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_call(name: str) -> None:
    """One error of our own class, with the facts, the user's file and line."""
    check_bad_call(CASES[name])
