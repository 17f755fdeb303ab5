"""Element-wise ops: arithmetic, comparison, selection, and elementary functions.

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
    changed,
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
_POW = elementwise(
    "pow",
    "pow_{s}({x}, {y})",
    "tt->t",
    vjp=(lambda g, x, y: _pow_base(g, x, y), lambda g, x, y, out: _pow_exponent(g, x, y, out)),
)
_IPOW = elementwise("ipow", "ipow_i8({x}, {y})", "tt->t", vjp=(NONDIFF, NONDIFF))
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
def pow(input: Any, exponent: Any) -> Tensor:
    """Return ``input ** exponent`` with the special cases of C99's pow.

    The exponents 0.5, 1, 2 and -1 take the square root, the input itself, one multiplication and
    one division. Integers raised to integers stay integers (a negative exponent raises).
    """
    if is_tensor(input) and not is_tensor(exponent):
        shortcut = _SHORTCUTS.get(exponent) if type(exponent) in (int, float) else None
        if shortcut and input.value.dtype.kind == "f":
            return shortcut(input)
    x, y = aligned(input, exponent)
    if x.value.dtype.kind == "f":
        return apply(_POW, x, y)
    negative = not is_tensor(exponent) and exponent < 0
    need(not negative, f"integers to the negative power {exponent} are not allowed; cast to float")
    return as_dtype(apply(_IPOW, long(x), long(y)), x.value.dtype)


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


def _pow_base(g: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return g * y * x**(y-1), and 0 where y is 0."""
    return where(eq(y, 0), 0.0, mul(g, mul(y, pow(x, sub(y, 1)))))


