"""What users ask about dtypes and memory; the default dtype; forms of conversion; wrong shapes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, DTypeError, ShapeError, TraceError
from tests.bits import assert_bits_equal


@pytest.fixture
def double() -> Iterator[None]:
    """Let floats be float64 inside of a test."""
    dg.set_default_dtype(dg.float64)
    yield
    dg.set_default_dtype(dg.float32)


@pytest.mark.usefixtures("double")
def test_the_default_dtype() -> None:
    """Python floats, new tensors and integers that become floats follow it."""
    assert dg.get_default_dtype() is dg.float64
    made = [
        dg.tensor(1.5), dg.zeros(2), dg.rand(2), dg.arange(1.0), dg.linspace(0, 1, 3), dg.eye(2),
        dg.full((1,), 0.5), dg.tensor([1]) / 2, dg.exp(dg.tensor([1])), dg.tensor([1]) + 0.5,
    ]  # fmt: skip
    assert {x.dtype for x in made} == {dg.float64}
    assert (dg.ones(1, dtype=dg.float32) + 0.5).dtype is dg.float32


def test_a_new_default_dtype_is_a_new_trace() -> None:
    """What was compiled under another default is not used."""
    f = dg.compile(lambda x: x / 2)
    x = dg.tensor([3])
    assert f(x).dtype is dg.float32
    dg.set_default_dtype("float64")
    try:
        assert f(x).dtype is dg.float64
        assert "default dtype" in f.traces[1].reason
    finally:
        dg.set_default_dtype("float32")
    with pytest.raises(DTypeError, match="floating, got int32"):
        dg.set_default_dtype(dg.int32)


def test_facts_about_dtypes() -> None:
    """Limits, promotion and conversion."""
    assert dg.finfo(dg.float32).eps == 2.0**-23
    assert (dg.finfo(dg.float64).max, dg.finfo().bits) == (np.finfo(np.float64).max, 32)
    assert (dg.iinfo(dg.int8).min, dg.iinfo(dg.uint8).max, dg.iinfo("int16").bits) == (
        -128,
        255,
        16,
    )
    with pytest.raises(DTypeError, match="int32"):
        dg.finfo(dg.int32)
    with pytest.raises(DTypeError, match="bool"):
        dg.iinfo(dg.bool)
    assert dg.promote_types(dg.int64, dg.float32) is dg.float32
    assert dg.promote_types(dg.uint8, dg.int8) is dg.int16
    assert dg.result_type(dg.tensor([1]), 1.0) is dg.float32
    assert dg.result_type(dg.tensor([1.0]), dg.tensor(1.0, dtype="float64")) is dg.float32
    assert [dg.can_cast(*p) for p in ((dg.int64, dg.uint8), (dg.float32, dg.int32))] == [
        True,
        False,
    ]
    assert [dg.zeros(1, dtype=d).dtype for d in (float, int, bool)] == [
        dg.float64,
        dg.int64,
        dg.bool,
    ]


def test_facts_about_tensors() -> None:
    """Functions beside the methods of that name."""
    x = dg.zeros(2, 3)
    assert [dg.is_tensor(v) for v in (x, x.numpy(), 1)] == [True, False, False]
    assert (dg.numel(x), x.nelement(), x.ndimension(), x.nbytes, x.itemsize) == (6, 6, 2, 24, 4)
    assert (dg.is_floating_point(x), x.is_complex(), str(x.device)) == (True, False, "cpu")
    with pytest.raises(DTypeError, match="numel: expected a Tensor, got list"):
        dg.numel([1])


def test_a_shape_is_a_tuple_with_a_product() -> None:
    """Slices and sums of shapes are shapes; a compiled function takes one by value."""
    x = dg.zeros(2, 3, 4)
    assert x.shape == (2, 3, 4) == tuple(x.size())
    assert (x.shape.numel(), x.shape[1:].numel(), (x.shape[:1] + x.shape[2:]).numel()) == (
        24,
        12,
        8,
    )
    assert (x.shape[-1], x.size(1), hash(x.shape)) == (4, 3, hash((2, 3, 4)))
    f = dg.compile(lambda y, shape: y.reshape(shape))
    assert [f(dg.zeros(24), x.shape).shape for _ in range(2)] == [x.shape] * 2
    assert len(f.traces) == 1


def test_strides_and_contiguity() -> None:
    """As PyTorch counts them, in elements; the same while a function is traced."""

    def facts(x: Any) -> tuple:
        t = x.t()
        return (
            x.stride(), t.stride(), t.stride(0), x[1:].storage_offset(), t.is_contiguous(),
            x[:, 1].stride(), x[:1].is_contiguous(), t.contiguous().is_contiguous(),
            x.expand(5, 3, 4).stride(), x.unfold(1, 2, 2).stride(), x.diagonal().stride(),
        )  # fmt: skip

    x, seen = dg.zeros(3, 4), []
    expected = ((4, 1), (1, 4), 1, 4, False, (4,), True, True, (0, 4, 1), (4, 2, 1), (5,))
    assert facts(x) == expected
    dg.compile(lambda x: seen.append(facts(x)) or x + 1)(x)
    assert seen == [expected]


def test_contiguous_gives_row_major_memory() -> None:
    """A copy where needed, else the tensor itself."""
    x = dg.arange(12).reshape(3, 4)
    assert x.contiguous() is x
    assert x.t().contiguous().numpy().flags.c_contiguous
    assert x.t().contiguous().view(-1).tolist() == x.numpy().T.reshape(-1).tolist()


@pytest.mark.parametrize("compiled", [False, True])
def test_view_never_copies(compiled: bool) -> None:
    """Where only a copy could do it, it names reshape, in both frontends."""

    def function(x: Any) -> Any:
        return x.t().view(-1) + 1

    with pytest.raises(ShapeError, match=r"\(4, 3\) with strides \(1, 4\) .* use reshape"):
        (dg.compile(function) if compiled else function)(dg.zeros(3, 4))


FORMS: dict[str, Callable[[Any], Any]] = {
    "dtype": lambda x: x.to(dg.float64),
    "keyword": lambda x: x.to(dtype=dg.float64),
    "device": lambda x: x.to("cpu").double(),
    "device and dtype": lambda x: x.to("cpu", dg.float64),
    "device object": lambda x: x.to(dg.device("cpu:0"), dtype=dg.float64, non_blocking=True),
    "tensor": lambda x: x.to(dg.zeros(1, dtype=dg.float64)),
    "type": lambda x: x.cpu().type(dg.float64),
    "by name": lambda x: x.to("float64"),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_conversion(form: str) -> None:
    """All give float64; the tensor itself where nothing changes."""
    x = dg.tensor([1.5, 2.5])
    y = FORMS[form](x)
    assert y.dtype is dg.float64
    assert FORMS[form](y) is y


def test_conversion_methods() -> None:
    """One for each dtype; ``copy=True`` copies."""
    x = dg.tensor([1.5, -2.5])
    names = ("double", "float", "half", "long", "int", "short", "char", "bool")
    assert [getattr(x, n)().dtype.name for n in names] == [
        "float64", "float32", "float16", "int64", "int32", "int16", "int8", "bool",
    ]  # fmt: skip
    assert (dg.tensor([300, 5]).byte().tolist(), x.to(dg.float32) is x) == ([44, 5], True)
    copied = x.to(dg.float32, copy=True)
    assert copied is not x
    assert not np.shares_memory(copied.numpy(), x.numpy())


def test_new_tensors_like_another() -> None:
    """``new_*`` take the dtype of the tensor unless one is named."""
    x = dg.zeros(2, dtype=dg.float64)
    made = [x.new_zeros(2, 3), x.new_ones((2, 3)), x.new_empty(2, 3), x.new_full((2, 3), 7)]
    assert [(m.dtype, m.shape, m.sum().item()) for m in made] == [
        (dg.float64, (2, 3), v) for v in (0, 6, 0, 42)
    ]
    assert x.new_tensor([1, 2]).dtype is dg.float64
    assert x.new_zeros(1, dtype=dg.int32, device="cpu").dtype is dg.int32
    assert dg.zeros(size=(2, 1), device="cpu", layout=None, pin_memory=False).shape == (2, 1)
    assert dg.zeros_like(x, requires_grad=True).requires_grad
    assert dg.scalar_tensor(2).dtype is dg.float32


def test_tensors_of_arrays() -> None:
    """`asarray` and `as_tensor` share memory where they can; ``copy`` decides."""
    a = np.zeros(3, np.float32)
    assert np.shares_memory(dg.asarray(a).numpy(), a)
    assert np.shares_memory(dg.as_tensor(a, dtype=dg.float32).numpy(), a)
    assert not np.shares_memory(dg.asarray(a, copy=True).numpy(), a)
    with pytest.raises(ArgumentError, match="a copy is needed"):
        dg.asarray([1.0], copy=False)
    assert dg.asarray(a, requires_grad=True).requires_grad


def test_repeats_in_a_tensor() -> None:
    """Element i as often as the i-th number says; traced, the result's extent must be given."""
    x = dg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    repeats = dg.tensor([2, 0, 3])

    def function(x: Any, repeats: Any) -> Any:
        y = dg.repeat_interleave(x, repeats, 0, output_size=5)
        return y, dg.autograd.grad((y * y).sum(), x)[0]

    expected = np.repeat(x.detach().numpy(), repeats.numpy(), 0)
    assert_bits_equal(dg.repeat_interleave(x, repeats, 0), expected)
    assert_bits_equal(dg.compile(function)(x, repeats), function(x, repeats))
    assert dg.repeat_interleave(repeats).tolist() == [0, 0, 2, 2, 2]
    assert dg.repeat_interleave(x, dg.tensor([2]), 0).shape == (6, 2)
    with pytest.raises(TraceError, match="output_size"):
        dg.compile(lambda r: dg.repeat_interleave(r))(repeats)
    with pytest.raises(ArgumentError, match="negative"):
        dg.repeat_interleave(dg.tensor([-1]))


