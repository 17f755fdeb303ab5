"""``x[...]`` and ``x[...] = v`` for random index expressions: values, gradients, both frontends.

Always against NumPy, and against PyTorch where it is installed. Then what rows of the op table
cannot say: duplicates, ties, masks inside traced functions, in-place forms.
"""

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import dualgraph as dg
from dualgraph.errors import AxisError, GradError, TraceError
from tests.bits import array_of, assert_bits_equal
from tests.ops.index_expressions import expressions, is_advanced, places, read, write

try:
    import torch
except ImportError:
    torch = None

Expression = tuple[tuple[int, ...], tuple]
QUICK = hypothesis.settings(
    max_examples=200, suppress_health_check=list(hypothesis.HealthCheck), deadline=None
)
FEW = hypothesis.settings(QUICK, max_examples=12)


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return random float64 numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def as_tensors(index: tuple, api: Any, seed: int) -> tuple:
    """Return an index with some of its arrays as tensors (PyTorch takes no negative NumPy ones)."""
    if api is None:
        return index
    kinds = np.random.default_rng(seed).integers(0, 2, len(index))
    return tuple(
        api.tensor(p) if isinstance(p, np.ndarray) and (k or api is torch) else p
        for p, k in zip(index, kinds, strict=True)
    )


def reading(x: Any, index: tuple, w: Any) -> Any:
    """Return what is read and the gradient of its weighted sum."""
    y = x[index]
    (g,) = dg.autograd.grad((y * w).sum(), [x])
    return y, g


def writing(x: Any, v: Any, index: tuple, w: Any) -> Any:
    """Return what is there after writing, and the gradients of its weighted sum."""
    y = x * 1.0
    y[index] = v
    return y, *dg.autograd.grad((y * w).sum(), [x, v])


@QUICK
@hypothesis.given(expressions(), st.integers(0, 99))
def test_reading(drawn: Expression, seed: int) -> None:
    """NumPy's values; the gradient adds the weights in row-major order of what was read."""
    shape, index = drawn
    x = numbers(shape)
    expected, at = read(x, index), places(shape, index)
    w = numbers(expected.shape, 1)
    leaf = dg.tensor(x, requires_grad=True)
    y, g = reading(leaf, as_tensors(index, dg, seed), dg.tensor(w))
    assert_bits_equal(y, expected)
    wanted = np.zeros(x.size)
    np.add.at(wanted, at.ravel(), w.ravel())
    assert_bits_equal(g, wanted.reshape(shape))
    view = not any(map(is_advanced, index))
    if y.numel():
        assert np.shares_memory(array_of(y), array_of(leaf)) == view


