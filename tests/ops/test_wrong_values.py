"""What a new user gets wrong in layers, optimizers, schedulers, data and compiled functions."""

import signal
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import (
    ArgumentError,
    ArgumentTypeError,
    AxisError,
    DataError,
    DTypeError,
    LoadError,
    MissingNameError,
    ShapeError,
    TraceError,
)
from dualgraph.utils.data import ConcatDataset, DataLoader, TensorDataset, random_split
from tests.bits import array_of, assert_bits_equal
from tests.ops.error_cases import Bad, check_bad_call

nn, optim, schedules = dg.nn, dg.optim, dg.optim.lr_scheduler


def weight() -> dg.Tensor:
    """Return a parameter."""
    return nn.Parameter(dg.ones(2))


def sgd() -> Any:
    """Return an optimizer of one parameter."""
    return optim.SGD([weight()], lr=0.1)


def hooked(result: Any) -> dg.Tensor:
    """Return a sum in whose backward a hook returns this."""
    x = dg.ones(2, requires_grad=True)
    x.register_hook(lambda g: result)
    return x.sum()


def reading(data: bytes, folder: Any) -> Any:
    """Load a file with this content."""
    path = folder / "file"
    path.write_bytes(data)
    return dg.load(path)


CASES: dict[str, Bad] = {
    # layers
    "conv padding": (lambda: nn.Conv2d(1, 1, 3, padding="wide"), ArgumentError, ("'wide'",)),
    "conv same": (lambda: nn.Conv2d(1, 1, 3, 2, "same"), ArgumentError, ("takes no stride", "2")),
    "conv groups": (lambda: nn.Conv2d(3, 4, 3, groups=2), ArgumentError, ("3 input", "2 groups")),
    "dropout": (lambda: nn.Dropout(2), ArgumentError, ("p must lie in [0, 1], got 2",)),
    "dropout: text": (lambda: nn.Dropout("a"), ArgumentTypeError, ("'p'", "a number", "'a'")),
    "padding row": (lambda: nn.Embedding(5, 3, 5), ArgumentError, ("padding_idx 5", "5 rows")),
    "pretrained": (
        lambda: nn.Embedding.from_pretrained(dg.ones(3)),
        ShapeError,
        ("(rows, features)", "(3,)"),
    ),
    "heads": (lambda: nn.MultiheadAttention(5, 2), ArgumentError, ("embed_dim 5", "2 heads")),
    "state": (
        lambda: nn.LSTM(3, 4)(dg.ones(5, 2, 3), (dg.ones(1, 3, 4), dg.ones(1, 2, 4))),
        ShapeError,
        ("LSTM", "(1, 2, 4)", "(1, 3, 4)", "in LSTM(input=float32[5,2,3], hx=("),
    ),
    "state of a GRU": (
        lambda: nn.GRU(3, 4)(dg.ones(5, 2, 3), (dg.ones(1, 2, 4),)),
        ArgumentTypeError,
        ("GRU: argument 'hx'", "(float32[1,2,4],)"),
    ),
    "one value": (lambda: nn.BatchNorm1d(3)(dg.ones(1, 3)), ShapeError, ("(1, 3)",)),
    "hardtanh": (lambda: nn.Hardtanh(1, -1), ArgumentError, ("min_val 1", "max_val -1")),
    "margin": (lambda: nn.TripletMarginLoss(-1), ArgumentError, ("positive, got -1",)),
    "uniform": (lambda: nn.init.uniform_(dg.ones(2), 2, 1), ArgumentError, ("[2, 1)",)),
    # modules
    "part": (lambda: nn.ModuleList([len]), ArgumentTypeError, ("part 0", "not a Module")),
    "no part": (lambda: nn.Sequential(nn.ReLU())[3], AxisError, ("index 3", "1 modules")),
    "child": (lambda: nn.Module().add_module("b", 1), ArgumentTypeError, ("a Module, got 1",)),
    "method": (
        lambda: nn.Linear(1, 1).register_parameter("forward", None),
        ArgumentError,
        ("Linear already has a 'forward'",),
    ),
    "path": (lambda: nn.Module().get_submodule("a.b"), MissingNameError, ("submodule 'a.b'",)),
    "mode": (lambda: nn.Module().train("a"), ArgumentTypeError, ("a bool, got 'a'",)),
    "state dict": (
        lambda: nn.Linear(1, 1).load_state_dict([1]),
        DTypeError,
        ("expected a dict, got list",),
    ),
    "vector": (
        lambda: nn.utils.vector_to_parameters([1], [dg.ones(1)]),
        ArgumentTypeError,
        ("vector_to_parameters", "vec=[1]"),
    ),
    # optimizers and schedulers
    "lr": (lambda: optim.SGD([weight()], lr="a"), ArgumentTypeError, ("SGD", "'a'")),
    "no parameters": (lambda: optim.SGD(None, lr=0.1), ArgumentTypeError, ("SGD", "None")),
    "not a leaf": (
        lambda: optim.SGD([weight() * 2], lr=0.1),
        ArgumentTypeError,
        ("leaf", "MulBackward0"),
    ),
    "betas": (lambda: optim.Adam([weight()], betas=0.9), ArgumentTypeError, ("two numbers", "0.9")),
    "group": (lambda: sgd().add_param_group([1]), ArgumentTypeError, ("'params'", "not [1]")),
    "other state": (lambda: sgd().load_state_dict({}), ArgumentError, ("param_groups",)),
    "step size": (lambda: schedules.StepLR(sgd(), 0), ArgumentError, ("positive, got 0",)),
    "T_max": (lambda: schedules.CosineAnnealingLR(sgd(), 0), ArgumentError, ("T_max", "0")),
    "milestones": (lambda: schedules.MultiStepLR(sgd(), 5), ArgumentTypeError, ("MultiStepLR",)),
    # autograd
    "gradient": (
        lambda: (dg.ones(2, requires_grad=True) * 2).backward([1, 1]),
        DTypeError,
        ("backward", "gradient=[1, 1]"),
    ),
    "grad of": (lambda: dg.autograd.grad(3, 3), ArgumentTypeError, ("grad", "outputs=3")),
    "hook": (lambda: hooked("x").backward(), DTypeError, ("hook", "returned str")),
    "grad": (
        lambda: setattr(weight(), "grad", dg.ones(2, dtype=dg.float64)),
        DTypeError,
        ("float64", "float32"),
    ),
    # data
    "concatenated": (
        lambda: ConcatDataset([TensorDataset(dg.ones(2))])[5],
        AxisError,
        ("index 5", "2 samples"),
    ),
    "lengths": (lambda: random_split([1, 2], "ab"), ArgumentTypeError, ("random_split", "'ab'")),
    "generator": (lambda: DataLoader([1], generator=3), DataError, ("Generator, got 3",)),
    "huge batch": (lambda: DataLoader([1], batch_size=0), DataError, ("positive int, got 0",)),
    # compiled functions
    "results": (
        lambda: dg.compile(lambda x: {x})(dg.ones(2)),
        TraceError,
        ("returns a set", "tuples, lists and dicts"),
    ),
    "a closure": (
        lambda: dg.compile(lambda x: lambda: x)(dg.ones(2)),
        TraceError,
        ("returns a function",),
    ),
    "later": (
        lambda: dg.compile(lambda x: (y for y in [x]))(dg.ones(2)),
        TraceError,
        ("returns a generator",),
    ),
    "nothing": (lambda: dg.compile(3), ArgumentError, ("a function or a module, got int",)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_value(name: str) -> None:
    """One error of our own class, with the facts, the user's file and line."""
    check_bad_call(CASES[name])


def test_a_damaged_file_names_the_line(tmp_path: Any) -> None:
    """Of the call that read it."""
    with pytest.raises(LoadError, match=rf"3 bytes(.|\n)*at {__file__}:\d+, in load\("):
        reading(b"abc", tmp_path)


def test_pretrained_tables() -> None:
    """They are the tensor itself, frozen unless asked for."""
    table = dg.arange(6.0).reshape(3, 2)
    layer = nn.Embedding.from_pretrained(table, padding_idx=0)
    assert not layer.weight.requires_grad
    assert layer.padding_idx == 0
    assert_bits_equal(array_of(layer(dg.tensor([2]))), np.array([[4, 5]], np.float32), "row")
    bags = nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum")
    assert bags.weight.requires_grad
    assert_bits_equal(array_of(bags(dg.tensor([[0, 2]]))), np.array([[4, 6]], np.float32), "bag")


# --- compiled functions -------------------------------------------------------------------------


def steps(x: dg.Tensor) -> Iterator[dg.Tensor]:
    """Yield twice."""
    yield x
    yield x * 2


async def later(x: dg.Tensor) -> dg.Tensor:
    """Return after a while."""
    return x


@pytest.mark.parametrize("function", [steps, later])
def test_bodies_that_run_after_the_call(function: Callable[..., Any]) -> None:
    """Refused when they are given, not when they run."""
    with pytest.raises(ArgumentError, match="a generator or a coroutine"):
        dg.compile(function)


COUNT = 0


def counting(x: dg.Tensor) -> dg.Tensor:
    """Count its own calls."""
    global COUNT
    COUNT += 1
    return x * COUNT


class Counting:
    """Counts its calls in an attribute."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: dg.Tensor) -> dg.Tensor:
        self.calls += 1
        return x * self.calls


@pytest.mark.parametrize("function", [counting, Counting()])
def test_counting_calls_while_traced(function: Callable[..., Any]) -> None:
    """A number that the function sets and reads is a named error, not the first one for ever."""
    with pytest.raises(TraceError, match=r"changed from 0 to 1 while the function was traced"):
        dg.compile(function)(dg.ones(2))


class Kinds:
    """Compiled functions of a class."""

    @classmethod
    @dg.compile
    def of_class(cls, x: dg.Tensor) -> dg.Tensor:
        """Return a multiple."""
        return x * 3

    @staticmethod
    @dg.compile
    def of_none(x: dg.Tensor) -> dg.Tensor:
        """Return a multiple."""
        return x * 4

    @dg.compile
    def of_one(self, x: dg.Tensor) -> dg.Tensor:
        """Return a multiple."""
        return x * 5


def test_functions_of_classes() -> None:
    """Class methods, static methods and methods, called through class and instance."""
    x = dg.ones(2)
    for call, factor in ((Kinds.of_class, 3), (Kinds().of_class, 3), (Kinds.of_none, 4)):
        assert call(x).tolist() == [factor] * 2
    assert Kinds().of_one(x).tolist() == [5.0, 5.0]


def test_ordered_results() -> None:
    """An OrderedDict, as old models return it, comes back as one."""
    out = dg.compile(lambda x: OrderedDict(a=x * 2, b=[x]))(dg.ones(2))
    assert type(out) is OrderedDict
    assert out["a"].tolist() == [2.0, 2.0]


class Mine(Exception):
    """Cannot be made from one message."""

    def __init__(self, a: str, *, b: int) -> None:
        super().__init__(a)
        self.b = b


def failing(x: dg.Tensor) -> dg.Tensor:
    """Raise in the middle."""
    y = x * 2
    raise Mine("hello", b=y.shape[0])


@pytest.mark.parametrize("function", [failing, partial(failing)])
def test_the_users_exceptions(function: Callable[..., Any]) -> None:
    """They leave a trace as they are, with their traceback, and leave everything usable."""
    compiled = dg.compile(function)
    with pytest.raises(Mine, match="hello") as caught:
        compiled(dg.ones(3))
    assert caught.value.b == 3
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "failing"
    assert (dg.ones(2) + 1).tolist() == [2.0, 2.0]
    assert dg.compile(lambda x: x + 1)(dg.ones(2)).tolist() == [2.0, 2.0]


def interrupt(signum: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0.0005, 0.002, 0.01])
def test_interrupts_while_compiling(after: float) -> None:
    """Wherever it hits, the next call gives the right result."""

    def slow(x: dg.Tensor) -> dg.Tensor:
        for _ in range(200):
            x = (x * 1.0001).sin()
        return x

    compiled, x = dg.compile(slow), dg.ones(2)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        compiled(x)
    except KeyboardInterrupt:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert dg.is_grad_enabled()
    assert_bits_equal(array_of(compiled(x)), array_of(slow(x)), "result")