@pytest.mark.parametrize("compiled", [False, True])
def test_changing_a_diagonal(compiled: bool) -> None:
    """A diagonal is a view: writing to it changes the matrix, and is recorded."""

    def function(x: Any, v: Any) -> Any:
        y = x * 1
        y.diagonal(1).mul_(v)
        loss = (y * y).sum()
        return y, *dg.autograd.grad(loss, (x, v))

    x = dg.arange(12.0).reshape(3, 4).requires_grad_()
    v = dg.tensor([2.0, 3.0, 4.0], requires_grad=True)
    y, gx, gv = (dg.compile(function) if compiled else function)(x, v)
    values, scale = x.detach().numpy(), np.ones((3, 4))
    scale[range(3), range(1, 4)] = [2.0, 3.0, 4.0]
    assert_bits_equal(y, (values * scale).astype(np.float32))
    assert_bits_equal(gx, (2 * values * scale * scale).astype(np.float32))
    assert gv.tolist() == [2 * v * w * w for v, w in zip([2, 3, 4], [1, 6, 11], strict=True)]


def f(*shape: int) -> Any:
    """Zeros of a shape."""
    return dg.zeros(shape)


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "unflatten": (lambda: f(2, 4).unflatten(1, (3, -1)), ShapeError, "extent 4 of dim 1"),
    "movedim": (lambda: f(2, 3).movedim((0, 1), 1), ArgumentError, "one length"),
    "movedim twice": (lambda: f(2, 3).movedim((0, 0), (0, 1)), IndexError, "twice"),
    "broadcast_to": (lambda: dg.broadcast_to(f(2), (3,)), ShapeError, "cannot expand"),
    "broadcast_tensors": (lambda: dg.broadcast_tensors(f(2), f(3)), ShapeError, "broadcast"),
    "repeat": (lambda: f(2, 3).repeat(2), ArgumentError, "every axis"),
    "roll": (lambda: f(2).roll((1, 1), 0), ArgumentError, "one length"),
    "rot90": (lambda: dg.rot90(f(2, 3), 1, (0, 0)), ArgumentError, "differ"),
    "fliplr": (lambda: f(2).fliplr(), ArgumentError, "2 axes"),
    "repeat_interleave": (
        lambda: dg.repeat_interleave(f(3), dg.tensor([1, 2])), ArgumentError, "extent 3",
    ),
    "as_strided": (lambda: f(3).as_strided((2, 2), (1, 2)), ShapeError, "from element 0 to 3"),
    "as_strided of a view": (lambda: f(2, 3).t().as_strided((1,), (1,)), ArgumentError, "contig"),
    "as_strided negative": (lambda: f(3).as_strided((2,), (-1,)), ArgumentError, "negative"),
    "block_diag": (lambda: dg.block_diag(f(1, 1, 1)), ArgumentError, "2 axes"),
    "meshgrid": (lambda: dg.meshgrid(f(2, 2)), ArgumentError, "vectors"),
    "meshgrid dtypes": (lambda: dg.meshgrid(f(2), dg.arange(2)), ArgumentError, "float32.*int64"),
    "meshgrid indexing": (lambda: dg.meshgrid(f(2), indexing="ji"), ArgumentError, "'ji'"),
    "stacking a number": (lambda: dg.hstack([f(2), 1.0]), DTypeError, "Tensor, got float"),
    "stacking nothing": (lambda: dg.vstack([]), ArgumentError, "at least one"),
    "tensor_split": (lambda: dg.tensor_split(f(3), 0), ArgumentError, "positive, got 0"),
    "hsplit": (lambda: f(6).hsplit(4), ArgumentError, "6 of dim 0 is not divisible into 4"),
    "vsplit": (lambda: f(6).vsplit(2), ArgumentError, "2 axes"),
    "diagonal": (lambda: f(2, 3).diagonal(0, 1, 1), ArgumentError, "different axes"),
    "diag": (lambda: dg.diag(f(1, 1, 1)), ArgumentError, "3 axes"),
    "tril": (lambda: f(3).tril(), ArgumentError, "2 axes"),
    "triu of a list": (lambda: dg.triu([[1.0]]), DTypeError, "Tensor, got list"),
    "view of a dtype": (lambda: f(2).view(dg.int32), ArgumentError, r"\.to\(dtype\)"),
    "view count": (lambda: f(2, 3).view(4), ShapeError, "6 elements"),
    "linspace": (lambda: dg.linspace(0, 1, -1), ArgumentError, "negative, got -1"),
    "arange": (lambda: dg.arange(0, -3), ArgumentError, "away from -3"),
    "eye": (lambda: dg.eye(-1), ArgumentError, "negative"),
    "vander": (lambda: dg.vander(f(2, 2)), ArgumentError, "vector"),
    "to cuda": (lambda: f(2).to("cuda:0"), ArgumentError, "'cuda:0' does not exist"),
    "cuda": (lambda: f(2).cuda(), ArgumentError, "'cuda' does not exist"),
    "device": (lambda: dg.device("mps"), ArgumentError, "'mps': the only device"),
    "zeros device": (lambda: dg.zeros(2, device="cuda"), ArgumentError, "'cuda' does not exist"),
    "zeros option": (lambda: dg.zeros(2, shape=3), ArgumentError, "unexpected argument shape"),
    "full": (lambda: dg.full((2,), f(2)), ArgumentError, "0-d tensor"),
    "complex": (lambda: dg.tensor(1j), DTypeError, "complex"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls(name: str) -> None:
    """The error says what does not fit."""
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        call()
