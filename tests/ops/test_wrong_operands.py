"""Every argument of every public function, replaced in turn by what does not belong there.

The calls are those that the rows of the op table make. Whatever comes out must be an error of our
own, which names the function, what was given and the user's line; or a result, where PyTorch takes
the value too. The same calls are made while a function is traced.
"""

import inspect
import math
import pickle
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import (
    AllocationError,
    ArgumentError,
    ArgumentTypeError,
    AxisError,
    DTypeError,
    DualgraphError,
    described,
)
from tests.ops.error_cases import Bad, check_bad_call
from tests.ops.op_table import ROWS

nn, F = dg.nn, dg.nn.functional
WRONG = {
    "None": None,
    "list": [1, 2],
    "str": "abc",
    "ndarray": np.ones((2, 3), np.float32),
    "float": 1.5,
    "int": 3,
    "bool": True,
    "tensor": dg.ones(2, 3),
    "scalar": dg.tensor(1.0),
    "object": object(),
    "dict": {},
    "huge": 10**30,
    "-huge": -(10**30),
    "big": 2**62,
    "nan": math.nan,
}


class Call(NamedTuple):
    """A call of a public function, by its dotted name."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Recorder:
    """Stands for the package: runs its functions, and keeps what they were called with."""

    def __init__(self, target: Any, prefix: str, calls: list[Call]) -> None:
        self.target, self.prefix, self.calls = target, prefix, calls

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.target, name)
        if inspect.ismodule(value):
            return Recorder(value, f"{self.prefix}{name}.", self.calls)
        if not inspect.isfunction(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(Call(f"{self.prefix}{name}", value, args, kwargs))
            return value(*args, **kwargs)

        return call


X = dg.arange(6.0).reshape(2, 3)
METHODS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("view", (3, 2)),
    ("view_as", (X,)),
    ("reshape_as", (X,)),
    ("expand", (2, 3)),
    ("expand_as", (X,)),
    ("repeat", (2, 1)),
    ("unfold", (1, 2, 1)),
    ("copy_", (X,)),
    ("fill_", (2.0,)),
    ("type", (dg.float64,)),
    ("type_as", (X,)),
    ("to", (dg.float64,)),
    ("new_full", ((2,), 1.0)),
    ("new_zeros", (2,)),
    ("new_ones", (2,)),
    ("size", (0,)),
    ("masked_fill_", (X > 1, 2.0)),
    ("index_fill_", (0, dg.tensor([1]), 2.0)),
    ("index_add_", (0, dg.tensor([1]), X[:1])),
    ("scatter_", (0, dg.tensor([[1]]), X)),
    ("clamp_", (0.0, 1.0)),
    ("lerp_", (X, 0.5)),
    ("addcmul_", (X, X)),
    ("add_", (X,)),
    ("__matmul__", (X.T,)),
    ("__floordiv__", (X,)),
    ("__getitem__", (0,)),
)


@cache
def samples() -> dict[Any, Call]:
    """Return one call for each public function, way of calling it and method."""
    found: dict[Any, Call] = {}
    for row in ROWS:
        for sample in row.samples:
            arrays = row.arrays(sample, (sample.only or row.dtypes)[0])
            calls: list[Call] = []
            row.run(Recorder(dg, "", calls), [dg.from_numpy(a) for a in arrays], sample.kwargs)
            for call in calls:
                found.setdefault((call.name, len(call.args), *sorted(call.kwargs)), call)
    for name, args in METHODS:
        call = Call(name, getattr(dg.Tensor, name), (X.clone(), *args), {})
        found[name, "method"] = call
    return found


def replaced(call: Call) -> Iterator[tuple[str, str, tuple[Any, ...], dict[str, Any]]]:
    """Yield the calls with one argument, given or not, replaced by each wrong value."""
    parameters = inspect.signature(call.function).parameters.values()
    by_place = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    first = 1 if call.name in dict(METHODS) else 0  # a method has its tensor
    for kind, value in WRONG.items():
        for i in range(first, len(call.args)):
            name = by_place[i] if i < len(by_place) else ""
            yield name, kind, (*call.args[:i], value, *call.args[i + 1 :]), call.kwargs
        for p in parameters:
            named = p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
            if named and p.name not in by_place[: len(call.args)]:
                yield p.name, kind, call.args, {**call.kwargs, p.name: value}


def outcome(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the exception of a call, or None."""
    try:
        call.function(*args, **kwargs)
    except Exception as error:
        return error
    return None


HERE = f"{__file__}:{outcome.__code__.co_firstlineno + 3}, "