def _pow_exponent(g: Tensor, x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Return g * x**y * log(x), and 0 where x is 0 and y is not negative."""
    return where(logical_and(eq(x, 0), ge(y, 0)), 0.0, mul(g, mul(out, log(x))))


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


# --- elementary functions -----------------------------------------------------------------------

_EXP = elementwise("exp", "exp_{s}({x})", "t->t", vjp=(lambda g, out: mul(g, out),))
_EXP2 = elementwise(
    "exp2", "exp2_{s}({x})", "t->t", vjp=(lambda g, out: mul(mul(g, out), 0.6931471805599453),)
)
_EXPM1 = elementwise("expm1", "expm1_{s}({x})", "t->t", vjp=(lambda g, out: mul(g, add(out, 1)),))
_LOG = elementwise("log", "log_{s}({x})", "t->t", vjp=(lambda g, x: div(g, x),))
_LOG2 = elementwise(
    "log2", "log2_{s}({x})", "t->t", vjp=(lambda g, x: div(g, mul(x, 0.6931471805599453)),)
)
_LOG10 = elementwise(
    "log10", "log10_{s}({x})", "t->t", vjp=(lambda g, x: div(g, mul(x, 2.302585092994046)),)
)
_LOG1P = elementwise("log1p", "log1p_{s}({x})", "t->t", vjp=(lambda g, x: div(g, add(x, 1)),))
_TANH = elementwise(
    "tanh", "tanh_{s}({x})", "t->t", vjp=(lambda g, out: mul(g, sub(1, mul(out, out))),)
)
_SIGMOID = elementwise(
    "sigmoid", "sigmoid_{s}({x})", "t->t", vjp=(lambda g, out: mul(mul(g, out), sub(1, out)),)
)
_RELU = elementwise(
    "relu", "select({x} <= 0, {s}(0), {x})", "t->t", vjp=(lambda g, out: where(le(out, 0), 0.0, g),)
)
_SQRT = elementwise("sqrt", "sqrt({x})", "t->t", vjp=(lambda g, out: div(g, mul(out, 2)),))
_RSQRT = elementwise(
    "rsqrt", "rsqrt_{s}({x})", "t->t", vjp=(lambda g, x, out: mul(mul(g, -0.5), div(out, x)),)
)  # d x^(-1/2) = -1/2 x^(-1/2) / x dx
_SIN = elementwise("sin", "sin_{s}({x})", "t->t", vjp=(lambda g, x: mul(g, cos(x)),))
_COS = elementwise("cos", "cos_{s}({x})", "t->t", vjp=(lambda g, x: neg(mul(g, sin(x))),))
_TWO_OVER_ROOT_PI = 1.1283791670955126
_ERF = elementwise(
    "erf",
    "erf_{s}({x})",
    "t->t",
    vjp=(lambda g, x: mul(g, mul(exp(neg(mul(x, x))), _TWO_OVER_ROOT_PI)),),
)
_ERFC = elementwise(
    "erfc",
    "erfc_{s}({x})",
    "t->t",
    vjp=(lambda g, x: mul(g, mul(exp(neg(mul(x, x))), -_TWO_OVER_ROOT_PI)),),
)
_FLOOR = elementwise("floor", "floor({x})", "t->t", vjp=(NONDIFF,))
_CEIL = elementwise("ceil", "-floor(-{x})", "t->t", vjp=(NONDIFF,))
_TRUNC = elementwise("trunc", "trunc({x})", "t->t", vjp=(NONDIFF,))
_ROUND = elementwise("round", "rint({x})", "t->t", vjp=(NONDIFF,))

exp = unary_float(_EXP, "Return e**x; integers become float32.")
exp2 = unary_float(_EXP2, "Return 2**x; integers become float32.", at=also("special.exp2"))
expm1 = unary_float(
    _EXPM1, "Return e**x - 1 without cancellation near 0.", at=also("special.expm1")
)
log = unary_float(_LOG, "Return the natural logarithm; NaN below 0, -inf at 0.")
log2 = unary_float(_LOG2, "Return the logarithm to base 2.")
log10 = unary_float(_LOG10, "Return the logarithm to base 10.")
log1p = unary_float(
    _LOG1P, "Return log(1 + x) without cancellation near 0.", at=also("special.log1p")
)
tanh = unary_float(_TANH, "Return the hyperbolic tangent.", at=also("nn.functional.tanh"))
sigmoid = unary_float(
    _SIGMOID, "Return 1 / (1 + e**-x).", at=also("special.expit", "nn.functional.sigmoid")
)
sqrt = unary_float(_SQRT, "Return the correctly rounded square root; NaN below 0.")
rsqrt = unary_float(_RSQRT, "Return 1 / sqrt(x).")
sin = unary_float(_SIN, "Return the sine of an angle in radians.")
cos = unary_float(_COS, "Return the cosine of an angle in radians.")
erf = unary_float(_ERF, "Return the error function.", at=also("special.erf"))
erfc = unary_float(
    _ERFC, "Return 1 - erf(x) without cancellation for large x.", at=also("special.erfc")
)
_SHORTCUTS = {2: square, 1: clone, -1: reciprocal, 0.5: sqrt}


@public(also("nn.functional.relu"))
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(input, 0); NaN stays NaN, the derivative at 0 is 0."""
    if inplace:
        return changed(input, relu)
    x = as_operand(input)
    if x.value.dtype is bool_:
        refuse_bools("relu", "cast it first", x)
    return apply(_RELU, x)


def _rounding(op: Any, doc: str) -> Any:
    def function(input: Tensor) -> Tensor:
        x = as_operand(input)
        if x.value.dtype.kind == "f":
            return apply(op, x)
        refuse_bools(op.name, "cast it first", x)
        return clone(x)

    return unguarded(named(function, op.name, doc))


floor = entered(
    _rounding(_FLOOR, "Return the largest integer that is not above; integers unchanged.")
)
ceil = entered(
    _rounding(_CEIL, "Return the smallest integer that is not below; integers unchanged.")
)
trunc = entered(_rounding(_TRUNC, "Return the integer part; integers unchanged."), also("fix"))
rint = _rounding(_ROUND, "Return the nearest integer, ties to even; integers unchanged.")
