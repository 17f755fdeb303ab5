"""Small workloads in both modes, side by side.

Run: ``python -m pytest bench -n 0 --benchmark-enable --benchmark-group-by=group``. Results are
verified equal before anything is timed; compare rows within a group, and ratios rather than times.
"""

from collections.abc import Callable
from typing import Any

import pytest

import dualgraph as dg

from .mlp_step import X, Y, our_step


def chain(x: Any) -> Any:
    """A fused forward and backward over a million elements."""
    y = (dg.tanh(x) * dg.sigmoid(x) + dg.exp(-x * x)).sum()
    return dg.autograd.grad(y, x)[0]


def softmax(x: Any) -> Any:
    """Rows of 1,000."""
    return dg.softmax(x, 1)


WORKLOADS: dict[str, Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "mlp step": lambda: (our_step(), (dg.tensor(X), dg.tensor(Y))),
    "elementwise 1e6": lambda: (chain, (dg.randn(1_000_000, requires_grad=True),)),
    "softmax 1000x1000": lambda: (softmax, (dg.randn(1000, 1000),)),
    "matmul 512": lambda: (dg.matmul, (dg.randn(512, 512), dg.randn(512, 512))),
}


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_mode(benchmark: Any, name: str, mode: str) -> None:
    """Time one workload in one mode."""
    benchmark.group = name
    function, arguments = WORKLOADS[name]()
    assert dg.verify(function, *arguments).ok
    benchmark(dg.compile(function) if mode == "compiled" else function, *arguments)
