"""Eager results against the references of the op table: values, dtypes, shapes, edge values."""

import itertools
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal, assert_close
from tests.ops.op_row import DTYPES, EDGES, FLOATS, Row, fill, promoted
from tests.ops.op_table import ROWS, Case, cases
from tests.ops.references import reduction

EDGE_ROWS = [
    pytest.param(row, dtype, id=f"{row.name}-{dtype}")
    for row in ROWS
    if row.edges
    for dtype in FLOATS
    if dtype in row.dtypes
]
EPS = {d: np.finfo(d).eps for d in FLOATS}


def check(actual: Any, expected: Any, row: Row, dtype: str, label: str) -> None:
    """Compare one result, or a tuple of them, as exactly as the row promises."""
    if isinstance(expected, tuple):
        assert len(actual) == len(expected), label
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            check(a, e, row, dtype, f"{label}[{i}]")
        return
    a, e = array_of(actual), np.asarray(expected)
    if not row.allowed(dtype) or a.dtype.kind != "f":
        assert_bits_equal(a, e.astype(a.dtype) if row.wide else e, label)
    elif row.scaled:
        assert a.shape == e.shape, f"{label}: shapes {a.shape} and {e.shape}"
        scale = max(1.0, np.max(np.abs(e), initial=0.0))
        error = np.max(np.abs(a - e), initial=0.0) / (scale * EPS[a.dtype.name])
        assert error <= row.allowed(dtype), f"{label}: {error} epsilons; {row.why}"
    else:
        assert_close(a, e, row.allowed(dtype), label)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_equals_its_reference(case: Case) -> None:
    """Every sample in every dtype, whatever its memory layout; inputs stay as they were."""
    arrays = case.arrays()
    before = [a.copy() for a in arrays]
    out = case.row.run(dg, [dg.from_numpy(a) for a in arrays], case.sample.kwargs)
    check(out, case.row.expected(arrays, case.sample.kwargs), case.row, case.dtype, str(case))
    assert_bits_equal(arrays, before, "an input was changed")


@pytest.mark.parametrize(("row", "dtype"), EDGE_ROWS)
def test_edge_values(row: Row, dtype: str) -> None:
    """Zeros of both signs, infinities, NaN, subnormals, the largest numbers; all pairs of them."""
    edges = EDGES[dtype]
    for sample in row.samples:
        if len(sample.args) == 1:
            arrays = [edges]
        elif len(sample.args) == 2 and all(a.dtype is None for a in sample.args):
            arrays = list(np.array(list(itertools.product(edges, edges)), dtype).T.copy())
        else:
            continue
        out = row.run(dg, [dg.from_numpy(a) for a in arrays], sample.kwargs)
        check(out, row.expected(arrays, sample.kwargs), row, dtype, f"{row.name} {sample.label}")


@pytest.mark.parametrize("rank", ["tensor", "scalar", "number"])
@pytest.mark.parametrize("first", DTYPES)
def test_promotion(first: str, rank: str) -> None:
    """The dtype of a sum follows PyTorch's table: 0-d tensors and numbers are weak."""
    others = {"number": ("bool", "int64", "float32")}.get(rank, DTYPES)
    for second in others:
        x = dg.tensor(np.ones(2, first))
        y: Any = dg.tensor(np.ones({"tensor": 2}.get(rank, ()), second))
        if rank == "number":
            y = {"bool": True, "int64": 1, "float32": 1.0}[second]
        wanted = promoted(first, second, rank)
        assert array_of(x + y).dtype == wanted, (first, second)
        assert array_of(y * x).dtype == wanted, (first, second)


def test_a_number_alone_takes_the_default_dtype() -> None:
    """Python floats are float32, ints int64, bools bool; arrays keep their dtype."""
    names = [dg.tensor(v).dtype.name for v in (1.5, 2, True, [1, 2.5], np.float64(1), np.ones(2))]
    assert names == ["float32", "int64", "bool", "float32", "float64", "float64"]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("shape", "dim"),
    [
        ((40_000,), 0),
        ((3, 16_385), 1),
        ((129, 129), 0),
        ((2, 129, 130), 1),
        ((130, 2, 140), (0, 2)),
    ],
)
def test_sums_have_the_documented_order(shape: tuple, dim: Any, dtype: str) -> None:
    """Long chains in every level of the tree, contiguous or not, give the same documented bits."""
    rng = np.random.default_rng(1)
    x = fill(rng, shape, np.dtype(dtype), -1.0, 3.0)
    expected = reduction(np.add, 0)(x, dim)
    assert_bits_equal(dg.sum(dg.from_numpy(x), dim), expected)
    turned = np.asfortranarray(x)
    assert_bits_equal(dg.sum(dg.from_numpy(turned), dim), expected, "columns")
    wide = np.zeros((*shape[:-1], 2 * shape[-1]), dtype)
    wide[..., ::2] = x
    assert_bits_equal(dg.sum(dg.from_numpy(wide[..., ::2]), dim), expected, "steps")


