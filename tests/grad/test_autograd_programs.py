"""The programs of `autograd_programs`: as in PyTorch, and compiled as eagerly in every bit."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import assert_bits_equal
from tests.grad.autograd_programs import PROGRAMS, Program

try:
    import torch
except ImportError:
    torch: Any = None

X, W = [0.5, -1.25, 2.0], [1.5, 0.75, -0.5]


def leaves(api: Any) -> tuple[Any, Any]:
    """Return the two arguments."""
    x, w = (api.tensor(v, dtype=api.float64, requires_grad=True) for v in (X, W))
    return x, w


def plain(result: Any) -> Any:
    """Return a result as lists, dicts, arrays and plain values."""
    if isinstance(result, tuple | list):
        return [plain(r) for r in result]
    if isinstance(result, dict):
        return {k: plain(v) for k, v in result.items()}
    return result.detach().numpy() if hasattr(result, "detach") else result


def flat(result: Any) -> list[Any]:
    """Return the entries of what `plain` gives in one list."""
    if isinstance(result, dict):
        result = [v for pair in result.items() for v in pair]
    return [y for x in result for y in flat(x)] if isinstance(result, list) else [result]


def compare(found: Any, wanted: Any, name: str, exact: bool) -> None:
    """Fail unless two results have one structure and the same numbers (or bits)."""
    a, b = flat(plain(found)), flat(plain(wanted))
    assert len(a) == len(b), name
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if not isinstance(y, np.ndarray):
            assert x == y, f"{name}[{i}]"
        elif exact:
            assert_bits_equal(x, y, f"{name}[{i}]")
        else:
            assert x.dtype == y.dtype, f"{name}[{i}]"
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14, err_msg=f"{name}[{i}]")


def with_grads(run: Program, api: Any, x: Any, w: Any) -> Any:
    """Return a program's result, and what it left in ``.grad``."""
    return run(api, x, w), x.grad, w.grad


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_in_pytorch(name: str) -> None:
    ours = with_grads(PROGRAMS[name], dg, *leaves(dg))
    compare(ours, with_grads(PROGRAMS[name], torch, *leaves(torch)), name, exact=False)


@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_as_eagerly(name: str) -> None:
    run = PROGRAMS[name]
    x, w = leaves(dg)
    traced = dg.compile(lambda x, w: run(dg, x, w))
    found = traced(x, w), x.grad, w.grad
    compare(found, with_grads(run, dg, *leaves(dg)), name, exact=True)
