"""Random numbers: the distributions, the generator's state, and one stream in both frontends."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, TraceError
from tests.bits import assert_bits_equal

N = 20_000
CRITICAL = 1.95 / math.sqrt(N)  # of the Kolmogorov-Smirnov distance: exceeded once in 1000 times


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """The standard normal distribution function."""
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])


CONTINUOUS: dict[str, tuple[Callable[[Any], Any], Callable[[np.ndarray], np.ndarray]]] = {
    "rand": (lambda g: dg.rand(N, generator=g), lambda x: x),
    "rand float64": (lambda g: dg.rand(N, dtype=dg.float64, generator=g), lambda x: x),
    "randn": (lambda g: dg.randn(N, generator=g), normal_cdf),
    "normal": (lambda g: dg.normal(3.0, 2.0, (N,), generator=g), lambda x: normal_cdf((x - 3) / 2)),
    "uniform_": (lambda g: dg.empty(N).uniform_(-1, 3, generator=g), lambda x: (x + 1) / 4),
    "normal_": (
        lambda g: dg.empty(N).normal_(1, 2, generator=g),
        lambda x: normal_cdf((x - 1) / 2),
    ),
    "log_normal_": (
        lambda g: dg.empty(N).log_normal_(0, 0.5, generator=g),
        lambda x: normal_cdf(np.log(x) / 0.5),
    ),
    "exponential_": (
        lambda g: dg.empty(N).exponential_(2.0, generator=g),
        lambda x: 1 - np.exp(-2 * x),
    ),
    "cauchy_": (
        lambda g: dg.empty(N).cauchy_(1, 2, generator=g),
        lambda x: 0.5 + np.arctan((x - 1) / 2) / np.pi,
    ),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distributions(name: str) -> None:
    """The largest distance between the sample's and the true distribution function is small."""
    draw, cdf = CONTINUOUS[name]
    x = np.sort(draw(dg.Generator().manual_seed(11)).numpy().astype(np.float64))
    expected, steps = cdf(x), np.arange(N + 1) / N
    distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
    assert distance < CRITICAL


def poisson(rate: float) -> Callable[[int], float]:
    """The probability of a count."""
    return lambda k: math.exp(k * math.log(rate) - rate - math.lgamma(k + 1))