def complaints() -> list[str]:
    """Make every wrong call; return what is amiss with the errors."""
    amiss, tried = [], set()
    for call in samples().values():
        for name, kind, args, kwargs in replaced(call):
            if (call.name, name, kind, len(args)) in tried:
                continue
            tried.add((call.name, name, kind, len(args)))
            error = outcome(call, args, kwargs)
            where = f"{call.name}({name}={kind})"
            if error is None:
                continue
            if not isinstance(error, DualgraphError):
                amiss.append(f"{where}: {error!r}")
                continue
            value, text = WRONG[kind], str(error)
            named = f"in {call.function.__code__.co_name}(" in text.partition(HERE)[2]
            default = inspect.signature(call.function).parameters.get(name)
            argument = f"{name}=" in text and described(value) in text
            argument |= default is None or default.default is value  # defaults are left out
            if not (named and argument):
                amiss.append(f"{where}: does not say so: {text}")
    assert len(tried) > 15_000, "the table makes fewer calls than it did"
    return amiss


@pytest.mark.filterwarnings("ignore")
def test_eager() -> None:
    """Only errors of our own, which name the function, what was given, the user's line."""
    amiss = complaints()
    assert not amiss, "\n".join(amiss[:20])


class Enough(Exception):
    """Ends a trace."""


@pytest.mark.filterwarnings("ignore")
def test_traced() -> None:
    """The same while a function is traced."""
    amiss: list[str] = []
    samples()

    @dg.compile
    def traced(x: dg.Tensor) -> dg.Tensor:
        amiss.extend(complaints())
        raise Enough

    with pytest.raises(Enough):
        traced(dg.ones(2))
    assert not amiss, "\n".join(amiss[:20])


def distance(a: dg.Tensor, b: dg.Tensor) -> dg.Tensor:
    """Fail as a user's function does."""
    raise ValueError("mine")


class Mine(nn.Module):
    """A layer whose forward fails."""

    def forward(self, x: dg.Tensor) -> dg.Tensor:
        return {}[x]  # type: ignore[index]


PASSED: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "in a loss": (
        lambda: F.triplet_margin_with_distance_loss(X, X, X, distance_function=distance),
        ValueError,
    ),
    "in a layer": (lambda: nn.Sequential(nn.Identity(), Mine())(X), KeyError),
}


@pytest.mark.parametrize("case", PASSED.values(), ids=PASSED)
def test_errors_of_the_users_own_code(case: tuple[Callable[[], Any], type[Exception]]) -> None:
    """They come out as they are."""
    call, error = case
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error


CASES: dict[str, Bad] = {
    "a missing tensor": (
        lambda: F.linear(X, None),
        ArgumentTypeError,
        ("linear: argument 'weight' must be a Tensor, got None",),
    ),
    "a layer's input": (
        lambda: nn.Linear(3, 2)(np.ones((2, 3))),
        ArgumentTypeError,
        ("Linear: argument 'input'", "ndarray float64[2,3]", "dualgraph.tensor(...)"),
    ),
    "a layer's size": (
        lambda: nn.Linear(3, "two"),
        ArgumentTypeError,
        ("made of ints", "'two'", "Linear(in_features=3, out_features='two'"),
    ),
    "a method": (lambda: X.sum("rows"), ArgumentTypeError, ("sum(input=float32[2,3], dim='rows'",)),
    "in place": (
        lambda: X.add_([1]),
        DTypeError,
        ("add_(input=float32[2,3], other=[1])",),
    ),
    "too many parts": (lambda: dg.tensor_split(X, 10**30), ArgumentError, ("only 65536",)),
    "too large": (lambda: dg.eye(2**40), AllocationError, ("eye: not enough memory", "n=109951")),
    "a gradient": (lambda: setattr(X.clone(), "grad", 1), ArgumentTypeError, ("or None, not 1",)),
    "an axis": (lambda: X.size(2), AxisError, ("dim 2", "size(self=float32[2,3], dim=2)")),
    "no axis": (lambda: len(dg.tensor(1.0)), DTypeError, ("len() of a 0-d tensor",)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_call(name: str) -> None:
    """One error of our own class, with the facts, the user's file and line."""
    check_bad_call(CASES[name])


def test_kinds() -> None:
    """What PyTorch raises catches ours: a RuntimeError always, and what Python calls it."""
    assert issubclass(DualgraphError, RuntimeError)
    assert issubclass(ArgumentTypeError, TypeError)
    assert issubclass(ArgumentTypeError, ValueError)
    assert issubclass(AllocationError, MemoryError)


@pytest.mark.parametrize("function", [dg.reshape, F.gelu, dg.linalg.inv, dg.special.entr, dg.relu])
def test_functions_can_be_pickled(function: Callable[..., Any]) -> None:
    """Layers hold them as attributes."""
    assert pickle.loads(pickle.dumps(function)) is function
