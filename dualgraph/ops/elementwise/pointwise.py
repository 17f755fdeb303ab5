"""Element-wise ops: arithmetic, comparison, selection, conversion; see also `elementary`.

A record says everything about its op: the scalar expression, the types, the derivative.
"""

from typing import Any

from ...core.boundary import unguarded
from ...core.dispatch import apply
from ...core.op import NONDIFF
from ...core.types import bool_, numpy_dtype
from ...errors import ArgumentTypeError, DTypeError, described
from ..build import (
    Tensor,
    aligned,
    as_dtype,
    as_floating,
    as_operand,
    binary,
    elementwise,
    is_tensor,
    named,
    need,
    refuse_bools,
    unary,
    unary_float,
)
from ..index.nonzero import nonzero
from ..public import NOT_IN_PLACE, Surface, also, as_function, entered, public

# --- arithmetic ---------------------------------------------------------------------------------

_ADD = elementwise(
    "add",
    "{x} + {y}",
    "tt->t",
    vjp=(lambda g: g, lambda g: g),
    commutative=True,
    integer="iadd({x}, {y})",
)  # d(x+y) = dx + dy
_SUB = elementwise(
    "sub", "{x} - {y}", "tt->t", vjp=(lambda g: g, lambda g: neg(g)), integer="isub({x}, {y})"
)
_MUL = elementwise(
    "mul",
    "{x} * {y}",
    "tt->t",
    vjp=(lambda g, y: mul(g, y), lambda g, x: mul(g, x)),
    commutative=True,
    integer="imul({x}, {y})",
)  # d(xy) = y dx + x dy
_DIV = elementwise(
    "div",
    "{x} / {y}",
    "tt->t",
    vjp=(lambda g, y: div(g, y), lambda g, y, out: neg(div(mul(g, out), y))),
)  # d(x/y) = dx/y - (x/y) dy/y
_NEG = elementwise("neg", "-{x}", "t->t", vjp=(lambda g: neg(g),), integer="isub({s}(0), {x})")
_ABS = elementwise(
    "abs",
    "abs({x})",
    "t->t",
    vjp=(lambda g, x: mul(g, sign(x)),),
    integer="select({x} < 0, isub({s}(0), {x}), {x})",
)
_SIGN = elementwise(
    "sign", "{s}(({x} > 0)) - {s}(({x} < 0))", "t->t", vjp=(NONDIFF,)
)  # 0 for 0 and NaN, as PyTorch
_OR = elementwise("logical_or", "{x} or {y}", "bb->b", vjp=(NONDIFF, NONDIFF), commutative=True)
_AND = elementwise("logical_and", "{x} and {y}", "bb->b", vjp=(NONDIFF, NONDIFF), commutative=True)
_XOR = elementwise("logical_xor", "{x} != {y}", "bb->b", vjp=(NONDIFF, NONDIFF), commutative=True)
_NOT = elementwise("logical_not", "not {x}", "b->b", vjp=(NONDIFF,))


_ONE = 1  # the default of alpha: told by identity, whatever else was given


@public()
@unguarded
def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Return ``input + alpha * other``, broadcast and promoted; for bools, ``or``."""
    if alpha is not _ONE:
        input, other = _scaled(input, other, alpha)
    try:
        if input.value.dtype is other.value.dtype and input.value.dtype is not bool_:
            return apply(_ADD, input, other)
    except AttributeError:
        pass
    x, y = aligned(input, other)
    return apply(_OR if x.value.dtype == bool_ else _ADD, x, y)


@public(also("subtract"))
@unguarded
def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Return ``input - alpha * other``; raise `DTypeError` for bools."""
    if alpha is not _ONE:
        input, other = _scaled(input, other, alpha)
    x, y = same(input, other)
    if x.value.dtype is bool_:
        refuse_bools("sub", "use logical_xor", x)
    return apply(_SUB, x, y)


def _scaled(x: Any, y: Any, alpha: float) -> tuple[Tensor, Tensor]:
    """Return the operands in their common dtype, the second times alpha."""
    x, y = aligned(x, y)
    if not isinstance(alpha, int | float):
        raise ArgumentTypeError(f"alpha must be a number, got {described(alpha)}")
    whole = x.value.dtype.kind == "f" or not isinstance(alpha, float)
    need(whole, f"alpha must be an integer for {x.value.dtype.name} tensors, got {alpha}")
    return x, mul(y, as_dtype(alpha, y.value.dtype))


def same(x: Any, y: Any) -> tuple[Tensor, ...]:
    """Return the operands in one dtype, without work when they already agree."""
    try:
        if x.value.dtype is y.value.dtype:
            return x, y
    except AttributeError:
        pass
    return aligned(x, y)


