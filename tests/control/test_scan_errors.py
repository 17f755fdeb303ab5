"""What scan refuses, in the user's words, with both frontends alike."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph.control import scan
from dualgraph.errors import (
    ArgumentError,
    DTypeError,
    DualgraphError,
    GradError,
    ShapeError,
    TraceError,
)

from .scan_programs import numbers

H, XS = numbers(3, 4, seed=0), numbers(5, 3, 4, seed=1)
W = numbers(4, 4, seed=2).requires_grad_()
COUNTED = 0
LEAKED: list[Any] = []


def changing_its_carry(h: Any, x: Any) -> Any:
    h.add_(x)
    return h, None


def changing_a_capture(h: Any, x: Any) -> Any:
    W.data.add_(1)
    return h + x, None


def counting(h: Any, x: Any) -> Any:
    global COUNTED
    COUNTED += 1
    return h + x * COUNTED, None


def branching(h: Any, x: Any) -> Any:
    return (h + x if x.sum() > 0 else h), None


def asking(h: Any, x: Any) -> Any:
    return (h + x if x.requires_grad else h), None


def walking(h: Any, x: Any) -> Any:
    (W * x.sum()).sum().backward()
    return h, None


def hooking(h: Any, x: Any) -> Any:
    W.register_hook(lambda g: g)
    return h, None


def drawing(h: Any, x: Any) -> Any:
    return dg.nn.functional.dropout(h, 0.5) + x, None


STEPS: list[tuple[Any, type[DualgraphError], str]] = [
    (changing_its_carry, TraceError, "changes an argument or a captured tensor in place"),
    (changing_a_capture, TraceError, "changes an argument or a captured tensor in place"),
    (drawing, TraceError, "as random functions change their generator.*draw random numbers outs"),
    (counting, TraceError, r"global 'COUNTED' was changed from \d+ to \d+"),
    (branching, TraceError, "needs the numbers of a tensor"),
    (asking, TraceError, "asks whether an argument requires grad"),
    (walking, TraceError, r"calls backward\(\) to a captured tensor"),
    (hooking, TraceError, "registers a hook on a captured tensor"),
    (lambda h, x: ((h + x).sum(0), None), ShapeError, r"float32\[3,4\] before a step and float32"),
    (lambda h, x: ((h + x).double(), None), DTypeError, r"and float64\[3,4\] after it"),
    (lambda h, x: ((h, x), None), ArgumentError, r"a tensor at first, and .* tuple\(a tensor, a t"),
    (lambda h, x: h + x, ArgumentError, r"must return \(carry, y\), and returned Tensor"),
    (lambda h, x: (h, x, x), ArgumentError, r"must return \(carry, y\), and returned 3 values"),
    (lambda h, x: (h, 3), DTypeError, "y holds int: tensors are needed"),
]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("step", "kind", "text"), STEPS)
def test_what_a_step_cannot_do(step: Any, kind: Any, text: str, compiled: bool) -> None:
    def run(h: Any, xs: Any) -> Any:
        return scan(step, h, xs)

    function = dg.compile(run) if compiled else run
    with pytest.raises(kind, match=text) as raised:
        function(H, XS)
    assert "test_scan_errors.py" in str(raised.value)


@pytest.mark.parametrize(
    ("init", "xs", "options", "kind", "text"),
    [
        (1.0, XS, {}, DTypeError, r"init holds float: .*dualgraph\.tensor"),
        (H, None, {}, ArgumentError, "without xs, length must say"),
        (H, XS, {"length": 4}, ShapeError, r"\(5, 3, 4\) and length=4 have different numbers"),
        (H, (XS, XS[1:]), {}, ShapeError, r"\(5, 3, 4\), \(4, 3, 4\) have different numbers"),
        (H, dg.tensor(1.0), {}, ShapeError, "no axis of steps"),
        (H, None, {"length": -1}, ArgumentError, "length is -1"),
        (H, "xs", {}, DTypeError, "xs holds str"),
    ],
)
def test_wrong_arguments(init: Any, xs: Any, options: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text) as raised:
        scan(lambda h, x: (h, None), init, xs, **options)
    assert "test_scan_errors.py" in str(raised.value)


def test_a_captured_tensor_that_was_changed_before_backward() -> None:
    w = numbers(4, 4, seed=0).requires_grad_()
    last, _ = scan(lambda h, x: (dg.tanh(h @ w + x), None), H, XS)
    with dg.no_grad():
        w.add_(1)
    with pytest.raises(GradError, match=r"shape \(4, 4\) .* modified in place"):
        last.sum().backward()


def test_a_value_of_a_step_cannot_be_used_after_it() -> None:
    def step(h: Any, x: Any) -> Any:
        LEAKED.append(h)
        return h + x, None

    scan(step, H, XS)
    with pytest.raises(TraceError, match="made while a function was traced"):
        LEAKED[-1] + 1
    compiled = dg.compile(lambda h, xs: (scan(step, h, xs)[0], LEAKED[-1] + 1))
    with pytest.raises(TraceError, match="made while a function was traced"):
        compiled(H, XS)


def test_the_last_carry_shares_no_memory_with_the_first() -> None:
    h = numbers(2, seed=0)
    for last, _ in (
        scan(lambda h, x: (h, None), h, length=3),
        scan(lambda h, x: (h, None), h, length=0),
        dg.compile(lambda h: scan(lambda h, x: (h, None), h, length=3))(h),
    ):
        last.add_(1)
    assert h.equal(numbers(2, seed=0))
