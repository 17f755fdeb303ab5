"""What op families share: operands, promotion, axes, and the factories of records."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from ..core.boundary import unguarded
from ..core.dispatch import apply, literal
from ..core.op import Op, defop
from ..core.tensor import TensorBase as Tensor
from ..core.types import (
    BOOL,
    FLOATING,
    Aval,
    bool_,
    broadcast_shapes,
    category,
    default_float,
    float16,
    float32,
    float64,
    int64,
    result_type,
    weak_dtype,
)
from ..errors import (
    ArgumentError,
    ArgumentTypeError,
    AxisError,
    DTypeError,
    called_function,
    described,
)
from ..numerics.facts.elementwise import NAMES, Elementwise
from .public import EVERYWHERE, Surface, entered

if TYPE_CHECKING:
    from typing_extensions import TypeIs

F = TypeVar("F", bound=Callable[..., Any])
_NUMBERS = (bool, int, float)
_Integer: Any = np.integer


def is_tensor(x: object) -> "TypeIs[Tensor]":
    """Tell a tensor from numbers and everything else."""
    return isinstance(x, Tensor)


def as_number(x: Any) -> bool | int | float:
    """Return a Python number for a number or a NumPy scalar; raise for anything else."""
    if isinstance(x, np.generic):
        x = cast("Any", x).item()
    if type(x) in _NUMBERS:
        if type(x) is int and not -(2**63) <= x < 2**63:
            raise ArgumentError(f"the integer {x} does not fit into int64")
        return x
    raise DTypeError(
        f"{called_function()}: expected a Tensor or a number, got {type(x).__name__}; "
        "convert arrays and lists with dualgraph.tensor(...)"
    )


def aligned(*operands: Any) -> tuple[Tensor, ...]:
    """Convert operands to tensors of their common dtype, as PyTorch promotes."""
    if len(operands) == 2 and type(operands[1]) in _NUMBERS and is_tensor(operands[0]):
        dtype = operands[0].value.dtype
        if dtype.kind == "f":  # the commonest mixture: no number changes a floating dtype
            return operands[0], literal(as_number(operands[1]), dtype)
    strong: list[np.dtype] = []
    scalars: list[np.dtype] = []
    numbers: list[np.dtype] = []
    found: list[Any] = []
    for x in operands:
        if is_tensor(x):
            (strong if x.value.shape else scalars).append(x.value.dtype)
            found.append(x)
        else:
            found.append(as_number(x))
            numbers.append(weak_dtype(found[-1]))
    dtype = result_type(strong, scalars, numbers)
    return tuple(as_dtype(x, dtype) for x in found)


def as_dtype(x: Any, dtype: np.dtype) -> Tensor:
    """Return a tensor of this dtype: a number becomes a literal, a tensor is cast if needed."""
    if not is_tensor(x):
        return literal(as_number(x), dtype)
    return x if x.value.dtype == dtype else apply(CAST, x, dtype=dtype)


def as_floating(x: Any) -> Tensor:
    """Return a floating tensor: integers and bools get the default dtype, as in PyTorch."""
    if not is_tensor(x):
        x = literal(as_number(x), default_float())
    return x if x.value.dtype.kind == "f" else apply(CAST, x, dtype=default_float())


# --- the element-wise families ------------------------------------------------------------------


def elementwise_infer(name: str, spec: Elementwise) -> Callable[..., Aval]:
    """Return the infer rule: shapes broadcast, dtypes follow the letters of ``spec.types``."""

    def infer(*avals: Any, dtype: np.dtype | None = None) -> Aval:
        computing = avals[-1].dtype
        wanted = spec.input_types(computing)
        if tuple(a.dtype for a in avals) != wanted:
            got = ", ".join(a.dtype.name for a in avals)
            need = ", ".join(d.name for d in wanted)
            raise DTypeError(f"{name}: expected dtypes ({need}), got ({got})")
        shape = broadcast_shapes(*(tuple(a.shape) for a in avals))
        return Aval(shape, spec.output_type(computing, dtype))

    return infer


def elementwise(
    name: str,
    expression: str,
    types: str,
    *,
    vjp: tuple[Any, ...],
    commutative: bool = False,
    grad_name: str | None = None,
    integer: str = "",
) -> Op:
    """Register an element-wise op; its inputs are x, y, z in order."""
    spec = Elementwise(expression, types, integer)
    return defop(
        name,
        inputs=" ".join(NAMES[: len(spec.inputs)]),
        infer=elementwise_infer(name, spec),
        lower=spec,
        vjp=vjp,
        commutative=commutative,
        grad_name=grad_name,
    )


def _cast_back(g: Tensor, x_dtype: np.dtype) -> Tensor:
    return as_dtype(g, x_dtype)


CAST = elementwise("cast", "{x}", "t->u", vjp=(_cast_back,), grad_name="ToCopy")


def unary(op: Op, doc: str, at: Surface = EVERYWHERE) -> Callable[[Tensor], Tensor]:
    """Return the public function of an op that takes any dtype."""

    def function(input: Tensor) -> Tensor:
        return apply(op, input if is_tensor(input) else as_number_tensor(input))

    return entered(unguarded(named(function, op.name, doc)), at)


def unary_float(op: Op, doc: str, at: Surface = EVERYWHERE) -> Callable[[Tensor], Tensor]:
    """Return the public function of a floating op; integers become float32 first."""

    def function(input: Tensor) -> Tensor:
        return apply(op, as_floating(input))

    return entered(unguarded(named(function, op.name, doc)), at)


def binary(op: Op, doc: str, at: Surface = EVERYWHERE) -> Callable[[Any, Any], Tensor]:
    """Return the public function of a two-operand op with promotion."""

    def function(input: Any, other: Any) -> Tensor:
        try:
            if input.value.dtype is other.value.dtype:
                return apply(op, input, other)
        except AttributeError:
            pass
        x, y = aligned(input, other)
        return apply(op, x, y)

    return entered(unguarded(named(function, op.name, doc)), at)


def as_operand(x: Any) -> Tensor:
    """Return a tensor as it is, and a number as a literal of its own dtype."""
    return x if isinstance(x, Tensor) else as_number_tensor(x)


def as_number_tensor(x: Any) -> Tensor:
    """Return the 0-d literal of a lone Python number in its own dtype."""
    number = as_number(x)
    return literal(number, weak_dtype(number))


def named(function: Any, name: str, doc: str) -> Any:
    """Give a generated function the name and the docstring that users see."""
    function.__name__ = function.__qualname__ = name
    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)  # tracebacks
    function.__doc__ = doc
    return function


# --- float16 -------------------------------------------------------------------------------------


def in_float32(function: F) -> F:
    """Let a function whose first operand is float16 compute in float32 and round its results once.

    Element-wise ops do so by themselves; this is for what accumulates, or is made of several ops.
    Operands of a wider floating dtype are left to the function: it promotes, or raises.
    """

    @wraps(function)
    def wrapper(input: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_tensor(input) or input.value.dtype is not float16:
            return function(input, *args, **kwargs)
        if any(map(_wider, args)) or any(map(_wider, kwargs.values())):
            return function(input, *args, **kwargs)
        return _rounded_once(function, input, args, kwargs)

    return named(wrapper, function.__name__, function.__doc__ or "")


def in_float32_mixed(function: F) -> F:
    """As `in_float32`, for what takes float16 together with float32 parameters."""

    @wraps(function)
    def wrapper(input: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_tensor(input) or input.value.dtype is not float16:
            return function(input, *args, **kwargs)
        return _rounded_once(function, input, args, kwargs)

    return named(wrapper, function.__name__, function.__doc__ or "")


def _wider(x: Any) -> bool:
    """Tell a tensor that makes float16 give way in a promotion."""
    return is_tensor(x) and x.value.ndim > 0 and x.value.dtype in (float32, float64)


def _rounded_once(
    function: Any, input: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    wide = [_widened(x) for x in (input, *args)]
    out = function(*wide, **{k: _widened(v) for k, v in kwargs.items()})
    if not isinstance(out, tuple):
        return _narrowed(out)
    results = cast("tuple[Any, ...]", out)
    kind: Any = type(results)
    parts = [_narrowed(x) for x in results]
    return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)


def _widened(x: Any) -> Any:
    return as_dtype(x, float32) if is_tensor(x) and x.value.dtype is float16 else x


def _narrowed(x: Any) -> Any:
    return as_dtype(x, float16) if is_tensor(x) and x.value.dtype is float32 else x


# --- axes and other arguments -------------------------------------------------------------------


def normal_axis(axis: Any, ndim: int) -> int:
    """Return the axis counted from the front; raise `AxisError` when there is no such axis."""
    limit = max(ndim, 1)
    if isinstance(axis, bool) or not isinstance(axis, int | _Integer):
        raise ArgumentTypeError(f"dim must be an int, got {described(axis)}")
    if not -limit <= axis < limit:
        raise AxisError(
            f"dim {axis} is out of range for a tensor with {ndim} dimensions: "
            f"expected {-limit} to {limit - 1}"
        )
    return int(axis) % limit


def normal_axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """Return sorted axes for None (all), an int, or a sequence without repeats."""
    named = cast("tuple[Any, ...]", dim) if isinstance(dim, tuple | list) else (dim,)
    if dim is None or not named:
        return tuple(range(ndim))
    found = [normal_axis(d, ndim) for d in named]
    if len(set(found)) != len(found):
        raise AxisError(f"dim {dim!r} names an axis twice")
    return tuple(sorted(found)) if ndim else ()


def sizes(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Accept ``f(2, 3)`` and ``f((2, 3))`` for a shape."""
    if len(given) == 1 and isinstance(given[0], tuple | list):
        given = tuple(cast("tuple[Any, ...]", given[0]))
    for extent in given:
        if isinstance(extent, bool) or not isinstance(extent, int | _Integer):
            said = f"a shape is made of ints, got {described(extent)} in {described(given)}"
            raise ArgumentTypeError(said)
    return tuple(int(e) for e in given)