METHODS = [
    pytest.param(case, id=str(case))
    for case in cases(("float32",))
    if case.sample is case.row.samples[0] and hasattr(dg.Tensor, case.row.name)
]


@pytest.mark.parametrize("case", METHODS)
def test_the_method_is_the_function(case: Case) -> None:
    """``x.op(...)`` and ``dualgraph.op(x, ...)`` give the same bits."""

    class Methods:
        def __getattr__(self, name: str) -> Any:
            return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)

    tensors = [dg.from_numpy(a) for a in case.arrays()]
    if case.row.name in ("where", "polygamma"):
        pytest.skip("PyTorch's method has the tensor first")
    expected = case.row.run(dg, tensors, case.sample.kwargs)
    assert_bits_equal(case.row.run(Methods(), tensors, case.sample.kwargs), expected)


OPERATORS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floor_divide": lambda x, y: x // y,
    "remainder": lambda x, y: x % y,
    "pow": lambda x, y: x**y,
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "matmul": lambda x, y: x @ y,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    """``x + y`` is ``add(x, y)``, with a number on either side too."""
    x, y = dg.tensor([[0.5, 1.5], [2.0, 3.0]]), dg.tensor([[1.0, 1.5], [3.0, 0.5]])
    function, operator = getattr(dg, name), OPERATORS[name]
    assert_bits_equal(operator(x, y), function(x, y))
    if name != "matmul":
        assert_bits_equal(operator(x, 2), function(x, 2))
        assert_bits_equal(operator(2.0, x), function(dg.tensor(2.0), x))


def test_unary_operators() -> None:
    """``-x``, ``abs(x)``, ``~mask``, and the logical operators of masks."""
    x, mask = dg.tensor([-1.0, 0.0, 2.0]), dg.tensor([True, False, True])
    other = dg.tensor([True, True, False])
    assert_bits_equal([-x, abs(x), ~mask], [dg.neg(x), dg.abs(x), dg.logical_not(mask)])
    assert_bits_equal(mask & other, np.array([True, False, False]))
    assert_bits_equal(mask | other, np.array([True, True, True]))
    assert_bits_equal(mask ^ other, np.array([False, True, True]))


_X = dg.tensor([1.0, 2.0, 3.0, 4.0])
IN_PLACE: dict[str, tuple[Any, ...]] = {
    "add_": (2.5,), "sub_": (2.5,), "mul_": (2.5,), "div_": (2.5,), "pow_": (3,),
    "clamp_": (0.25, 0.75), "neg_": (), "abs_": (), "exp_": (), "log_": (), "tanh_": (),
    "sigmoid_": (), "relu_": (), "sqrt_": (), "rsqrt_": (), "sin_": (), "cos_": (), "erf_": (),
    "floor_": (), "ceil_": (), "trunc_": (), "round_": (), "cumsum_": (0,), "cumprod_": (0,),
    "tan_": (), "asin_": (), "acos_": (), "atan_": (), "atan2_": (2.5,), "sinh_": (), "cosh_": (),
    "asinh_": (), "acosh_": (), "atanh_": (), "sinc_": (), "hypot_": (2.5,), "logit_": (),
    "xlogy_": (2.5,), "lgamma_": (), "digamma_": (), "mvlgamma_": (2,), "erfinv_": (), "i0_": (),
    "exp2_": (), "expm1_": (), "log2_": (), "log10_": (), "log1p_": (), "erfc_": (),
    "arcsin_": (), "arccos_": (), "arctan_": (), "arctan2_": (2.5,), "arcsinh_": (),
    "arccosh_": (), "arctanh_": (),
    "true_divide_": (2.5,), "divide_": (2.5,), "floor_divide_": (0.3,), "remainder_": (0.3,),
    "fmod_": (0.3,), "subtract_": (2.5,), "multiply_": (2.5,), "negative_": (), "absolute_": (),
    "sign_": (), "sgn_": (), "square_": (), "reciprocal_": (), "frac_": (), "fix_": (),
    "eq_": (0.5,), "ne_": (0.5,), "lt_": (0.5,), "le_": (0.5,), "gt_": (0.5,), "ge_": (0.5,),
    "not_equal_": (0.5,), "less_": (0.5,), "less_equal_": (0.5,), "greater_": (0.5,),
    "greater_equal_": (0.5,), "logical_and_": (1,), "logical_or_": (0,), "logical_xor_": (1,),
    "logical_not_": (), "clip_": (0.25, 0.75), "clamp_min_": (0.25,), "clamp_max_": (0.75,),
    "deg2rad_": (), "rad2deg_": (), "copysign_": (-1.0,), "nan_to_num_": (), "heaviside_": (0.5,),
    "lerp_": (_X, 0.25), "addcmul_": (_X, _X), "addcdiv_": (_X, _X),
}  # fmt: skip
INTEGER_IN_PLACE = {
    "bitwise_not_": (), "bitwise_and_": (6,), "bitwise_or_": (6,), "bitwise_xor_": (6,),
    "bitwise_left_shift_": (2,), "bitwise_right_shift_": (2,),
}  # fmt: skip
ELSEWHERE = {
    "polygamma_", "float_power_", "addmm_", "addmv_", "addr_", "addbmm_", "baddbmm_",
    "uniform_", "normal_", "log_normal_", "exponential_", "geometric_", "cauchy_", "bernoulli_",
    "random_", "tril_", "triu_",
}  # fmt: skip


