"""What the losses should give, in NumPy and in float64, written from their definitions."""

import itertools
import math
from typing import Any

import numpy as np

from tests.ops.references import log_softmax_reference


def reduced(loss: np.ndarray, reduction: str = "mean") -> np.ndarray:
    """Take the mean, the sum, or neither."""
    if reduction == "batchmean":
        return np.sum(loss) / len(loss)
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](loss)


def weighted(loss: np.ndarray, weight: Any, reduction: str) -> np.ndarray:
    """Weigh each element; the mean divides by the weights."""
    if weight is None:
        return reduced(loss, reduction)
    if reduction == "mean":
        return np.sum(loss * weight) / np.sum(weight)
    return reduced(loss * weight, reduction)


def pairwise(each: Any) -> Any:
    """Return the reference of a loss of pairs with optional weights."""

    def function(x: Any, y: Any, weight: Any = None, reduction: str = "mean", **kw: Any) -> Any:
        return weighted(each(x, y, **kw), weight, reduction)

    return function


def huber(d: np.ndarray, delta: float) -> np.ndarray:
    """Huber's function."""
    return np.where(np.abs(d) < delta, d * d / 2, delta * (np.abs(d) - delta / 2))


def smooth_l1(x: np.ndarray, y: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """Huber's over beta, or the absolute difference."""
    return huber(x - y, beta) / beta if beta else np.abs(x - y)


def bce(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logarithms of at least -100."""
    return -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))


def softplus(x: Any) -> np.ndarray:
    """log(1 + e**x)."""
    return np.logaddexp(0, x)


def kl(x: np.ndarray, y: np.ndarray, reduction: str = "mean", log_target: bool = False) -> Any:
    """Kullback and Leibler."""
    p, log_p = (np.exp(y), y) if log_target else (y, np.log(np.where(y == 0, 1, y)))
    return reduced(p * (log_p - x), reduction)


def gaussian(
    x: Any, y: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> np.ndarray:
    """Minus the logarithm of the normal density, with or without its constant."""
    var = np.maximum(var[..., None] if np.ndim(var) == x.ndim - 1 else var, eps)
    loss = (np.log(var) + (x - y) ** 2 / var) / 2 + (math.log(2 * math.pi) / 2 if full else 0)
    return reduced(loss, reduction)


def poisson(
    x: Any, y: Any, log_input: bool = True, full: bool = False, reduction: str = "mean"
) -> np.ndarray:
    """Rate minus count times its logarithm, and Stirling's formula above 1."""
    loss = np.exp(x) - y * x if log_input else x - y * np.log(x + 1e-8)
    if full:
        n = np.where(y > 1, y, 1)
        loss = loss + np.where(y > 1, n * np.log(n) - n + np.log(2 * math.pi * n) / 2, 0)
    return reduced(loss, reduction)


def nll(
    x: np.ndarray,
    target: np.ndarray,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int = -100,
) -> np.ndarray:
    """Pick the targets one by one and weigh them."""
    rows = np.moveaxis(x, 1, -1) if x.ndim > 1 else x
    target = target.astype(int)
    loss, scale = np.zeros(target.shape), np.zeros(target.shape)
    for at in np.ndindex(target.shape):
        if target[at] != ignore_index:
            scale[at] = 1 if weight is None else weight[target[at]]
            loss[at] = -rows[at][target[at]] * scale[at]
    return np.sum(loss) / np.sum(scale) if reduction == "mean" else reduced(loss, reduction)


def cross_entropy(
    x: np.ndarray,
    target: np.ndarray,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> np.ndarray:
    """Compute in float64, the smoothed loss as that of a distribution."""
    axis = 1 if x.ndim > 1 else 0
    classes = x.shape[axis]
    likelihood = log_softmax_reference(x, axis)
    hard = target.shape != x.shape
    if hard and not label_smoothing:
        return nll(likelihood, target, weight, reduction, ignore_index)
    w = np.ones(classes) if weight is None else weight
    rows = np.moveaxis(likelihood, axis, -1)
    if not hard:
        p = np.moveaxis(target, axis, -1) * (1 - label_smoothing) + label_smoothing / classes
        return reduced(-np.sum(rows * p * w, -1), reduction)
    target = target.astype(int)
    counted = target != ignore_index
    safe = np.where(counted, target, 0)
    p = np.eye(classes)[safe] * (1 - label_smoothing) + label_smoothing / classes
    loss = -np.sum(rows * p * w, -1) * counted
    return (
        np.sum(loss) / np.sum(w[safe] * counted)
        if reduction == "mean"
        else reduced(loss, reduction)
    )


def multi_margin(
    x: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: Any = "mean",
) -> np.ndarray:
    """Compare each class with the target's."""
    rows, at = np.atleast_2d(x), np.atleast_1d(target).astype(int)
    loss = np.zeros(len(rows))
    for i, (row, y) in enumerate(zip(rows, at, strict=True)):
        terms = [max(0, margin - row[y] + v) ** p for j, v in enumerate(row) if j != y]
        loss[i] = sum(terms) / len(row) * (1 if weight is None else weight[y])
    return reduced(loss if x.ndim == 2 else loss[0], reduction)


def multilabel_margin(x: Any, target: Any, reduction: str = "mean") -> np.ndarray:
    """Compare each listed class with each that is not."""
    loss = []
    for row, labels in zip(np.atleast_2d(x), np.atleast_2d(target), strict=True):
        listed = [int(v) for v in itertools.takewhile(lambda v: v >= 0, labels)]
        others = [j for j in range(len(row)) if j not in listed]
        loss.append(sum(max(0, 1 - row[y] + row[j]) for y in listed for j in others) / len(row))
    return reduced(np.array(loss) if x.ndim == 2 else np.array(loss[0]), reduction)


def multilabel_soft(x: Any, y: Any, weight: Any = 1.0, reduction: str = "mean") -> np.ndarray:
    """Average the logistic losses of the classes."""
    return reduced(np.mean((y * softplus(-x) + (1 - y) * softplus(x)) * weight, -1), reduction)


def hinge(x: Any, y: Any, margin: float = 1.0, reduction: str = "mean") -> np.ndarray:
    """The value, or what it lacks to the margin."""
    return reduced(np.where(y == 1, x, np.maximum(0, margin - x)), reduction)


def triplet(
    a: Any,
    p: Any,
    n: Any,
    margin: float = 1.0,
    norm: float = 2,
    swap: bool = False,
    reduction="mean",
) -> np.ndarray:
    """Compare distances."""

    def distance(x: Any, y: Any) -> np.ndarray:
        return np.linalg.norm(x - y + 1e-6, norm, axis=-1)

    far = np.minimum(distance(a, n), distance(p, n)) if swap else distance(a, n)
    return reduced(np.maximum(0, margin + distance(a, p) - far), reduction)


def cosine_embedding(a: Any, b: Any, y: Any, margin: float = 0.0, reduction="mean") -> np.ndarray:
    """Compare directions."""
    cosine = np.sum(a * b, -1) / np.sqrt((np.sum(a * a, -1) + 1e-12) * (np.sum(b * b, -1) + 1e-12))
    return reduced(np.where(y == 1, 1 - cosine, np.maximum(0, cosine - margin)), reduction)


def ctc(
    x: np.ndarray, labels: Any, frames: Any, lengths: Any, reduction: str = "mean", blank: int = 0
) -> np.ndarray:
    """Sum the probabilities of every alignment, one by one."""
    p = np.exp(log_softmax_reference(x, -1))
    p = p if p.ndim == 3 else p[:, None]
    starts = np.cumsum([0, *lengths[:-1]]) if np.ndim(labels) == 1 else None
    loss = []
    for n, (count, length) in enumerate(zip(frames, lengths, strict=True)):
        row = labels[n][:length] if starts is None else labels[starts[n] : starts[n] + length]
        total = 0.0
        for path in itertools.product(range(p.shape[2]), repeat=count):
            kept = [c for i, c in enumerate(path) if c != blank and (not i or path[i - 1] != c)]
            if kept == list(row):
                total += math.prod(p[t, n, c] for t, c in enumerate(path))
        loss.append(-math.log(total))
    each = np.array(loss) / np.maximum(lengths, 1) if reduction == "mean" else np.array(loss)
    return reduced(each if x.ndim == 3 else each[0], reduction)