def need_tensor(name: str, x: Any) -> Tensor:
    """Return a tensor; raise `DTypeError` for anything else."""
    if not is_tensor(x):
        raise DTypeError(
            f"{name}: expected a Tensor, got {type(x).__name__}; "
            "convert arrays and lists with dualgraph.tensor(...)"
        )
    return x


def need_tensors(name: str, *operands: Any) -> None:
    """Raise `DTypeError` for an operand that is no tensor."""
    for x in operands:
        need_tensor(name, x)


def need_floating(name: str, x: Tensor) -> None:
    """Raise `DTypeError` unless x is a floating tensor."""
    if is_tensor(x):
        if x.value.dtype.kind == "f":
            return
        got, remedy = x.value.dtype.name, "cast it first"
    else:
        got, remedy = type(x).__name__, "make one with dualgraph.tensor(...)"
    raise DTypeError(f"{name} needs a floating tensor, got {got}; {remedy}")


def changed(x: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Overwrite a tensor with what ``compute`` makes of it, for ``inplace=True``; return it."""
    if not is_tensor(x):
        need_floating(called_function(), x)
    return x._inplace(compute)


def refuse_bools(name: str, hint: str, x: Tensor) -> None:
    """Raise `DTypeError` for a bool tensor."""
    if x.value.dtype is bool_:
        raise DTypeError(f"{name} is not defined for bool tensors; {hint}")


def need_index(name: str, index: Tensor) -> Tensor:
    """Return an index tensor as int64; raise for floats and bools."""
    dtype = index.value.dtype
    if category(dtype) in (FLOATING, BOOL):
        raise DTypeError(f"{name}: index must be an integer tensor, got {dtype.name}")
    return as_dtype(index, int64)


def need(condition: bool, message: str) -> None:
    """Raise `ArgumentError` with the user's line unless the condition holds."""
    if not condition:
        raise ArgumentError(message)