AT_INDICES = {  # in test_indexing
    "scatter_", "scatter_add_", "scatter_reduce_", "index_add_", "index_copy_", "index_fill_",
    "index_reduce_", "index_put_", "put_", "masked_fill_", "masked_scatter_", "fill_diagonal_",
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    """An in-place method gives the op's bits in the same memory and returns its tensor."""
    array = np.array([0.5, 0.1, 2.0, 0.7], np.float32)
    x = dg.from_numpy(array)
    expected = getattr(dg, name[:-1])(dg.tensor(array), *IN_PLACE[name]).float()
    assert getattr(x, name)(*IN_PLACE[name]) is x
    assert_bits_equal(array, expected)


@pytest.mark.parametrize("name", INTEGER_IN_PLACE)
def test_in_place_of_integers(name: str) -> None:
    """The same for the ops that take integers only."""
    array = np.array([5, -3, 0, 7], np.int32)
    x = dg.from_numpy(array)
    expected = getattr(dg, name[:-1])(dg.tensor(array), *INTEGER_IN_PLACE[name])
    assert getattr(x, name)(*INTEGER_IN_PLACE[name]) is x
    assert_bits_equal(array, expected)


def test_in_place_methods_are_all_listed() -> None:
    """The lists above are complete."""
    found = {n for n in dir(dg.Tensor) if n.endswith("_") and not n.startswith("_")}
    others = {"requires_grad_", "detach_", "copy_", "fill_", "zero_", *AT_INDICES, *ELSEWHERE}
    assert found - others == {*IN_PLACE, *INTEGER_IN_PLACE}


def test_in_place_operators_and_overwriting() -> None:
    """``+=`` and its kin, ``copy_``, ``fill_`` and ``zero_`` write into the tensor's memory."""
    array = np.arange(4, dtype=np.float32)
    x = dg.from_numpy(array)
    x += 1
    x *= dg.tensor([2.0, 2.0, 2.0, 2.0])
    x -= 4
    x /= 2
    assert array.tolist() == [-1.0, 0.0, 1.0, 2.0]
    x[1:3].copy_(dg.tensor([7, 8]))
    assert array.tolist() == [-1.0, 7.0, 8.0, 2.0]
    x[0].fill_(5)
    x[3:].zero_()
    assert array.tolist() == [5.0, 7.0, 8.0, 0.0]


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_with_positions(name: str) -> None:
    """``x.max(dim)`` gives values and the first positions; without dim, one value."""
    array = np.array([[1.0, 3.0, 3.0], [2.0, np.nan, 9.0]], np.float32)
    x = dg.from_numpy(array)
    values, positions = getattr(x, name)(1)
    extreme = {"max": np.maximum, "min": np.minimum}[name]
    arg = {"max": np.argmax, "min": np.argmin}[name]
    assert_bits_equal(values, extreme.reduce(array, axis=1))
    assert_bits_equal(positions, arg(array, axis=1))
    assert np.isnan(getattr(x, name)().item())
    kept = getattr(x, name)(0, keepdim=True)
    assert [k.shape for k in kept] == [(1, 3), (1, 3)]


def test_views_share_memory() -> None:
    """Shape ops are views: a change of the source is seen, and nothing was copied."""
    array = np.zeros((2, 3, 4), np.float32)
    x = dg.from_numpy(array)
    views = [
        x.reshape(6, 4), x.permute(2, 0, 1), x.transpose(0, 1), x[0], x[:, ::2], x.unsqueeze(0),
        x.narrow(2, 1, 2), x.select(1, 0), x.split(2, 2)[1], x.expand(5, 2, 3, 4), x.detach(),
        x.flatten(), x.unbind(0)[1], x.chunk(2, 2)[0],
    ]  # fmt: skip
    assert all(np.shares_memory(v.numpy(), array) for v in views)
    array += 1
    assert all((v.numpy() == 1).all() for v in views)
