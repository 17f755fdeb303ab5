"""The record of one op: every rule side by side, none optional.

Tensors are positional and named in ``inputs``; everything else is a static keyword argument that
can be hashed, or a *region*: a graph that the op runs, named in ``regions``. An op has one result,
``out``, or several, named in ``results``, or any number of them. The rules:

- ``infer(*avals, **static) -> Aval`` checks shapes and dtypes and says what comes out;
- ``lower`` are the facts of its kernel family (`Facts`): what is computed, never how by a machine;
- ``kernel(*arrays, **static) -> ndarray`` is what eager runs. A record brings one along where NumPy
  alone will do, as for views; everything else gets its kernel from a target (`bind_kernels`);
- ``vjp`` has one rule for each input, written with ops only; a rule names what it needs:
  ``g`` (the cotangent of the output), inputs by their names, ``out``, the shape or dtype of an
  input (``x_shape``, ``x_dtype``: the input itself is then not kept alive), and static arguments as
  keyword-only parameters. `NONDIFF` says that the derivative is zero, `refuse(why)` that there is
  none and why.

With several results ``infer`` and ``kernel`` return tuples, and a rule names the results that it
needs, and of their cotangents those that it uses: ``g_values`` belongs to the result ``values``. A
cotangent that did not arrive is zeros, or None where the parameter has None as its default.

A view op may also have ``put(x, value, **static) -> Call``: what x becomes when its view is
overwritten with ``value``.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, NoReturn

from ..errors import CompileError, GradError
from .types import Aval

Static = dict[str, Any]  # the keyword arguments of a call: hashable, each op knows its own
OUT = -1  # the result; of several, result k is ~k
SHAPE, DTYPE = 1_000, 2_000  # added to an input's position: only that fact of it is needed
COTANGENT, OPTIONAL = 3_000, 4_000  # added to a result's position: zeros, or None, when absent


class Rule(NamedTuple):
    """One vjp rule with its needs resolved: input positions, `OUT`, or position + SHAPE/DTYPE.

    Of an op with one result ``fn`` gets its cotangent first; of several, those among its needs.
    """

    fn: Callable[..., Any]
    needs: tuple[int, ...]
    static: tuple[str, ...]


class Refusal(NamedTuple):
    """The derivative does not exist; asking for it is an error that says why."""

    why: str


Put = Callable[..., tuple["Op", tuple[Any, ...], Static]]  # gives a `core.tensor.Call`
NONDIFF = None


Vjp = Callable[..., Any] | Refusal | None


def static_key(static: Static) -> str:
    """Return a key that tells static arguments apart by type as well as by value.

    1, 1.0 and True are equal, as are 0.0 and -0.0, and a kernel may make other bits of each.
    """
    return repr(static)


def refuse(why: str) -> Refusal:
    """Mark an input without derivative, with the sentence that the user will read."""
    return Refusal(why)


class Facts:
    """What an op computes, as data; each kernel family has a class of them."""

    __slots__ = ()
    is_view: ClassVar[bool] = False
    may_copy: ClassVar[bool] = False  # a view op that copies when strides cannot express its result
    may_fail: bool = False  # it can refuse its input: an index out of range, a singular matrix


class Composite(Facts):
    """An op that is made of other ops: it never reaches a graph."""


NO_FACTS = Facts()
"""Of what computes nothing: an op that stands on the tape only, a leaf of a graph."""

Kernel = Callable[..., Any]


def _no_kernel(*arrays: Any, **static: Any) -> NoReturn:
    raise CompileError("this op has no kernel: no target has been bound")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Op:
    """One operation; compared by identity, found by name in `REGISTRY`."""

    name: str
    inputs: tuple[str, ...] = ()
    infer: Callable[..., Any] = Aval
    lower: Any = NO_FACTS  # `Facts`, of the class that the reader expects
    kernel: Kernel = _no_kernel
    rules: tuple[Rule | Refusal | None, ...] = ()
    needs: tuple[tuple[int, ...], ...] = ()  # what the tape keeps for each rule, shapes left out
    grad_name: str = ""
    commutative: bool = False
    variadic: bool = False
    put: Put | None = None  # of a view: what writing into its result does to x
    results: tuple[str, ...] = ("out",)  # no names: any number of results
    regions: tuple[str, ...] = ()  # the static arguments that are graphs
    is_view: bool = field(init=False)  # as the facts say; at hand, because eager asks at every op
    may_copy: bool = field(init=False)
    several: bool = field(init=False)  # kernel and infer return tuples, one entry for each result
    plain: bool = field(init=False)  # neither a view nor several results

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_view", self.lower.is_view)
        object.__setattr__(self, "may_copy", self.lower.may_copy)
        object.__setattr__(self, "several", len(self.results) != 1)
        object.__setattr__(self, "plain", not (self.is_view or self.several))

    def __repr__(self) -> str:
        return f"<op {self.name}>"


REGISTRY: dict[str, Op] = {}

# --- kernels -------------------------------------------------------------------------------------


class _Binding:
    """Which target gives eager its kernels, and the ops that wait for it."""

    kernel_of: Callable[[Op], Kernel] | None = None
    waiting: ClassVar[list[Op]] = []


def bind_kernels(kernel_of: Callable[[Op], Kernel]) -> None:
    """Give every op whose record brings no kernel the one of a target, now or when it is defined.

    ``kernel_of(op)`` raises `CompileError` for facts that the target does not know.
    """
    for op in _Binding.waiting:
        _bind(op, kernel_of)
    _Binding.waiting.clear()
    _Binding.kernel_of = kernel_of


def _bind(op: Op, kernel_of: Callable[[Op], Kernel]) -> None:
    try:
        kernel = kernel_of(op)
    except CompileError as error:
        raise CompileError(f"op {op.name}: {error}") from error
    object.__setattr__(op, "kernel", kernel)  # an attribute: eager reads it at every op


# --- definitions ---------------------------------------------------------------------------------


def defop(
    name: str,
    *,
    inputs: str,
    results: str = "out",
    infer: Callable[..., Any],
    lower: Facts,
    vjp: tuple[Vjp, ...],
    kernel: Kernel | None = None,
    grad_name: str | None = None,
    commutative: bool = False,
    put: Put | None = None,
    regions: str = "",
) -> Op:
    """Make and register an op; a missing or misnamed rule fails here, at import.

    ``inputs`` are names separated by spaces; ``"*xs"`` takes any number of tensors, has one rule
    for all of them, which may ask for the keyword ``index``. ``results`` are names likewise; with
    ``"*outs"`` ``infer`` says how many there are.
    Without ``kernel`` the target's is used; facts that it does not know, such as a routine that
    nobody wrote, are an error here, too.
    """
    variadic = inputs.startswith("*")
    names = tuple(inputs.lstrip("*").split())
    outs = () if results.startswith("*") else tuple(results.split())
    if len(vjp) != len(names):
        raise TypeError(f"op {name}: {len(names)} inputs but {len(vjp)} vjp rules")
    if name in REGISTRY:
        raise TypeError(f"op {name} is defined twice")
    rules = tuple(_parse(name, names, outs, rule) for rule in vjp)
    camel = grad_name or "".join(part.capitalize() for part in name.split("_"))
    op = Op(
        name=name,
        inputs=names,
        infer=infer,
        lower=lower,
        kernel=kernel or _no_kernel,
        rules=rules,
        needs=tuple(_kept(rule) for rule in rules),
        grad_name=f"{camel}Backward0",
        commutative=commutative,
        variadic=variadic,
        put=put,
        results=outs,
        regions=tuple(regions.split()),
    )
    if kernel is None and _Binding.kernel_of is not None:
        _bind(op, _Binding.kernel_of)
    elif kernel is None:
        _Binding.waiting.append(op)
    REGISTRY[name] = op
    return op


def tape_op(name: str, rule: Callable[..., Any] | Refusal, static: tuple[str, ...] = ()) -> Op:
    """Make an op that exists on the tape only; ``rule(g, **static)`` is all that it has."""
    rules = (rule if isinstance(rule, Refusal) else Rule(rule, (), static),)
    return Op(name=name, inputs=("x",), rules=rules, needs=((),), grad_name=name)


def _parse(
    op: str, names: tuple[str, ...], results: tuple[str, ...], rule: Vjp
) -> Rule | Refusal | None:
    if rule is None or isinstance(rule, Refusal):
        return rule
    parameters = list(inspect.signature(rule).parameters.values())
    positions = _facts_of(names, results)
    if len(results) == 1 and (not parameters or parameters.pop(0).name != "g"):
        raise TypeError(f"op {op}: the first parameter of a vjp rule is g")
    needs: list[int] = []
    static: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY:
            static.append(parameter.name)
        elif parameter.name in positions:
            needs.append(_optional(positions[parameter.name], parameter))
        else:
            known = (*names, *results)
            raise TypeError(f"op {op}: vjp rule asks for {parameter.name!r}, not in {known}")
    return Rule(rule, tuple(needs), tuple(static))


def _facts_of(names: tuple[str, ...], results: tuple[str, ...]) -> dict[str, int]:
    """Return what a rule may ask for, by the names of its parameters."""
    positions = {name: ~k for k, name in enumerate(results)}
    if len(results) > 1:
        positions |= {f"g_{name}": k + COTANGENT for k, name in enumerate(results)}
    for i, n in enumerate(names):
        positions |= {n: i, f"{n}_shape": i + SHAPE, f"{n}_dtype": i + DTYPE}
    return positions


def _optional(key: int, parameter: inspect.Parameter) -> int:
    """Return the key of a cotangent for which None may stand, where the default says so."""
    return key - COTANGENT + OPTIONAL if key >= COTANGENT and parameter.default is None else key


def _kept(rule: Rule | Refusal | None) -> tuple[int, ...]:
    if not isinstance(rule, Rule):
        return ()
    return tuple(k for k in rule.needs if k < SHAPE or DTYPE <= k < COTANGENT)


def raise_refusal(op: Op, refusal: Refusal) -> NoReturn:
    """Raise the error of an input that has no derivative."""
    raise GradError(f"{op.name} has no derivative here: {refusal.why}")


def defcomposite(
    name: str,
    *,
    inputs: str,
    results: str = "out",
    forward: Callable[..., Any],
    vjp: tuple[Vjp, ...],
    grad_name: str | None = None,
) -> Op:
    """Make an op that runs as other ops in both frontends and has a vjp rule of its own."""
    return defop(
        name,
        inputs=inputs,
        results=results,
        infer=forward,
        lower=Composite(),
        kernel=forward,
        vjp=vjp,
        grad_name=grad_name,
    )
