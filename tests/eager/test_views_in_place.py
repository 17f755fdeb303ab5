"""Changing views in place: memory, gradients and compiled programs all see one change.

Random programs take views of views and change them; NumPy says what the memory holds, PyTorch
(where installed) what the gradients are, and the compiled program must agree in every bit.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dualgraph as dg
from dualgraph.errors import GradError, TraceError
from tests.bits import assert_bits_equal

try:
    import torch
except ImportError:
    torch: Any = None

VIEWS = {
    "whole": lambda x: x,
    "row": lambda x: x[1],
    "last rows": lambda x: x[1:],
    "every other": lambda x: x[::2],
    "column": lambda x: x.T[0],
    "turned": lambda x: x.T,
    "with an axis": lambda x: x[None],
    "corner": lambda x: x[:2].T[1:],
}
CHANGES: dict[str, tuple[Any, Any]] = {  # of a tensor, and of an array
    "mul_": (lambda v, w: v.mul_(w), lambda v, w: np.multiply(v, w, out=v)),
    "add_": (lambda v, w: v.add_(w), lambda v, w: np.add(v, w, out=v)),
    "exp_": (lambda v, w: v.exp_(), lambda v, w: v.__setitem__(..., dg.exp(dg.tensor(v)).numpy())),
    "clamp_": (lambda v, w: v.clamp_(-0.5, 1.5), lambda v, w: np.clip(v, -0.5, 1.5, out=v)),
    "copy_": (lambda v, w: v.copy_(w), lambda v, w: np.copyto(v, w)),
    "zero_": (lambda v, w: v.zero_(), lambda v, w: v.fill(0)),
    "square": (lambda v, w: v.mul_(v), lambda v, w: np.multiply(v, v, out=v)),
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(VIEWS)),
        st.sampled_from(sorted(VIEWS)),
        st.sampled_from(sorted(CHANGES)),
        st.booleans(),  # keep the view, and use it later
    ),
    min_size=1,
    max_size=4,
)
Steps = list[tuple[str, str, str, bool]]


def wide_enough(x: Any) -> bool:
    """Tell whether every view can be taken of a tensor or array."""
    shape = tuple(x.shape)
    return len(shape) == 2 and min(shape) >= 3


def run(x: Any, w: Any, steps: Steps, change: int) -> tuple[Any, list[Any]]:
    """Make and change views of ``x * 2``; return it and the views that were kept."""
    base = x * 2
    kept = []
    for first, second, name, keep in steps:
        view = VIEWS[first](base)
        if wide_enough(view):
            view = VIEWS[second](view)
        CHANGES[name][change](view, w)
        if keep:
            kept.append(view)
    return base, kept


def value(x: Any, w: Any, steps: Steps) -> Any:
    """Return a number that depends on the base and on every kept view."""
    base, kept = run(x, w, steps, 0)
    total = (base * base).sum()
    for i, view in enumerate(kept):
        total = total + view.sum() * (i + 0.5)
    return total


def with_gradients(x: Any, w: Any, steps: Steps) -> tuple[Any, ...]:
    """Return the value and its gradients."""
    total = value(x, w, steps)
    return total, *dg.autograd.grad(total, (x, w), allow_unused=True)


START = np.linspace(-1.0, 1.5, 16).reshape(4, 4)


@settings(deadline=None, max_examples=25)
@given(STEPS)
def test_random_programs(steps: Steps) -> None:
    """Memory as NumPy, bits as compiled, gradients as PyTorch."""
    x, w = (dg.tensor(a, requires_grad=True) for a in (START, np.array(0.75)))
    base, kept = run(x, w, steps, 0)
    array, arrays = run(START, np.array(0.75), steps, 1)
    assert_bits_equal(base, array)
    assert_bits_equal(kept, arrays)
    expected = with_gradients(x, w, steps)
    compiled = dg.compile(lambda x, w: with_gradients(x, w, steps))
    assert_bits_equal(list(compiled(x, w)), list(expected))
    if torch is not None:
        compare_with_torch(steps, expected)


def compare_with_torch(steps: Steps, expected: tuple[Any, ...]) -> None:
    """Run the same program there, unless it refuses: it keeps no copies of what is overwritten."""
    x, w = (torch.tensor(a, requires_grad=True) for a in (START, np.array(0.75)))
    total = value(x, w, steps)
    try:
        wanted = (total, *torch.autograd.grad(total, (x, w), allow_unused=True))
    except RuntimeError:  # of one kind: modified by an inplace operation
        return
    for ours, theirs in zip(expected, wanted, strict=True):
        if ours is None or theirs is None:
            assert ours is theirs
        else:
            np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)


def test_a_view_taken_before_the_change_sees_it() -> None:
    """Its values and its place on the tape."""
    x = dg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    first, rest = y[0], y[1:]
    y.mul_(10)
    assert rest.tolist() == [20.0, 30.0]
    (first + rest.sum()).backward()
    assert x.grad.tolist() == [10.0, 10.0, 10.0]


def test_rows_written_one_by_one() -> None:
    """The loop of a recurrent net: ``out[t] = h``, by views; the gradient reaches every h."""
    w = dg.tensor([0.5, -0.5], requires_grad=True)

    def function(w: Any) -> Any:
        out = dg.zeros(3, 2)
        h = w
        for t in range(3):
            h = dg.tanh(h * 2)
            out[t].copy_(h)
        return out, dg.autograd.grad(out.sum(), w)[0]

    assert_bits_equal(dg.compile(function)(w), function(w))
    h, total = w, 0
    for _ in range(3):
        h = dg.tanh(h * 2)
        total = total + h.sum()
    np.testing.assert_allclose(
        function(w)[1].numpy(), dg.autograd.grad(total, w)[0].numpy(), rtol=1e-6
    )


def test_an_argument_is_changed_through_a_view() -> None:
    """Compiled as eagerly, without gradients."""

    def function(x: Any) -> Any:
        x[1].fill_(7)
        x.T[0].add_(1)
        x.detach()[0].zero_()
        return x.sum()

    eager, traced = dg.ones(3, 2), dg.ones(3, 2)
    assert_bits_equal(dg.compile(function)(traced), function(eager))
    assert_bits_equal(traced, eager)
    assert eager.tolist() == [[0.0, 0.0], [8.0, 7.0], [2.0, 1.0]]


def test_refused() -> None:
    """Views of leaves that require grad, expanded memory, merged axes in a trace, detached."""
    leaf = dg.ones(3, 2, requires_grad=True)
    with pytest.raises(GradError, match="view of a leaf"):
        leaf[0].zero_()
    with pytest.raises(GradError, match="share one place"):
        (leaf * 1)[:1].expand(3, 2).zero_()
    with pytest.raises(GradError, match="detached"):
        dg.ones(3, 2).detach().mul_(leaf)
    with pytest.raises(TraceError, match="merges axes"):
        dg.compile(lambda x: (x * 2).view(-1).add_(1))(dg.ones(2, 2))
