"""Rewrites that keep every bit for every input; each is one row, with its algebra.

A row names the op, the condition on its inputs, and what replaces it. What is *not* here and why:
``x + 0`` turns -0 into +0; ``x * 0`` is NaN for infinities; ``x - x`` likewise; ``x / c`` is a
multiplication only when 1/c is exact, that is for powers of two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import copysign, frexp, isfinite

from ..core.op import REGISTRY
from ..ir.graph import CONST, Node, constant


@dataclass(frozen=True, slots=True)
class Rewrite:
    """If ``when(node)``, then ``then(node)`` has the same bits."""

    algebra: str
    op: str
    when: Callable[[Node], bool]
    then: Callable[[Node], Node]


def _number(node: Node) -> float | int | bool | None:
    return node.static["number"] if node.op is CONST else None


def _is(index: int, number: float) -> Callable[[Node], bool]:
    """Input ``index`` is this very constant (the sign of zero counts), and can be dropped."""

    def test(node: Node) -> bool:
        found = _number(node.inputs[index])
        if found is None or node.shape != node.inputs[1 - index].shape:
            return False
        same_sign = copysign(1.0, found) == copysign(1.0, number)
        return found == number and (same_sign or node.dtype.kind in "iu")

    return test


def _floating(test: Callable[[Node], bool]) -> Callable[[Node], bool]:
    return lambda node: node.dtype.kind == "f" and test(node)


def _integer(test: Callable[[Node], bool]) -> Callable[[Node], bool]:
    return lambda node: node.dtype.kind in "iu" and test(node)


def _first(node: Node) -> Node:
    return node.inputs[0]


def _second(node: Node) -> Node:
    return node.inputs[1]


def _power_of_two(node: Node) -> bool:
    divisor = _number(node.inputs[1])
    if divisor is None or not divisor or not isfinite(divisor):
        return False
    mantissa, exponent = frexp(divisor)
    widest = 12 if node.dtype.itemsize == 2 else 100  # the reciprocal must be a normal number
    return abs(mantissa) == 0.5 and -widest < exponent < widest


def _times_reciprocal(node: Node) -> Node:
    factor = constant(1.0 / node.inputs[1].static["number"], node.dtype)
    return node.beside(REGISTRY["mul"], (node.inputs[0], factor), {}, node.aval)


def _always(node: Node) -> bool:
    return True


def _same_type(node: Node) -> bool:
    return node.aval == node.inputs[0].aval


def _twice(node: Node) -> bool:
    return node.inputs[0].op is node.op


REWRITES = (
    Rewrite("x * 1 -> x", "mul", _is(1, 1), _first),
    Rewrite("1 * x -> x", "mul", _is(0, 1), _second),
    Rewrite("x / 1 -> x", "div", _is(1, 1), _first),
    Rewrite("x / 2**k -> x * 2**-k", "div", _power_of_two, _times_reciprocal),
    Rewrite("x - (+0) -> x", "sub", _is(1, 0.0), _first),
    Rewrite("x + (-0) -> x", "add", _floating(_is(1, -0.0)), _first),
    Rewrite("(-0) + x -> x", "add", _floating(_is(0, -0.0)), _second),
    Rewrite("n + 0 -> n", "add", _integer(_is(1, 0)), _first),
    Rewrite("0 + n -> n", "add", _integer(_is(0, 0)), _second),
    Rewrite("-(-x) -> x", "neg", _twice, lambda n: n.inputs[0].inputs[0]),
    Rewrite("||x|| -> |x|", "abs", _twice, _first),
    Rewrite("not not b -> b", "logical_not", _twice, lambda n: n.inputs[0].inputs[0]),
    Rewrite("copy of x -> x", "clone", _always, _first),
    Rewrite("row-major x -> x", "contiguous", _always, _first),
    Rewrite("x overwritten by y -> y", "overwrite", lambda n: n.aval == n.inputs[1].aval, _second),
    Rewrite("x as its own dtype -> x", "cast", _same_type, _first),
    Rewrite("x in its own shape -> x", "reshape", _same_type, _first),
    Rewrite("x expanded to its own shape -> x", "expand", _same_type, _first),
    Rewrite(
        "axes kept in order -> x",
        "permute",
        lambda n: n.static["dims"] == tuple(range(n.ndim)),
        _first,
    ),
    Rewrite(
        "permute of permute -> one permute",
        "permute",
        _twice,
        lambda n: n.beside(
            n.op,
            n.inputs[0].inputs,
            {"dims": tuple(n.inputs[0].static["dims"][d] for d in n.static["dims"])},
            n.aval,
        ),
    ),
    Rewrite(
        "reshape of reshape -> one reshape",
        "reshape",
        _twice,
        lambda n: n.with_inputs(n.inputs[0].inputs),
    ),
)