def value_for(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return a value that broadcasts to a shape: some extents 1, some axes dropped or added."""
    rng = np.random.default_rng(seed)
    own = tuple(1 if rng.integers(0, 4) == 0 else e for e in shape)
    own = own[rng.integers(0, len(own) + 1) :] if rng.integers(0, 2) else own
    return numbers(own, 2)


@QUICK
@hypothesis.given(expressions(), st.integers(0, 99))
def test_writing(drawn: Expression, seed: int) -> None:
    """The last of several values for one place stays, and alone gets the gradient."""
    shape, index = drawn
    x, at = numbers(shape), places(shape, index)
    v, w = value_for(at.shape, seed), numbers(shape, 1)
    leaf, value = dg.tensor(x, requires_grad=True), dg.tensor(v, requires_grad=True)
    y, gx, gv = writing(leaf, value, as_tensors(index, dg, seed), dg.tensor(w))
    assert_bits_equal(y, write(x, index, v))
    owner = np.full(x.size, -1)
    owner[at.ravel()] = np.arange(at.size)
    assert_bits_equal(gx, np.where(owner < 0, w.ravel(), 0).reshape(shape))
    stays = owner[at.ravel()] == np.arange(at.size)
    full = np.where(stays, w.ravel()[at.ravel()], 0).reshape(at.shape)
    lead = full.ndim - v.ndim
    full = full.sum(tuple(range(lead)))
    ones = tuple(i for i, e in enumerate(v.shape) if e == 1)
    np.testing.assert_allclose(array_of(gv), full.sum(ones, keepdims=True), 1e-12, 1e-12)
    plain = dg.tensor(x)
    plain[as_tensors(index, dg, seed)] = dg.tensor(v)
    assert_bits_equal(plain, y)


@FEW
@hypothesis.given(expressions(masks=False))
def test_reading_compiled(drawn: Expression) -> None:
    """The same bits when compiled, gradients included."""
    shape, index = drawn
    x, w = (
        dg.tensor(numbers(shape), requires_grad=True),
        dg.tensor(numbers(read(numbers(shape), index).shape, 1)),
    )
    function = lambda x, w: reading(x, index, w)  # noqa: E731
    assert_bits_equal(dg.compile(function)(x, w), function(x, w))


@FEW
@hypothesis.given(expressions(), st.integers(0, 99))
def test_writing_compiled(drawn: Expression, seed: int) -> None:
    """The same bits when compiled; a mask with one value for each element may be traced too."""
    shape, index = drawn
    at = places(shape, index)
    value = value_for(at.shape, seed)
    x, v = (dg.tensor(a, requires_grad=True) for a in (numbers(shape), value))
    w = dg.tensor(numbers(shape, 1))
    masks = [i for i, p in enumerate(index) if isinstance(p, np.ndarray) and p.dtype == bool]
    hypothesis.assume(len([p for p in index if is_advanced(p)]) == 1 or not masks)
    hypothesis.assume(value.size and at.size)
    function = lambda x, v, w: writing(x, v, index, w)  # noqa: E731
    assert_bits_equal(dg.compile(function)(x, v, w), function(x, v, w))


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@QUICK
@hypothesis.given(expressions(), st.integers(0, 99))
def test_reading_as_pytorch(drawn: Expression, seed: int) -> None:
    """Values, gradients, and whether memory is shared."""
    shape, index = drawn
    x = torch.tensor(numbers(shape), requires_grad=True)
    y = x[as_tensors(index, torch, seed)]
    w = numbers(tuple(y.shape), 1)
    (g,) = torch.autograd.grad((y * torch.tensor(w)).sum(), [x])
    ours = reading(dg.tensor(numbers(shape), requires_grad=True), index, dg.tensor(w))
    assert_bits_equal(ours[0], y.detach().numpy())
    np.testing.assert_allclose(array_of(ours[1]), g.numpy(), 1e-12, 1e-12)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@QUICK
@hypothesis.given(expressions(), st.integers(0, 99))
def test_writing_as_pytorch(drawn: Expression, seed: int) -> None:
    """Values and gradients where no place is written twice."""
    shape, index = drawn
    at = places(shape, index)
    hypothesis.assume(len(set(at.ravel().tolist())) == at.size)
    v, w = value_for(at.shape, seed), numbers(shape, 1)
    x, value = (torch.tensor(a, requires_grad=True) for a in (numbers(shape), v))
    y = x * 1.0
    y[as_tensors(index, torch, seed)] = value
    wanted = torch.autograd.grad((y * torch.tensor(w)).sum(), [x, value], allow_unused=True)
    leaves = (dg.tensor(a, requires_grad=True) for a in (numbers(shape), v))
    out, *found = writing(*leaves, index, dg.tensor(w))
    assert_bits_equal(out, y.detach().numpy())
    for a, e in zip(found, wanted, strict=True):
        np.testing.assert_allclose(array_of(a), 0 if e is None else e.numpy(), 1e-12, 1e-12)


# --- what rows of the op table cannot say -------------------------------------------------------

Call = Callable[[Any, Any], Any]
TWICE = [2, 0, 2, 2]
ASSIGNMENTS: dict[str, Call] = {
    "scatter": lambda x, v: x.scatter(0, dg.tensor(TWICE), v),
    "index_copy": lambda x, v: x.index_copy(0, dg.tensor(TWICE), v),
    "index_put": lambda x, v: x.index_put((dg.tensor(TWICE),), v),
    "put": lambda x, v: x.put(dg.tensor(TWICE), v),
}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_last_of_several_assignments_stays(name: str) -> None:
    """And it alone has a gradient; the same bits when compiled."""

    def function(x: Any, v: Any, w: Any) -> Any:
        y = ASSIGNMENTS[name](x, v)
        return y, *dg.autograd.grad((y * w).sum(), [x, v])

    x, v = dg.zeros(3, requires_grad=True), dg.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    w = dg.tensor([5.0, 6.0, 7.0])
    found = function(x, v, w)
    assert [t.tolist() for t in found] == [[2, 0, 4], [0, 6, 0], [0, 5, 0, 7]]
    assert_bits_equal(dg.compile(function)(x, v, w), found)


def reduced(x: Any, v: Any, reduce: str, **more: Any) -> Any:
    """Return a reduction of three sources to place 0, and its gradients."""
    y = x.scatter_reduce(0, dg.tensor([0, 0, 0]), v, reduce, **more)
    return y, *dg.autograd.grad(y.sum(), [x, v])


KINKS = [
    ("amax", {}, [3.0, 1.0], [3.0, 3.0, 2.0], [1 / 3, 1.0], [1 / 3, 1 / 3, 0.0]),
    ("amin", {}, [3.0, 1.0], [2.0, 2.0, 4.0], [0.0, 1.0], [0.5, 0.5, 0.0]),
    ("amax", {"include_self": False}, [9.0, 1.0], [3.0, 3.0, 2.0], [0.0, 1.0], [0.5, 0.5, 0.0]),
    ("prod", {}, [2.0, 1.0], [0.0, 3.0, 4.0], [0.0, 1.0], [24.0, 0.0, 0.0]),
    ("prod", {}, [2.0, 1.0], [0.0, 0.0, 4.0], [0.0, 1.0], [0.0, 0.0, 0.0]),
    ("prod", {}, [0.0, 1.0], [2.0, 3.0, 4.0], [24.0, 1.0], [0.0, 0.0, 0.0]),
    ("mean", {}, [1.0, 1.0], [2.0, 3.0, 6.0], [0.25, 1.0], [0.25, 0.25, 0.25]),
]


@pytest.mark.parametrize(("reduce", "more", "at", "source", "of_x", "of_source"), KINKS)
def test_gradients_of_reductions_at_ties_and_zeros(
    reduce: str, more: dict, at: list, source: list, of_x: list, of_source: list
) -> None:
    """Equal extremes share evenly; a single zero among factors gets the product of the others."""
    x, v = dg.tensor(at, requires_grad=True), dg.tensor(source, requires_grad=True)
    _, gx, gv = reduced(x, v, reduce, **more)
    assert_bits_equal([gx, gv], [np.array(of_x, np.float32), np.array(of_source, np.float32)])


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("case", [k for k in KINKS if not k[1]])
def test_gradients_at_ties_and_zeros_as_pytorch(case: tuple) -> None:
    """The same numbers there."""
    reduce, more, at, source, of_x, of_source = case
    x, v = (torch.tensor(a, requires_grad=True) for a in (at, source))
    y = x.scatter_reduce(0, torch.tensor([0, 0, 0]), v, reduce, **more)
    gx, gv = torch.autograd.grad(y.sum(), [x, v])
    assert (gx.tolist(), gv.tolist()) == (pytest.approx(of_x), pytest.approx(of_source))


@pytest.mark.parametrize("combine", ["sum", "prod", "amax", "amin"])
def test_integers_and_bools_are_scattered_too(combine: str) -> None:
    """Integers wrap; bools add as "or" and multiply as "and"."""
    at = dg.tensor([0, 0, 2])
    of = {"sum": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}[combine]
    for dtype in ("int8", "uint8", "int64", "bool"):
        x = np.array([100, 1, 0]).astype(dtype)
        v = np.array([100, 1, 0]).astype(dtype)
        expected = x.copy()
        of.at(expected, [0, 0, 2], v)
        function = lambda x, v: x.scatter_reduce(0, at, v, combine)  # noqa: E731
        found = function(dg.tensor(x), dg.tensor(v))
        assert_bits_equal(found, expected)
        assert_bits_equal(dg.compile(function)(dg.tensor(x), dg.tensor(v)), expected)


def test_reading_through_a_mask_is_a_named_error_while_tracing() -> None:
    """The message names what to use instead; a mask can be written through."""
    x = dg.tensor([1.0, -1.0, 2.0])
    readers: list[Callable[[Any], Any]] = [
        lambda x: x[x > 0],
        lambda x: dg.masked_select(x, x > 0),
        lambda x: x.nonzero(),
        lambda x: dg.where(x > 0),
        lambda x: dg.argwhere(x),
        lambda x: x[(x > 0)[0]],
    ]
    for reader in readers:
        with pytest.raises(TraceError, match=r"(?s)not known while.*where\(\)"):
            dg.compile(reader)(x)
    with pytest.raises(TraceError, match=r"where\(mask, x, 0\), masked_fill\(\) or a sum"):
        dg.compile(readers[0])(x)


def masked(x: Any, v: Any) -> Any:
    """Write several values through a mask of x itself."""
    y = x * 1.0
    y[x > 0] = v
    return y


def test_writing_a_list_through_a_traced_mask() -> None:
    """The values go to where the mask holds, in order; their number is checked at run time."""
    f = dg.compile(masked)
    x = dg.tensor([1.0, -1.0, 2.0])
    assert f(x, dg.tensor([7.0, 8.0])).tolist() == [7.0, -1.0, 8.0]
    assert f(-x, dg.tensor([5.0])).tolist() == [-1.0, 5.0, -2.0]
    for wrong in ([7.0, 8.0, 9.0], [1.0, 2.0, 3.0, 4.0]):
        with pytest.raises(AxisError, match="out of range"):
            f(x, dg.tensor(wrong))
        with pytest.raises(dg.errors.ShapeError, match="2 elements where the mask holds"):
            masked(x, dg.tensor(wrong))
    with pytest.raises(AxisError, match="out of range"):
        f(dg.ones(3), dg.tensor([7.0, 8.0]))
    assert len(f.traces) == 4


def test_a_position_that_a_trace_does_not_know() -> None:
    """A 0-d index tensor: a view in eager, a copy that may not be changed while tracing."""
    x, at = dg.tensor([[1.0, 2.0], [3.0, 4.0]]), dg.tensor(-1)
    assert np.shares_memory(x[at].numpy(), x.numpy())
    f = dg.compile(lambda x, at: (x[at], x[:, at], x[at, None, at]))
    assert [t.tolist() for t in f(x, at)] == [[3.0, 4.0], [2.0, 4.0], [4.0]]
    with pytest.raises(AxisError, match="index 2 is out of range"):
        f(x, dg.tensor(2))

    def changes_the_row(x: Any, at: Any) -> Any:
        x[at].add_(1.0)
        return x

    def changes_the_whole(x: Any, at: Any) -> Any:
        row = x[at]
        x.add_(1.0)
        return row * 2

    assert changes_the_row(x.clone(), at).tolist() == [[1.0, 2.0], [4.0, 5.0]]
    for function in (changes_the_row, changes_the_whole):
        with pytest.raises(TraceError, match=r"cannot be changed in place, nor be used after"):
            dg.compile(function)(x, at)

    def sets_the_row(x: Any, at: Any) -> Any:
        y = x * 1.0
        y[at] = y[at] * 2
        y[0, at] = 9.0
        return y

    expected = sets_the_row(x, at)
    assert expected.tolist() == [[1.0, 9.0], [6.0, 8.0]]
    assert_bits_equal(dg.compile(sets_the_row)(x, at), expected)


IN_PLACE: dict[str, Callable[[Any], Any]] = {
    "scatter_": lambda x: x.scatter_(0, dg.tensor([2, 0]), dg.tensor([7.0, 8.0])),
    "scatter_add_": lambda x: x.scatter_add_(0, dg.tensor([2, 2]), dg.tensor([7.0, 8.0])),
    "scatter_reduce_": lambda x: x.scatter_reduce_(
        0, dg.tensor([2, 2]), dg.tensor([7.0, 8.0]), "amax"
    ),
    "index_add_": lambda x: x.index_add_(0, dg.tensor([1]), dg.tensor([7.0]), alpha=2),
    "index_copy_": lambda x: x.index_copy_(0, dg.tensor([1]), dg.tensor([7.0])),
    "index_fill_": lambda x: x.index_fill_(0, dg.tensor([-1]), 7),
    "index_reduce_": lambda x: x.index_reduce_(0, dg.tensor([1]), dg.tensor([7.0]), "prod"),
    "index_put_": lambda x: x.index_put_((dg.tensor([1, 1]),), dg.tensor([7.0, 8.0]), True),
    "put_": lambda x: x.put_(dg.tensor([-1]), dg.tensor([7.0])),
    "masked_fill_": lambda x: x.masked_fill_(x > 2, 7),
    "masked_scatter_": lambda x: x.masked_scatter_(x > 1, dg.tensor([7.0, 8.0])),
    "setitem": lambda x: x.__setitem__([0, 2], dg.tensor([7.0, 8.0])) or x,
    "setitem of a slice": lambda x: x.__setitem__(slice(1, 3), 7) or x,
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    """The tensor's own memory changes, in both frontends, and the tensor is returned."""
    eager, traced = dg.tensor([1.0, 2.0, 3.0]), dg.tensor([1.0, 2.0, 3.0])
    memory = eager.numpy()
    assert IN_PLACE[name](eager) is eager
    assert memory.tolist() == eager.tolist() != [1.0, 2.0, 3.0]
    if name[-1] == "_":
        out = getattr(dg.Tensor, name[:-1])
        assert out.__name__ == name[:-1]
    dg.compile(IN_PLACE[name])(traced)
    assert_bits_equal(traced, eager)


@pytest.mark.parametrize(("shape", "wrap"), [((3, 4), False), ((7, 3), True), ((2, 2, 2), False)])
def test_fill_diagonal(shape: tuple, wrap: bool) -> None:
    """As NumPy's function, also for memory that is not in row-major order."""
    expected = np.zeros(shape, np.int64)
    np.fill_diagonal(expected, 5, wrap)
    assert_bits_equal(dg.zeros(shape, dtype="int64").fill_diagonal_(5.5, wrap), expected)
    turned = dg.zeros(shape[::-1], dtype="int64").permute(*reversed(range(len(shape))))
    assert_bits_equal(turned.fill_diagonal_(5, wrap), expected)


def test_writing_and_the_tape() -> None:
    """A leaf needs no_grad; a recorded value moves its tensor, or a view's base, to the tape."""
    leaf, v = dg.ones(3, requires_grad=True), dg.tensor(2.0, requires_grad=True)
    with pytest.raises(GradError, match="no_grad"):
        leaf[0] = 1.0
    with dg.no_grad():
        leaf[0] = 5.0
    assert leaf.tolist() == [5.0, 1.0, 1.0]
    x = dg.zeros(3)
    x[1:] = v * 3
    (x * dg.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert v.grad.item() == 15.0
    y = dg.zeros(2, 2)
    y[0][1] = v * v
    y[:, 0][dg.tensor([True, False])] = v
    (gradient,) = dg.autograd.grad(y.sum(), [v])
    assert gradient.item() == 5.0
    y = dg.zeros(2, 2)
    y[0][1] = 4.0
    assert y.tolist() == [[0.0, 4.0], [0.0, 0.0]]
    before = y._version
    y[0] = y[1]
    assert y._version == before + 1


def test_a_slice_of_itself() -> None:
    """What is read is read before anything is written."""
    x = dg.arange(5)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]
    x[[0, 1]] = x[[1, 0]] + 7
    assert x.tolist() == [7, 7, 1, 2, 3]


def test_the_whole_index_is_in_the_message() -> None:
    """Also beyond 2**62, where a status word of one number would overflow."""
    huge = [2**62 + 5, -(2**63), 2**63 - 1]
    readers = [lambda x, i: x.gather(0, i), lambda x, i: x[i], lambda x, i: x.scatter(0, i, 1.0)]
    for reader in readers:
        f = dg.compile(reader)
        for index in huge:
            at = dg.tensor([0, index])
            for call in (reader, f):
                with pytest.raises(AxisError, match=rf"index {index} is out of range"):
                    call(dg.ones(2), at)


def test_an_index_into_nothing_is_out_of_range() -> None:
    """Where the result has no element to write, the index is checked all the same."""
    f = lambda x, i: x.index_add(0, i, dg.ones(2, 3))  # noqa: E731
    for call in (f, dg.compile(f)):
        with pytest.raises(AxisError, match="index 0 is out of range"):
            call(dg.zeros(0, 3), dg.tensor([0, 0]))


def test_an_unused_result_is_not_computed() -> None:
    """Compiled, what nothing needs is dropped: its index is then not checked, as documented."""

    def function(x: Any, i: Any) -> Any:
        x.gather(0, i)
        return x + 1

    with pytest.raises(AxisError):
        function(dg.ones(2), dg.tensor([5]))
    assert dg.compile(function)(dg.ones(2), dg.tensor([5])).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rows", [True, False])
def test_threads_do_not_move_a_bit(threads: int, rows: bool) -> None:
    """Large scatters are shared between threads by lines along the axis."""
    rng = np.random.default_rng(0)
    x, source = (dg.tensor(rng.normal(size=s)) for s in ((50, 700), (400, 700)))
    at = rng.integers(0, 50, 400 if rows else (400, 700))
    f = lambda x, s: dg.index_add(x, 0, dg.tensor(at), s)  # noqa: E731
    g = lambda x, s: dg.scatter_add(x, 0, dg.tensor(at), s)  # noqa: E731
    expected = array_of(x).copy()
    columns = np.arange(700)
    for i, row in enumerate(array_of(source)):
        expected[at[i], columns] += row
    before = dg.get_num_threads()
    dg.set_num_threads(threads)
    try:
        function = f if rows else g
        assert_bits_equal(function(x, source), expected)
        assert_bits_equal(dg.compile(function)(x, source), expected)
    finally:
        dg.set_num_threads(before)


def test_float16_is_scattered_too() -> None:
    """What accumulates does so in float32, and is rounded once."""
    x = dg.tensor(np.full(2, 1.0), dtype="float16", requires_grad=True)
    v = dg.tensor(np.full(4, 0.0004), dtype="float16", requires_grad=True)

    def function(x: Any, v: Any) -> Any:
        y = x.scatter_add(0, dg.tensor([0, 0, 0, 1]), v)
        z = y[dg.tensor([0, 0, 1])]
        return y, *dg.autograd.grad(z.float().sum(), [x, v])

    found = function(x, v)
    assert [t.dtype for t in found] == [dg.float16] * 3
    assert array_of(found[0]).tolist() == [np.float16(1 + 3 * np.float32(np.float16(0.0004))), 1.0]
    assert [t.tolist() for t in found[1:]] == [[2.0, 1.0], [2.0, 2.0, 2.0, 1.0]]
    assert_bits_equal(dg.compile(function)(x, v), found)


def test_known_masks_are_read_while_tracing() -> None:
    """Bools, lists and arrays of bools are part of the program, not values of tensors."""
    x = dg.tensor([[1.0, 2.0], [3.0, 4.0]])
    f = dg.compile(lambda x: (x[True], x[[False, True]], x[:, np.array([True, False])], x[False]))
    assert [t.tolist() for t in f(x)] == [[[[1, 2], [3, 4]]], [[3, 4]], [[1], [3]], []]


def test_adding_to_a_part() -> None:
    """``x[i] += v`` for every kind of index, recorded and traced."""

    def function(x: Any, v: Any, at: Any) -> Any:
        y = x * 1.0
        y[0] += v
        y[1:, 1] += v * 2
        y[at] += v * 3
        return y, *dg.autograd.grad((y * y).sum(), [x, v])

    x = dg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    v, at = dg.tensor(1.5, requires_grad=True), dg.tensor([-1])
    outs = function(x, v, at)
    assert outs[0].tolist() == [[2.5, 3.5], [7.5, 11.5]]
    assert_bits_equal(dg.compile(function)(x, v, at), outs)
