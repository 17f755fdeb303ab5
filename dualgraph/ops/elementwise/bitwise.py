"""Bitwise ops and shifts of integers; for bools they are the logical ops."""

from collections.abc import Callable
from typing import Any

from ...core.dispatch import apply
from ...core.op import NONDIFF, Op
from ...core.types import bool_
from ...errors import DTypeError
from ..build import Tensor, as_operand, elementwise, named
from ..public import entered, public
from .pointwise import logical_and, logical_not, logical_or, logical_xor, same

_PAIR = (NONDIFF, NONDIFF)
_NOT = elementwise("bitwise_not", "ixor({x}, {s}(-1))", "t->t", vjp=(NONDIFF,))
_AND = elementwise("bitwise_and", "iand({x}, {y})", "tt->t", vjp=_PAIR, commutative=True)
_OR = elementwise("bitwise_or", "ior({x}, {y})", "tt->t", vjp=_PAIR, commutative=True)
_XOR = elementwise("bitwise_xor", "ixor({x}, {y})", "tt->t", vjp=_PAIR, commutative=True)
_LEFT = elementwise("bitwise_left_shift", "shift_left({x}, {y})", "tt->t", vjp=_PAIR)
_RIGHT = elementwise("bitwise_right_shift", "shift_right({x}, {y})", "tt->t", vjp=_PAIR)


@public()
def bitwise_not(input: Any) -> Tensor:
    """Return every bit flipped (``~input``): ``-input - 1`` for integers, ``not`` for bools."""
    x = as_operand(input)
    if x.value.dtype == bool_:
        return logical_not(x)
    _need_integers("bitwise_not", x)
    return apply(_NOT, x)


def _bitwise(op: Op, logical: Callable[..., Tensor] | None, doc: str) -> Any:
    def function(input: Any, other: Any) -> Tensor:
        x, y = same(input, other)
        if logical is not None and x.value.dtype == bool_:
            return logical(x, y)
        _need_integers(op.name, x, bools=logical is not None)
        return apply(op, x, y)

    return entered(named(function, op.name, doc))


def _need_integers(name: str, x: Tensor, bools: bool = True) -> None:
    if x.value.dtype.kind not in "iu":
        kinds = "integer and bool" if bools else "integer"
        raise DTypeError(
            f"{name} takes {kinds} tensors, got {x.value.dtype.name}: cast it, or use "
            "logical_and, logical_or, logical_not for the truth of numbers"
        )


bitwise_and = _bitwise(_AND, logical_and, "Return the bits set in both: ``input & other``.")
bitwise_or = _bitwise(_OR, logical_or, "Return the bits set in at least one: ``input | other``.")
bitwise_xor = _bitwise(_XOR, logical_xor, "Return the bits set in one only: ``input ^ other``.")
bitwise_left_shift = _bitwise(
    _LEFT,
    None,
    "Return ``input << other``; a count that is negative or not below the width gives 0.",
)
bitwise_right_shift = _bitwise(
    _RIGHT,
    None,
    "Return ``input >> other``, copying the sign; a count outside of the width moves all bits out.",
)
