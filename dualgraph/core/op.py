"""The record of one op: every rule side by side, none optional.

An op has one output. Its tensors are positional and named in ``inputs``; everything else is a
static keyword argument that can be hashed. The rules:

- ``infer(*avals, **static) -> Aval`` checks shapes and dtypes and says what comes out;
- ``kernel(*arrays, **static) -> ndarray`` is what eager runs;
- ``lower`` says how the compiler computes it (facts of a kernel family);
- ``vjp`` has one rule for each input, written with ops only; a rule names what it needs:
  ``g`` (the cotangent of the output), inputs by their names, ``out``, the shape or dtype of an
  input (``x_shape``, ``x_dtype``: the input itself is then not kept alive), and static arguments as
  keyword-only parameters. `NONDIFF` says that the derivative is zero, `refuse(why)` that there is
  none and why.

A view op may also have ``put(x, value, **static) -> Call``: what x becomes when its view is
overwritten with ``value``.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from ..errors import GradError
from .types import Aval

Static = dict[str, Any]  # the keyword arguments of a call: hashable, each op knows its own
OUT = -1
SHAPE, DTYPE = 1_000, 2_000  # added to an input's position: only that fact of it is needed


class Rule(NamedTuple):
    """One vjp rule with its needs resolved: input positions, `OUT`, or position + SHAPE/DTYPE."""

    fn: Callable[..., Any]
    needs: tuple[int, ...]
    static: tuple[str, ...]


class Refusal(NamedTuple):
    """The derivative does not exist; asking for it is an error that says why."""

    why: str


Put = Callable[..., tuple["Op", tuple[Any, ...], Static]]  # gives a `core.tensor.Call`
NONDIFF = None


Vjp = Callable[..., Any] | Refusal | None


def refuse(why: str) -> Refusal:
    """Mark an input without derivative, with the sentence that the user will read."""
    return Refusal(why)


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One operation; compared by identity, found by name in `REGISTRY`."""

    name: str
    inputs: tuple[str, ...]
    infer: Callable[..., Any]
    kernel: Callable[..., Any]
    lower: Any
    rules: tuple[Rule | Refusal | None, ...]
    needs: tuple[tuple[int, ...], ...]  # what the tape keeps for each rule, shapes left out
    grad_name: str
    commutative: bool
    variadic: bool
    is_view: bool
    may_copy: bool  # a view op that copies when strides cannot express its result
    put: Put | None  # of a view op: what writing into its result does to its input

    def __repr__(self) -> str:
        return f"<op {self.name}>"


REGISTRY: dict[str, Op] = {}


def defop(
    name: str,
    *,
    inputs: str,
    infer: Callable[..., Any],
    kernel: Callable[..., Any],
    lower: Any,
    vjp: tuple[Vjp, ...],
    grad_name: str | None = None,
    commutative: bool = False,
    put: Put | None = None,
) -> Op:
    """Make and register an op; a missing or misnamed rule fails here, at import.

    ``inputs`` are names separated by spaces; ``"*xs"`` takes any number of tensors, has one rule
    for all of them, which may ask for the keyword ``index``.
    """
    variadic = inputs.startswith("*")
    names = tuple(inputs.lstrip("*").split())
    if len(vjp) != len(names):
        raise TypeError(f"op {name}: {len(names)} inputs but {len(vjp)} vjp rules")
    if name in REGISTRY:
        raise TypeError(f"op {name} is defined twice")
    rules = tuple(_parse(name, names, rule) for rule in vjp)
    camel = grad_name or "".join(part.capitalize() for part in name.split("_"))
    op = Op(
        name=name,
        inputs=names,
        infer=infer,
        kernel=kernel,
        lower=lower,
        rules=rules,
        needs=tuple(_kept(rule) for rule in rules),
        grad_name=f"{camel}Backward0",
        commutative=commutative,
        variadic=variadic,
        is_view=getattr(lower, "is_view", False),
        may_copy=getattr(lower, "may_copy", False),
        put=put,
    )
    REGISTRY[name] = op
    return op


def tape_op(name: str, rule: Callable[..., Any] | Refusal, static: tuple[str, ...] = ()) -> Op:
    """Make an op that exists on the tape only; ``rule(g, **static)`` is all that it has."""
    rules = (rule if isinstance(rule, Refusal) else Rule(rule, (), static),)
    return Op(name, ("x",), Aval, Aval, None, rules, ((),), name, False, False, False, False, None)


def _parse(op: str, names: tuple[str, ...], rule: Vjp) -> Rule | Refusal | None:
    if rule is None or isinstance(rule, Refusal):
        return rule
    parameters = list(inspect.signature(rule).parameters.values())
    if not parameters or parameters[0].name != "g":
        raise TypeError(f"op {op}: the first parameter of a vjp rule is g")
    positions = {"out": OUT}
    for i, n in enumerate(names):
        positions |= {n: i, f"{n}_shape": i + SHAPE, f"{n}_dtype": i + DTYPE}
    needs: list[int] = []
    static: list[str] = []
    for parameter in parameters[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY:
            static.append(parameter.name)
        elif parameter.name in positions:
            needs.append(positions[parameter.name])
        else:
            raise TypeError(f"op {op}: vjp rule asks for {parameter.name!r}, not in {names}")
    return Rule(rule, tuple(needs), tuple(static))


def _kept(rule: Rule | Refusal | None) -> tuple[int, ...]:
    if not isinstance(rule, Rule):
        return ()
    return tuple(k for k in rule.needs if not SHAPE <= k < DTYPE)


def raise_refusal(op: Op, refusal: Refusal) -> NoReturn:
    """Raise the error of an input that has no derivative."""
    raise GradError(f"{op.name} has no derivative here: {refusal.why}")


class Composite:
    """The ``lower`` of an op that is made of other ops: it never reaches a graph."""


def defcomposite(
    name: str, *, inputs: str, forward: Callable[..., Any], vjp: tuple[Vjp, ...]
) -> Op:
    """Make an op that runs as other ops in both frontends and has a vjp rule of its own."""
    return defop(name, inputs=inputs, infer=forward, kernel=forward, lower=Composite(), vjp=vjp)
