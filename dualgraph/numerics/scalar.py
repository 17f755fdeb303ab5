"""What every scalar function of ``elementary`` and ``special`` shares.

``scalar`` is the one decorator. It spells out each flag that Numba would otherwise take over from
the function that happens to be compiled first: without ``fastmath=False`` a kernel compiled with
fast-math would leave a reassociated version of the callee behind, for the exact kernels to find.
``forceinline`` sets LLVM's ``alwaysinline``, since a call left in a loop stops vectorisation; flags
of the caller do not leak into the body, as they would with ``inline="always"``.

The functions have no branch, no early return and no libm call; a ``select`` evaluates both sides.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..vendor import CPUDispatcher, InnerCompiler
from .intrinsics import bits, fabs, from_bits, iand, ilshr, ior

_SIGN = np.int32(-(2**31))
_OPTIONS = {
    "nopython": True,
    "error_model": "numpy",
    "fastmath": False,
    "forceinline": True,
    # Without the two wrappers a function compiles in half the time (7 ms instead of 25 if trivial).
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


class ScalarFunction(CPUDispatcher):
    """A function for compiled code alone: it has no wrapper through which Python could call it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.__name__} is called from compiled code only, not from Python")


def scalar(function: Callable[..., Any]) -> ScalarFunction:
    """Decorate a scalar function of compiled code; see the text of this module."""
    return ScalarFunction(
        py_func=function, locals={}, targetoptions=dict(_OPTIONS), pipeline_class=InnerCompiler
    )


class Format(NamedTuple):
    """Typed constants of one float format."""

    real: Any  # np.float32 or np.float64
    integer: Any  # the integer of the same width
    digits: int  # bits of the mantissa that are stored
    bias: Any
    magic: Any  # adding 1.5 * 2^digits rounds to an integer, see `magic_int`
    zero: Any
    half: Any
    one: Any
    two: Any
    inf: Any
    nan: Any

    def constants(self, *values: float) -> tuple[Any, ...]:
        """Return the values in this format."""
        return tuple(self.real(v) for v in values)


def _format(real: Any, integer: Any, digits: int, bias: int) -> Format:
    magic = real(1.5 * 2.0**digits)
    values = (real(v) for v in (0.0, 0.5, 1.0, 2.0, float("inf"), float("nan")))
    return Format(real, integer, digits, integer(bias), magic, *values)


F4 = _format(np.float32, np.int32, 23, 127)
F8 = _format(np.float64, np.int64, 52, 1023)


def both(make: Callable[[Format], ScalarFunction]) -> tuple[ScalarFunction, ScalarFunction]:
    """Write a function once, compile it for float32 and for float64.

    ``make`` binds the constants of a format to names of its own and returns the function, whose
    free variables Numba takes as compile-time constants.
    """
    return make(F4), make(F8)


@scalar
def _rounded(value):
    """A float64 as a float32, the sign put on as a bit.

    LLVM turns the rounding of a ``copysign``, when the result is rounded again to float16, into one
    rounding from float64, for which it calls a function that is not there.
    """
    sign = iand(np.int32(ilshr(bits(value), 32)), _SIGN)
    return from_bits(ior(bits(np.float32(fabs(value))), sign))


def narrowed(function: ScalarFunction) -> ScalarFunction:
    """Return the float32 form of a float64 function of one argument: it is rounded once."""

    @scalar
    def narrow(x):
        return _rounded(function(np.float64(x)))

    return narrow


def narrowed_pair(function: ScalarFunction) -> ScalarFunction:
    """Return the float32 form of a float64 function of two arguments."""

    @scalar
    def narrow(x, y):
        return _rounded(function(np.float64(x), np.float64(y)))

    return narrow
