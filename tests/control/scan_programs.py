"""Loops for the tests of scan: a step, its first carry, its sequences, what it captures."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import dualgraph as dg

FEATURES, BATCH, LENGTH = 4, 3, 5


def numbers(*shape: int, seed: int, dtype: str = "float32") -> Any:
    """Return a tensor of numbers of about 1."""
    return dg.tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


@dataclass(frozen=True)
class Program:
    """``step(*captured)`` returns the function that scan runs."""

    step: Callable[..., Callable[[Any, Any], tuple[Any, Any]]]
    init: Callable[[], Any]
    xs: Callable[[], Any]
    captured: Callable[[], tuple[Any, ...]] = field(default=tuple)
    reverse: bool = False
    length: int | None = None
    exact: bool = True  # gradients are added in the order of the loop in Python


def _rnn(w: Any, b: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = dg.tanh(h @ w + x + b)
        return h, h

    return step


def _lstm(w: Any, u: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        h, c = state
        i, f, g, o = (x @ w + h @ u).chunk(4, 1)
        c = dg.sigmoid(f) * c + dg.sigmoid(i) * dg.tanh(g)
        h = dg.sigmoid(o) * dg.tanh(c)
        return (h, c), {"h": h, "gate": o}

    return step


def _running_sum() -> Any:
    return lambda total, x: (total + x, total)


def _counter() -> Any:
    def step(state: Any, x: Any) -> Any:
        n, total = state
        return (n + 1, total + x * n.to(x.dtype)), n

    return step


def _several_uses(w: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = h * w + dg.sin(h) * x + h / (1 + h * h)
        return h, (h * h, x + w)

    return step


def _of_views(w: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        rows = dg.cat([h[1:], x[None]])
        return rows, (rows.T @ w).sum(0)

    return step


def _swap() -> Any:
    return lambda pair, x: ((pair[1], pair[0] + x), pair[0])


def _normalized(w: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = dg.nn.functional.layer_norm(h @ w + x, (FEATURES,))
        return h, dg.softmax(h, 1)

    return step


def _sorted() -> Any:
    def step(h: Any, x: Any) -> Any:
        values, places = dg.sort(h + x, dim=1)
        return values, (values.max(1).values, places)

    return step


def _nested(w: Any) -> Any:
    def inner(a: Any, row: Any) -> Any:
        a = dg.tanh(a * row + w)
        return a, a

    def step(h: Any, x: Any) -> Any:
        last, all_of_them = dg.control.scan(inner, h[0], x)
        return h + last, all_of_them.sum(0)

    return step


def _no_sequence(w: Any) -> Any:
    return lambda h, _: (h * w, None)


def _only_outputs(w: Any) -> Any:
    return lambda none, x: (none, x * w)


def _detached(w: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = h.detach() * w + x * h
        with dg.no_grad():
            extra = h * 3
        return h, extra + x

    return step


def _of_library() -> Any:
    def step(m: Any, x: Any) -> Any:
        values = dg.linalg.eigvalsh(m)
        return m + dg.diag(x), values

    return step


def _indexed(table: Any) -> Any:
    def step(h: Any, i: Any) -> Any:
        h = dg.tanh(h + table[i])
        return h, h.sum()

    return step


def _features(seed: int, *lead: int, dtype: str = "float32") -> Callable[[], Any]:
    return lambda: numbers(*lead, BATCH, FEATURES, seed=seed, dtype=dtype)


def _square(seed: int, dtype: str = "float32") -> Any:
    return numbers(FEATURES, FEATURES, seed=seed, dtype=dtype) * 0.5


PROGRAMS: dict[str, Program] = {
    "rnn": Program(
        _rnn, _features(0), _features(1, LENGTH), lambda: (_square(2), numbers(FEATURES, seed=3))
    ),
    "rnn in float64, reverse": Program(
        _rnn,
        _features(0, dtype="float64"),
        _features(1, LENGTH, dtype="float64"),
        lambda: (_square(2, "float64"), numbers(FEATURES, seed=3, dtype="float64")),
        reverse=True,
    ),
    "rnn in float16": Program(
        _rnn,
        _features(0, dtype="float16"),
        _features(1, LENGTH, dtype="float16"),
        lambda: (_square(2, "float16"), numbers(FEATURES, seed=3, dtype="float16")),
    ),
    "lstm": Program(
        _lstm,
        lambda: (numbers(BATCH, FEATURES, seed=0), numbers(BATCH, FEATURES, seed=1)),
        _features(2, LENGTH),
        lambda: (
            numbers(FEATURES, 4 * FEATURES, seed=3) * 0.3,
            numbers(FEATURES, 4 * FEATURES, seed=4) * 0.3,
        ),
    ),
    "running sum": Program(_running_sum, lambda: numbers(seed=0), lambda: numbers(9, seed=1)),
    "integers beside floats": Program(
        _counter, lambda: (dg.tensor(0), numbers(2, seed=0)), lambda: numbers(6, 2, seed=1)
    ),
    "several uses": Program(
        _several_uses,
        _features(0),
        _features(1, LENGTH),
        lambda: (numbers(FEATURES, seed=2),),
        exact=False,
    ),
    "views": Program(
        _of_views,
        lambda: numbers(3, FEATURES, seed=0),
        lambda: numbers(LENGTH, FEATURES, seed=1),
        lambda: (numbers(3, 2, seed=2),),
        exact=False,
    ),
    "swap": Program(
        _swap, lambda: (numbers(2, seed=0), numbers(2, seed=1)), lambda: numbers(5, 2, seed=2)
    ),
    "composites": Program(
        _normalized, _features(0), _features(1, LENGTH), lambda: (_square(2),), exact=False
    ),
    "several results": Program(_sorted, _features(0), _features(1, LENGTH), exact=False),
    "nested": Program(
        _nested,
        _features(0),
        _features(1, LENGTH),
        lambda: (numbers(FEATURES, seed=2),),
        exact=False,
    ),
    "no sequence": Program(
        _no_sequence, _features(0), lambda: None, lambda: (numbers(FEATURES, seed=1),), length=4
    ),
    "only outputs": Program(
        _only_outputs, lambda: (), _features(1, LENGTH), lambda: (numbers(FEATURES, seed=1),)
    ),
    "detached": Program(
        _detached,
        _features(0),
        _features(1, LENGTH),
        lambda: (numbers(FEATURES, seed=2),),
        exact=False,
    ),
    "library": Program(
        _of_library, lambda: _square(0) + 0, lambda: numbers(LENGTH, FEATURES, seed=1), exact=False
    ),
    "gathers": Program(
        _indexed,
        lambda: numbers(FEATURES, seed=0),
        lambda: dg.tensor([2, 0, 2, -1]),
        lambda: (numbers(5, FEATURES, seed=1),),
    ),
    "one step": Program(
        _rnn, _features(0), _features(1, 1), lambda: (_square(2), numbers(FEATURES, seed=3))
    ),
    "no steps": Program(
        _rnn, _features(0), _features(1, 0), lambda: (_square(2), numbers(FEATURES, seed=3))
    ),
}