DISCRETE: dict[str, tuple[Callable[[Any], Any], Callable[[int], float]]] = {
    "randint": (lambda g: dg.randint(2, 9, (N,), generator=g), lambda k: (2 <= k < 9) / 7),
    "random_": (lambda g: dg.empty(N).random_(5, generator=g), lambda k: (0 <= k < 5) / 5),
    "random_ from": (lambda g: dg.empty(N).random_(3, 5, generator=g), lambda k: (3 <= k < 5) / 2),
    "bernoulli": (
        lambda g: dg.bernoulli(dg.full((N,), 0.3), generator=g),
        lambda k: (0.7, 0.3)[k] if k < 2 else 0.0,
    ),
    "bernoulli_": (lambda g: dg.empty(N).bernoulli_(0.5, generator=g), lambda k: (k < 2) / 2),
    "geometric_": (
        lambda g: dg.empty(N).geometric_(0.4, generator=g),
        lambda k: 0.4 * 0.6 ** (k - 1) if k else 0.0,
    ),
    "poisson 0.5": (lambda g: dg.poisson(dg.full((N,), 0.5), generator=g), poisson(0.5)),
    "poisson 9": (lambda g: dg.poisson(dg.full((N,), 9.0), generator=g), poisson(9.0)),
    "poisson 30": (lambda g: dg.poisson(dg.full((N,), 30.0), generator=g), poisson(30.0)),
    "multinomial": (
        lambda g: dg.multinomial(dg.tensor([1.0, 0.0, 3.0, 4.0]), N, True, generator=g),
        lambda k: (0.125, 0.0, 0.375, 0.5)[k] if k < 4 else 0.0,
    ),
    "multinomial first": (
        lambda g: dg.multinomial(dg.tensor([[1.0, 3.0, 4.0]]).expand(N, 3), 2, generator=g)[:, 0],
        lambda k: (0.125, 0.375, 0.5)[k] if k < 3 else 0.0,
    ),
    "randperm": (
        lambda g: dg.stack([dg.randperm(4, generator=g) for _ in range(N // 4)])[:, 0].repeat(4),
        lambda k: (k < 4) / 4,
    ),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distributions(name: str) -> None:
    """Every count is within five standard deviations of its expectation; no other value occurs."""
    draw, probability = DISCRETE[name]
    x = draw(dg.Generator().manual_seed(12)).numpy().astype(int)
    counts = np.bincount(x)
    p = np.array([float(probability(k)) for k in range(len(counts))])
    repeated = 4 if name == "randperm" else 1
    assert (np.abs(counts - N * p) <= 5 * np.sqrt(repeated * N * p * (1 - p)) + 1e-9).all()


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "rand": lambda g: dg.rand(3, 5, generator=g),
    "half": lambda g: dg.rand(7, dtype=dg.float16, generator=g),
    "normal": lambda g: dg.normal(dg.ones(3, 1), dg.ones(4), generator=g),
    "randint": lambda g: dg.randint(-(2**63), 2**63 - 1, (50,), generator=g),
    "randperm": lambda g: dg.randperm(100, generator=g),
    "multinomial": lambda g: dg.multinomial(dg.ones(600, 5), 4, generator=g),
    "replaced": lambda g: dg.multinomial(dg.ones(600, 5), 9, replacement=True, generator=g),
    "poisson": lambda g: dg.poisson(dg.linspace(0, 60, 100), generator=g),
    "bernoulli": lambda g: dg.bernoulli(dg.linspace(0, 1, 9), generator=g),
    **{
        name: (lambda g, name=name, args=args: getattr(dg.zeros(40), name)(*args, generator=g))
        for name, args in {
            "uniform_": (), "normal_": (), "log_normal_": (), "exponential_": (), "cauchy_": (),
            "geometric_": (0.2,), "bernoulli_": (), "random_": (),
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_stream_in_both_frontends(name: str) -> None:
    """Three calls, eager and compiled, give the same numbers and leave the same state."""
    eager, traced = (dg.Generator().manual_seed(2**63 - 5) for _ in range(2))
    run = FUNCTIONS[name]
    compiled = dg.compile(lambda: (run(traced), run(traced)))
    for _ in range(3):
        assert_bits_equal(compiled(), (run(eager), run(eager)))
        assert_bits_equal(traced.get_state(), eager.get_state())
    assert len(compiled.traces) == 1


def test_threads_cannot_move_a_number() -> None:
    """Rows of categories are shared out, the numbers stay."""
    before, found = dg.get_num_threads(), []
    p = dg.rand(5000, 20, generator=dg.Generator())
    g = dg.Generator()
    draw = dg.compile(lambda p: dg.multinomial(p, 3, generator=g))
    for threads in (1, 2):
        dg.set_num_threads(threads)
        g.manual_seed(4)
        found.append(draw(p))
    dg.set_num_threads(before)
    assert_bits_equal(found[0], found[1])


def test_a_permutation_and_a_sample_hold_each_once() -> None:
    """All of them, whatever the size."""
    for n in (1, 2, 17, 1000):
        assert sorted(dg.randperm(n).tolist()) == list(range(n))
    chosen = dg.multinomial(dg.rand(50, 12) + 0.01, 12)
    assert (np.sort(chosen.numpy(), 1) == np.arange(12)).all()
    assert dg.multinomial(dg.tensor([0.0, 2.0, 0.0]), 2).tolist()[0] == 1


def test_the_state_of_the_default_stream() -> None:
    """It can be saved, set, and forked; a seed starts it anew."""
    dg.manual_seed(3)
    assert dg.initial_seed() == 3
    first = dg.rand(4)
    saved = dg.get_rng_state()
    second = dg.rand(4)
    dg.set_rng_state(saved)
    assert_bits_equal(dg.rand(4), second)
    dg.set_rng_state(saved)
    with dg.fork_rng():
        dg.rand(100)
    assert_bits_equal(dg.rand(4), second)
    dg.manual_seed(3)
    assert_bits_equal(dg.rand(4), first)
    assert dg.seed() == dg.initial_seed() != 3


def test_filling_in_place() -> None:
    """Every dtype's ``random_`` stays in its range; values have no gradient to what was there."""
    for name in ("bool", "uint8", "int16", "int64", "float16", "float32", "float64"):
        x = dg.zeros(500, dtype=name).random_()
        assert x.dtype.name == name
        assert x.numpy().min() >= 0
        assert len(np.unique(x.numpy())) > (1 if name == "bool" else 100)
    y = dg.ones(3, requires_grad=True)
    z = y * 2
    z.normal_()
    (z * z).sum().backward()
    assert y.grad.tolist() == [0.0] * 3
    assert dg.rand(5000, dtype=dg.float16).numpy().max() < 1


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "randint": (lambda: dg.randint(5, 5, (2,)), ArgumentError, "low=5 and high=5"),
    "randint size": (lambda: dg.randint(5), ArgumentError, "give a size"),
    "randint floats": (lambda: dg.randint(0, 2.5, (2,)), ArgumentError, "must be an int, got 2.5"),
    "randperm": (lambda: dg.randperm(-1), ArgumentError, "negative, got -1"),
    "normal std": (lambda: dg.normal(0.0, -1.0, (2,)), ArgumentError, "std .* -1"),
    "normal size": (lambda: dg.normal(0.0, 1.0), ArgumentError, "size"),
    "zero weights": (lambda: dg.multinomial(dg.zeros(2), 1), ArgumentError, "all zero"),
    "negative weights": (lambda: dg.multinomial(dg.tensor([-1.0, 2]), 1), ArgumentError, "negat"),
    "nan weights": (lambda: dg.multinomial(dg.tensor([math.nan]), 1), ArgumentError, "finite"),
    "too many": (lambda: dg.multinomial(dg.ones(2), 3), ArgumentError, "3 samples of 2"),
    "int weights": (lambda: dg.multinomial(dg.tensor([1]), 1), TypeError, "floating, got int64"),
    "no weights": (lambda: dg.multinomial([1.0], 1), TypeError, "Tensor, got list"),
    "poisson": (lambda: dg.poisson(dg.tensor([1])), TypeError, "floating, got int64"),
    "bernoulli": (lambda: dg.bernoulli(dg.ones(2), 1.5), ArgumentError, "p must lie in .* 1.5"),
    "uniform_": (lambda: dg.ones(2).uniform_(2, 1), ArgumentError, "from <= to, got 2 and 1"),
    "uniform_ ints": (lambda: dg.tensor([1]).uniform_(), TypeError, "uniform_ .* int64"),
    "exponential_": (lambda: dg.ones(2).exponential_(0), ArgumentError, "positive, got 0"),
    "geometric_": (lambda: dg.ones(2).geometric_(2), ArgumentError, "between 0 and 1, got 2"),
    "cauchy_": (lambda: dg.ones(2).cauchy_(0, -1), ArgumentError, "positive, got -1"),
    "state": (lambda: dg.set_rng_state(dg.zeros(2)), ArgumentError, r"int64\[2\], got float32"),
    "rand dtype": (lambda: dg.rand(2, dtype=dg.int64), TypeError, "floating, got int64"),
    "rand device": (lambda: dg.rand(2, device="cuda"), ArgumentError, "'cuda' does not exist"),
    "rand option": (lambda: dg.rand(2, colour="red"), ArgumentError, "unexpected .* colour"),
    "traced seed": (lambda: dg.compile(lambda: dg.seed())(), TraceError, "frozen"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls(name: str) -> None:
    """The error says which number is wrong."""
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        call()