@public(also("multiply"))
@unguarded
def mul(input: Any, other: Any) -> Tensor:
    """Return ``input * other``, broadcast and promoted; for bools, ``and``."""
    x, y = same(input, other)
    return apply(_AND if x.value.dtype is bool_ else _MUL, x, y)


@public(Surface(name="true_divide"))
@unguarded
def div(input: Any, other: Any) -> Tensor:
    """Return the true quotient; integers are divided as float32.

    >>> import dualgraph as dg
    >>> dg.div(dg.tensor([1, 2]), 4)
    tensor([0.2500, 0.5000])
    """
    x, y = same(input, other)
    if x.value.dtype.kind != "f":
        x, y = as_floating(x), as_floating(y)
    return apply(_DIV, x, y)


@public(also("negative"))
@unguarded
def neg(input: Tensor) -> Tensor:
    """Return ``-input``; raise `DTypeError` for bools."""
    x = as_operand(input)
    if x.value.dtype is bool_:
        refuse_bools("neg", "use logical_not", x)
    return apply(_NEG, x)


@public(also("absolute"))
@unguarded
def abs(input: Tensor) -> Tensor:
    """Return the absolute value; its derivative at 0 is 0. Raise `DTypeError` for bools."""
    x = as_operand(input)
    refuse_bools("abs", "cast it first", x)
    return apply(_ABS, x)


@public(also("sgn"))
@unguarded
def sign(input: Tensor) -> Tensor:
    """Return -1, 0 or 1 with the sign of the input (0 for NaN); bools stay as they are."""
    x = as_operand(input)
    return clone(x) if x.value.dtype == bool_ else apply(_SIGN, x)


@public()
@unguarded
def square(input: Tensor) -> Tensor:
    """Return ``input * input``; bools become int64."""
    x = as_operand(input)
    x = long(x) if x.value.dtype == bool_ else x
    return mul(x, x)


@public()
@unguarded
def reciprocal(input: Tensor) -> Tensor:
    """Return ``1 / input``."""
    return div(1.0, input)


# --- comparison and selection -------------------------------------------------------------------

_EQ = elementwise("eq", "{x} == {y}", "tt->b", vjp=(NONDIFF, NONDIFF), commutative=True)
_NE = elementwise("ne", "{x} != {y}", "tt->b", vjp=(NONDIFF, NONDIFF), commutative=True)
_LT = elementwise("lt", "{x} < {y}", "tt->b", vjp=(NONDIFF, NONDIFF))
_LE = elementwise("le", "{x} <= {y}", "tt->b", vjp=(NONDIFF, NONDIFF))
_GT = elementwise("gt", "{x} > {y}", "tt->b", vjp=(NONDIFF, NONDIFF))
_GE = elementwise("ge", "{x} >= {y}", "tt->b", vjp=(NONDIFF, NONDIFF))
eq = binary(_EQ, "Return where the operands are equal, as bools.")
ne = binary(_NE, "Return where the operands differ, as bools.", at=also("not_equal"))
lt = binary(_LT, "Return ``input < other`` as bools.", at=also("less"))
le = binary(_LE, "Return ``input <= other`` as bools.", at=also("less_equal"))
gt = binary(_GT, "Return ``input > other`` as bools.", at=also("greater"))
ge = binary(_GE, "Return ``input >= other`` as bools.", at=also("greater_equal"))

_WHERE = elementwise(
    "where",
    "select({x}, {y}, {z})",
    "btt->t",
    vjp=(
        NONDIFF,
        lambda g, x: where(x, g, 0.0),
        lambda g, x: where(x, 0.0, g),
    ),
)
_NAN_WINS = "select(({x} {c} {y}) | ({x} != {x}), {x}, {y})"
_MAXIMUM = elementwise(
    "maximum",
    _NAN_WINS.replace("{c}", ">="),
    "tt->t",
    vjp=(
        lambda g, x, y: _share(g, lt(x, y), eq(x, y)),
        lambda g, x, y: _share(g, lt(y, x), eq(x, y)),
    ),
)  # at a tie each operand gets half; next to a NaN both get all, as in PyTorch
_MINIMUM = elementwise(
    "minimum",
    _NAN_WINS.replace("{c}", "<="),
    "tt->t",
    vjp=(
        lambda g, x, y: _share(g, gt(x, y), eq(x, y)),
        lambda g, x, y: _share(g, gt(y, x), eq(x, y)),
    ),
)
maximum = binary(_MAXIMUM, "Return the larger operand; NaN where either is NaN.", at=NOT_IN_PLACE)
minimum = binary(_MINIMUM, "Return the smaller operand; NaN where either is NaN.", at=NOT_IN_PLACE)


