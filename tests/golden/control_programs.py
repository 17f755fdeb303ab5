"""Loops: a step as a region, forward, backward, and backward of backward."""

from typing import Any

import dualgraph as dg
from dualgraph.control import scan
from tests.golden.inputs import leaf
from tests.golden.program import Program, families


def _cell(p: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        h, c = state
        i, f, g, o = (x @ p.w + h @ p.u).chunk(4, 1)
        c = dg.sigmoid(f) * c + dg.sigmoid(i) * dg.tanh(g)
        h = dg.sigmoid(o) * dg.tanh(c)
        return (h, c), h

    return step


def _polynomial(p: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = h * p.v + dg.sin(h) * x
        return h, (h * h, x - p.v)

    return step


def _nested(p: Any) -> Any:
    def inner(a: Any, row: Any) -> Any:
        return a * row + p.v, a

    def step(h: Any, x: Any) -> Any:
        last, rows = scan(inner, h[0], x)
        return h - last, rows.sum(0)

    return step


def _second(p: Any) -> Any:
    last, (squares, _) = scan(_polynomial(p), p.h, p.x)
    (g,) = dg.autograd.grad([(last * last).sum(), squares.sum()], [p.v], create_graph=True)
    return g


STEPS = {
    "cell": lambda p: scan(_cell(p), (p.h, p.h * p.h), p.x),
    "polynomial": lambda p: scan(_polynomial(p), p.h, p.x),
    "reverse": lambda p: scan(_polynomial(p), p.h, p.x, reverse=True),
    "nested": lambda p: scan(_nested(p), p.h, p.x),
    "second": _second,
}


def pool(dtype: str) -> dict[str, Any]:
    """Return first carries h, elements x, matrices w and u, a vector v."""
    return {
        "h": leaf((3, 4), 81, -1, 1, dtype),
        "x": leaf((6, 3, 4), 82, -1, 1, dtype),
        "w": leaf((4, 16), 83, -0.5, 0.5, dtype),
        "u": leaf((4, 16), 84, -0.5, 0.5, dtype),
        "v": leaf((4,), 85, -1, 1, dtype),
    }


PROGRAMS: dict[str, Program] = families(
    "control", STEPS, pool, float64=STEPS, float16=["cell", "polynomial"]
)
