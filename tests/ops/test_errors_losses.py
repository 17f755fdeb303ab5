"""What a user reads when a loss, attention or an embedding is called in a wrong way."""

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, AxisError, DTypeError, GradError, ShapeError
from dualgraph.nn import functional as F
from tests.ops.error_cases import Bad, check_bad_call

X, Y = dg.ones(3, 4), dg.ones(3, 2)
I = dg.tensor([0, 1, 2])  # noqa: E741
LOGITS = dg.zeros(5, 2, 3)
LABELS = dg.tensor([[1, 2], [1, 1]])

CASES: dict[str, Bad] = {
    "mse: shapes": (lambda: F.mse_loss(X, Y), ShapeError, ("(3, 4)", "(3, 2)", "broadcast")),
    "mse: list": (lambda: F.mse_loss([1.0], X), DTypeError, ("input", "list", "tensor(")),
    "mse: weight": (lambda: F.mse_loss(X, X, weight=Y), ShapeError, ("weight", "(3, 2)")),
    "reduction": (lambda: F.l1_loss(X, X, reduction="avg"), ArgumentError, ("'avg'", "mean, sum")),
    "huber: delta": (lambda: F.huber_loss(X, X, delta=0), ArgumentError, ("delta", "positive")),
    "smooth: beta": (lambda: F.smooth_l1_loss(X, X, beta=-1), ArgumentError, ("beta", "-1")),
    "bce: shapes": (lambda: F.binary_cross_entropy(X, Y), ShapeError, ("(3, 2)", "equal")),
    "bce: ints": (lambda: F.binary_cross_entropy(I, I), DTypeError, ("input", "int64")),
    "logits: pos_weight": (
        lambda: F.binary_cross_entropy_with_logits(X[0], X[0], pos_weight=dg.ones(2, 4)),
        ShapeError, ("pos_weight", "(2, 4)"),
    ),
    "gaussian: var": (lambda: F.gaussian_nll_loss(X, X, Y), ShapeError, ("var", "(3, 2)")),
    "gaussian: negative": (lambda: F.gaussian_nll_loss(X, X, -1.0), ArgumentError, ("negative",)),
    "cross entropy: classes": (lambda: F.cross_entropy(X, I + 2), AxisError, ("4", "out of range")),
    "cross entropy: smoothing": (
        lambda: F.cross_entropy(X, I, label_smoothing=2.0), ArgumentError, ("[0, 1]", "2.0"),
    ),
    "cross entropy: trained weight": (
        lambda: dg.autograd.grad(
            F.cross_entropy(X, I, (w := dg.ones(4, requires_grad=True))), w
        ),
        GradError, ("weights", "not trained"),
    ),
    "nll: probabilities": (lambda: F.nll_loss(X, X), DTypeError, ("integer class",)),
    "multi margin: p": (lambda: F.multi_margin_loss(X, I, p=3), ArgumentError, ("1 or 2",)),
    "multi margin: targets": (lambda: F.multi_margin_loss(X, I[:2]), ShapeError, ("(2,)",)),
    "triplet: ranks": (lambda: F.triplet_margin_loss(X, X, X[0]), ShapeError, ("ranks", "(4,)")),
    "triplet: margin": (
        lambda: F.triplet_margin_loss(X, X, X, margin=0), ArgumentError, ("positive",),
    ),
    "cosine: ranks": (lambda: F.cosine_embedding_loss(X, X, X), ShapeError, ("(N, D)",)),
    "ctc: label": (
        lambda: F.ctc_loss(LOGITS, LABELS + 2, (5, 5), (2, 2)), AxisError, ("out of range",),
    ),
    "ctc: frames": (lambda: F.ctc_loss(LOGITS, LABELS, (6, 5), (2, 2)), AxisError, ("6",)),
    "ctc: length": (lambda: F.ctc_loss(LOGITS, LABELS, (5, 5), (2, 3)), AxisError, ("3",)),
    "ctc: lengths": (lambda: F.ctc_loss(LOGITS, LABELS, (5,), (2, 2)), ShapeError, ("(2,)",)),
    "ctc: blank": (
        lambda: F.ctc_loss(LOGITS, LABELS, (5, 5), (2, 2), blank=3), ArgumentError, ("blank",),
    ),
    "attention: shapes": (
        lambda: F.scaled_dot_product_attention(X, Y, Y), ShapeError, ("(3, 4)", "(3, 2)"),
    ),
    "attention: both masks": (
        lambda: F.scaled_dot_product_attention(X, X, X, dg.ones(3, 3), is_causal=True),
        ArgumentError, ("is_causal", "exclude"),
    ),
    "attention: mask of ints": (
        lambda: F.scaled_dot_product_attention(X, X, X, I), DTypeError, ("attn_mask", "int64"),
    ),
    "attention: heads": (
        lambda: F.scaled_dot_product_attention(
            dg.ones(3, 2, 4), dg.ones(2, 2, 4), dg.ones(2, 2, 4), enable_gqa=True
        ),
        ShapeError, ("3 heads", "multiple"),
    ),
    "embedding: index": (lambda: F.embedding(I + 1, X), AxisError, ("3", "out of range")),
    "embedding: floats": (lambda: F.embedding(X, X), DTypeError, ("integer",)),
    "embedding: sparse": (lambda: F.embedding(I, X, sparse=True), ArgumentError, ("sparse=False",)),
    "embedding: padding": (lambda: F.embedding(I, X, 3), ArgumentError, ("padding_idx 3",)),
    "bag: mode": (lambda: F.embedding_bag(I[None], X, mode="min"), ArgumentError, ("'min'",)),
    "bag: offsets": (lambda: F.embedding_bag(I, X), ShapeError, ("offsets", "(3,)")),
    "bag: weights": (
        lambda: F.embedding_bag(I[None], X, per_sample_weights=X), ArgumentError, ("mode='sum'",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_message_says_what_was_wrong(name: str) -> None:
    """The class, the facts, and the line of this file."""
    check_bad_call(CASES[name])


def test_shapes_that_broadcast_are_warned_about() -> None:
    with pytest.warns(UserWarning, match="nearly always a mistake"):
        assert F.mse_loss(X, X[0]).item() == 0.0


def test_max_norm_scales_used_rows_in_place() -> None:
    """Values as PyTorch's: the rows that are used and too long get the norm max_norm."""
    for run in (lambda f: f, dg.compile):
        weight = dg.tensor([[3.0, 4.0], [6.0, 8.0], [0.3, 0.4]])
        out = run(lambda i, w: F.embedding(i, w, max_norm=1.0))(dg.tensor([0, 2, 0]), weight)
        np.testing.assert_allclose(weight.tolist(), [[0.6, 0.8], [6.0, 8.0], [0.3, 0.4]], 1e-6)
        np.testing.assert_allclose(out.tolist(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], 1e-6)


def test_frequencies_divide_the_gradient() -> None:
    weight = dg.ones(3, 2, requires_grad=True)
    F.embedding(dg.tensor([0, 2, 0, 0]), weight, scale_grad_by_freq=True).sum().backward()
    np.testing.assert_allclose(weight.grad.tolist(), [[1, 1], [0, 0], [1, 1]], 1e-6)


def test_nothing_to_attend_to_gives_zeros() -> None:
    x = dg.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    mask = dg.tensor([[True, False], [False, False]])
    for add in (mask, dg.where(mask, 0.0, float("-inf"))):
        x.grad = None
        out = F.scaled_dot_product_attention(x, x, x, add)
        assert out.tolist() == [[1.0, 2.0], [0.0, 0.0]]
        out.sum().backward()
        assert np.isfinite(x.grad.numpy()).all()


def test_all_targets_ignored() -> None:
    """The mean of nothing is NaN, the sum 0, as in PyTorch."""
    target = dg.tensor([-100, -100, -100])
    assert np.isnan(F.cross_entropy(X, target).item())
    assert F.cross_entropy(X, target, reduction="sum").item() == 0.0


def test_impossible_alignments() -> None:
    """A target longer than its frames: inf, or 0 with zero_infinity, and then no gradient."""
    x = dg.zeros(2, 1, 3, requires_grad=True)
    target = dg.tensor([[1, 1]])
    scores = x.log_softmax(-1)
    assert F.ctc_loss(scores, target, (2,), (2,)).item() == float("inf")
    loss = F.ctc_loss(scores, target, (2,), (2,), zero_infinity=True)
    assert loss.item() == 0.0
    loss.backward()
    assert not x.grad.numpy().any()