def _share(g: Tensor, loses: Tensor, ties: Tensor) -> Tensor:
    return where(loses, 0.0, where(ties, mul(g, 0.5), g))


@public(as_function())
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Return ``input`` where the condition holds and ``other`` elsewhere, broadcast.

    ``where(condition)`` alone is ``nonzero(condition, as_tuple=True)``.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if not is_tensor(condition) or condition.value.dtype != bool_:
        got = condition.value.dtype.name if is_tensor(condition) else type(condition).__name__
        raise DTypeError(f"where: the condition must be a bool tensor, got {got}")
    x, y = same(input, other)
    return apply(_WHERE, condition, x, y)


@public(also("clip"))
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Limit values to [min, max]; numbers or tensors, either may be absent. NaN on either
    side gives NaN.

    The derivative is 1 inside and on the bounds, 0 outside.
    """
    need(min is not None or max is not None, "clamp: at least one of min and max must be given")
    bounds = [b for b in (min, max) if b is not None]
    x, *limits = aligned(input, *bounds)
    names = [n for n, b in (("low", min), ("high", max)) if b is not None]
    for name, limit in zip(names, limits, strict=True):
        x = apply(_CLAMP_LOW if name == "low" else _CLAMP_HIGH, x, limit)
    return x


_CLAMP_LOW = elementwise(
    "clamp_min",
    "select(({x} < {y}) | ({y} != {y}), {y}, {x})",
    "tt->t",
    vjp=(lambda g, x, y: where(ge(x, y), g, 0.0), lambda g, x, y: where(lt(x, y), g, 0.0)),
)
_CLAMP_HIGH = elementwise(
    "clamp_max",
    "select(({x} > {y}) | ({y} != {y}), {y}, {x})",
    "tt->t",
    vjp=(lambda g, x, y: where(le(x, y), g, 0.0), lambda g, x, y: where(gt(x, y), g, 0.0)),
)
_ISNAN = elementwise("isnan", "{x} != {x}", "t->b", vjp=(NONDIFF,))
_ISINF = elementwise("isinf", "abs({x}) == inf", "t->b", vjp=(NONDIFF,))
_ISFINITE = elementwise("isfinite", "abs({x}) < inf", "t->b", vjp=(NONDIFF,))
isnan = unary_float(_ISNAN, "Return where the input is NaN.", at=NOT_IN_PLACE)
isinf = unary_float(_ISINF, "Return where the input is plus or minus infinity.", at=NOT_IN_PLACE)
isfinite = unary_float(
    _ISFINITE, "Return where the input is neither NaN nor infinite.", at=NOT_IN_PLACE
)


def _logical(op: Any, doc: str) -> Any:
    def function(input: Any, other: Any) -> Tensor:
        return apply(op, as_bool(input), as_bool(other))

    return entered(unguarded(named(function, op.name, doc)))


def as_bool(x: Any) -> Tensor:
    """Return where the operand is not zero."""
    return as_dtype(as_operand(x), bool_)


logical_and = _logical(_AND, "Return where both operands are not zero.")
logical_or = _logical(_OR, "Return where at least one operand is not zero.")
logical_xor = _logical(_XOR, "Return where exactly one operand is not zero.")


@public()
def logical_not(input: Tensor) -> Tensor:
    """Return where the input is zero."""
    return apply(_NOT, as_bool(input))


# --- conversion ---------------------------------------------------------------------------------


def cast(input: Tensor, dtype: Any) -> Tensor:
    """Return the tensor in another dtype (itself when it already has it).

    A float outside of an integer's range saturates, NaN becomes 0.
    """
    return as_dtype(input, numpy_dtype(dtype))


def long(input: Tensor) -> Tensor:
    """Return the tensor as int64."""
    return cast(input, "int64")


_COPY = elementwise("clone", "{x}", "t->t", vjp=(lambda g: g,))
_OVERWRITE = elementwise(
    "overwrite", "{y}", "tt->t", vjp=(NONDIFF, lambda g: g), grad_name="Copy"
)  # what was there before has no influence
clone = unary(_COPY, "Return a copy in new memory; gradients pass through.", at=NOT_IN_PLACE)


def overwrite(input: Tensor, other: Any) -> Tensor:
    """Return ``other``, broadcast to the input's shape and in its dtype: what ``copy_`` writes."""
    return apply(_OVERWRITE, input, as_dtype(other, input.value.dtype))
