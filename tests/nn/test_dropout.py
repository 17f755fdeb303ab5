"""Random functions: which elements they change, and equal masks eagerly and compiled."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, DTypeError, ShapeError
from dualgraph.nn import functional as F
from tests.bits import array_of, assert_bits_equal

CALLS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "dropout": ((6, 8), lambda x: F.dropout(x, 0.4)),
    "dropout1d": ((6, 8, 2), lambda x: F.dropout1d(x, 0.4)),
    "dropout1d unbatched": ((8, 2), lambda x: F.dropout1d(x, 0.4)),
    "dropout2d": ((6, 8, 2, 2), lambda x: F.dropout2d(x, 0.4)),
    "dropout2d of three axes": ((6, 8, 2), lambda x: F.dropout2d(x, 0.4)),
    "dropout3d": ((6, 8, 1, 2, 2), lambda x: F.dropout3d(x, 0.4)),
    "dropout3d unbatched": ((8, 1, 2, 2), lambda x: F.dropout3d(x, 0.4)),
    "alpha_dropout": ((6, 8), lambda x: F.alpha_dropout(x, 0.4, True)),
    "feature_alpha_dropout": ((6, 8, 2), lambda x: F.feature_alpha_dropout(x, 0.4, True)),
    "gumbel_softmax": ((6, 8), lambda x: F.gumbel_softmax(x, 0.7)),
    "gumbel_softmax hard": ((6, 8), lambda x: F.gumbel_softmax(x, hard=True, dim=0)),
    "attention": (
        (2, 3, 4),
        lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.4),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_masks_are_the_same_when_compiled(name: str) -> None:
    """Values, gradients and the generator's state, over two calls."""
    shape, call = CALLS[name]
    found = []
    for run in (call, dg.compile(call)):
        dg.manual_seed(3)
        x = dg.tensor(np.random.default_rng(0).normal(size=shape).astype("f4"), requires_grad=True)
        outputs = []
        for _ in range(2):
            out = run(x)
            (out * out).sum().backward()
            outputs.append(out.detach())
        assert not np.array_equal(array_of(outputs[0]), array_of(outputs[1]))
        found.append([*outputs, x.grad, dg.rand(3)])
    assert_bits_equal(found[1], found[0], name)


def test_channels_fall_together() -> None:
    dg.manual_seed(0)
    out = F.dropout2d(dg.ones(20, 30, 2, 3), 0.25).numpy().reshape(600, 6)
    assert np.all(out == out[:, :1])
    assert abs((out[:, 0] == 0).mean() - 0.25) < 0.06
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    dg.manual_seed(0)
    x = dg.randn(40_000)
    for f in (F.alpha_dropout, lambda *a: F.feature_alpha_dropout(a[0].reshape(200, 200), *a[1:])):
        out = f(x, 0.3, True).numpy()
        assert abs(out.mean()) < 0.03
        assert abs(out.var() - 1) < 0.03
    assert F.alpha_dropout(x, 0.3) is x
    assert not F.alpha_dropout(x, 1.0, True).numpy().any()


def test_gumbel_samples_follow_the_softmax() -> None:
    dg.manual_seed(0)
    logits = dg.tensor([0.0, 1.0, 2.0]).expand(20_000, 3)
    hard = F.gumbel_softmax(logits, hard=True).numpy()
    assert np.all((hard.sum(1) - 1) < 1e-6)
    expected = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    assert np.abs(hard.mean(0) - expected).max() < 0.015


def test_inplace_overwrites_the_input() -> None:
    dg.manual_seed(0)
    x = dg.ones(100)
    out = F.dropout(x, 0.5, inplace=True)
    assert out is x
    assert (x.numpy() == 0).any()
    layer = nn.Dropout(0.5, inplace=True)
    assert repr(layer) == "Dropout(p=0.5, inplace=True)"
    assert layer(x) is x


def test_modules_draw_as_their_functions() -> None:
    x = dg.ones(3, 4, 2, 2)
    pairs = [
        (nn.Dropout2d(0.3), F.dropout2d),
        (nn.FeatureAlphaDropout(0.3), F.feature_alpha_dropout),
    ]
    for layer, function in pairs:
        dg.manual_seed(1)
        expected = function(x, 0.3, True)
        dg.manual_seed(1)
        assert_bits_equal(layer(x), expected)
        assert layer.eval()(x) is x


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"alpha_dropout: p must lie in \[0, 1\]"):
        F.alpha_dropout(dg.ones(2), 1.5, True)
    with pytest.raises(ShapeError, match="dropout1d: the input must have 2 or 3 axes"):
        F.dropout1d(dg.ones(2))
    with pytest.raises(DTypeError, match="needs a floating tensor"):
        F.dropout(dg.tensor([1, 2]))
    with pytest.raises(DTypeError, match="logits must be a Tensor, got list"):
        F.gumbel_softmax([1.0])
