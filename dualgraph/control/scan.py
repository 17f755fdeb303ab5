"""`scan`: a loop over the first axis of tensors that hands a carry from step to step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.dispatch import apply_several, state
from ..core.tensor import TensorBase
from ..core.types import Aval
from ..eager.function import Context, Function
from ..errors import ArgumentError, DTypeError, GradError, ShapeError
from ..ir.graph import Graph, Node
from ..ir.scan import SCAN
from ..ops.create.creation import zeros
from ..ops.shape.axes import movedim
from ..trace.guards import Unchanging, reads_of
from ..trace.region import Region
from ..trace.tree import Leaf, flatten, parts_of, unflatten
from .body import Body, Derivative, Joint, aval_of, nothing, traced

Results = tuple[TensorBase, ...]


def scan(
    combine_fn: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    *,
    dim: int = 0,
    reverse: bool = False,
    length: int | None = None,
) -> tuple[Any, Any]:
    """Run ``carry, y = combine_fn(carry, x)`` for every x along ``dim`` of xs.

    Returns the last carry, and all y stacked along a new first axis. ``init`` is the first carry;
    it, ``xs`` and each y are tensors, or tuples, lists and dicts of them (y may be None). A carry
    keeps its shapes and dtypes. With ``reverse`` the last x comes first; its y still stands last.
    Without ``xs``, ``length`` says how many steps there are, and x is None.

    The function is traced once, however many steps there are; tensors that it finds outside of
    its arguments get gradients as the others do. In a compiled function the steps are a native
    loop. It cannot change anything in place, nor draw random numbers. Gradients are those of the
    same loop in Python; where a value is used several times in a step, they may be added in
    another order. Named as ``torch._higher_order_ops.scan``; ``length`` as in ``jax.lax.scan``.

    Raises `TraceError` for what a step cannot do, `ShapeError` and `DTypeError` for a carry that
    changes its kind, `ArgumentError` for results or arguments of another form.

    >>> import dualgraph as dg
    >>> def step(total, x):
    ...     total = total + x
    ...     return total, total * 10
    >>> scan(step, dg.tensor(0), dg.tensor([1, 2, 3]))
    (tensor(6), tensor([10, 30, 60]))
    """
    carries: list[TensorBase] = []
    sequences: list[TensorBase] = []
    trees = flatten(init, carries), flatten(xs, sequences)
    for name, tree in zip(("init", "xs"), trees, strict=True):
        _need_tensors(f"scan: {name}", tree)
    sequences = [movedim(x, dim, 0) for x in sequences] if dim else sequences
    count = _length(sequences, length)
    body, form = _traced(combine_fn, trees, carries, sequences)
    steps = Steps(body, count, reverse)
    results = steps.run([*carries, *sequences, *body.captured])
    last, stacks = [*results[: len(carries)]], [*results[len(carries) :]]
    return unflatten(trees[0], last), unflatten(form, stacks)


def _length(sequences: Sequence[TensorBase], length: int | None) -> int:
    if length is not None and length < 0:
        raise ArgumentError(f"scan: length is {length}: there is no negative number of steps")
    if any(not x.value.ndim for x in sequences):
        raise ShapeError("scan: a tensor of xs has no dimensions: there is no axis of steps")
    counts = {x.value.shape[0] for x in sequences}
    if length is not None:
        counts.add(length)
    if not counts:
        raise ArgumentError("scan: without xs, length must say how many steps there are")
    if len(counts) > 1:
        shapes = ", ".join(str(tuple(x.value.shape)) for x in sequences)
        said = "" if length is None else f" and length={length}"
        raise ShapeError(
            f"scan: xs of shapes {shapes}{said} have different numbers of steps (the axis of the "
            "steps is shown first)"
        )
    return counts.pop()


def _need_tensors(where: str, tree: Any) -> None:
    """Refuse what is neither a tensor nor a container of tensors; None counts as empty."""
    if type(tree) is Leaf or tree is None:
        return
    parts = parts_of(tree)
    if parts is None:
        raise DTypeError(
            f"{where} holds {type(tree).__name__}: tensors are needed, or tuples, lists and dicts "
            "of them; turn numbers and arrays into tensors with dualgraph.tensor(...)"
        )
    for part in parts:
        _need_tensors(where, part)


# --- the trace -----------------------------------------------------------------------------------


def _traced(
    function: Callable[[Any, Any], Any],
    trees: tuple[Any, Any],
    carries: Sequence[TensorBase],
    sequences: Sequence[TensorBase],
) -> tuple[Body, Any]:
    """Return the step, and the form of its y."""
    unchanging = Unchanging(reads_of(function))

    def call(taken: list[TensorBase], read: list[TensorBase]) -> Any:
        return function(unflatten(trees[0], taken), unflatten(trees[1], read))

    elements = [Aval(tuple(x.value.shape[1:]), x.value.dtype) for x in sequences]
    tracked = [x.tracked for x in sequences]
    body, result = traced(call, [aval_of(c) for c in carries], elements, tracked)
    unchanging.check()
    pair: Sequence[Any] = result if type(result) in (tuple, list) else ()
    if len(pair) != 2:
        said = f"{len(pair)} values" if pair else type(result).__name__
        raise ArgumentError(f"scan: the function must return (carry, y), and returned {said}")
    after = flatten(pair[0], body.after)
    form = flatten(pair[1], body.outputs)
    _check_carry(trees[0], after, body)
    _need_tensors("scan: y", form)
    return body, form


def _check_carry(before: Any, after: Any, body: Body) -> None:
    if before != after:
        _need_tensors("scan: the carry that the function returns", after)
        raise ArgumentError(
            f"scan: the carry is {_form(before)} at first, and the function returned "
            f"{_form(after)}: the form must stay as it is"
        )
    for old, new in zip(body.carries, body.after, strict=True):
        was, now = aval_of(old), aval_of(new)
        if was != now:
            kind = ShapeError if was.shape != now.shape else DTypeError
            raise kind(
                f"scan: a carry is {was!r} before a step and {now!r} after it: shapes and dtypes "
                "must stay as they are"
            )


def _form(tree: Any) -> str:
    """Return the form of a tree, with dots for tensors."""
    if type(tree) is Leaf:
        return "a tensor"
    parts = parts_of(tree)
    if parts is None:
        return repr(tree)
    return f"{type(tree).__name__}({', '.join(map(_form, parts))})"


# --- the run -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A loop: its step, how many there are, and in which order."""

    body: Body
    length: int
    reverse: bool

    def run(self, operands: Sequence[TensorBase]) -> Results:
        """Return the last carries and the stacks; the operands are those of the body.

        With an operand that requires grad it is on the tape, as one node.
        """
        if not self.length:
            return self._of_no_steps(operands)
        if state.grad_enabled and any(t.tracked for t in operands):
            return _Scan.apply(self, *operands)
        return self.call(self.body.region(), operands)

    def call(self, region: Region, operands: Sequence[TensorBase]) -> Results:
        """Run the op with this region of the body."""
        first = len(self.body.inputs)
        values = self.values(operands)
        captured = [values.get(t, t) for t in region.captured]
        return apply_scan(
            region.graph,
            len(self.body.carries),
            [*operands[:first], *captured],
            sequences=len(self.body.elements),
            steps=self,
        )

    def values(self, operands: Sequence[TensorBase]) -> dict[TensorBase, TensorBase]:
        """Return what stands for each captured tensor among the operands."""
        first = len(self.body.inputs)
        return dict(zip(self.body.captured, operands[first:], strict=False))

    def _of_no_steps(self, operands: Sequence[TensorBase]) -> Results:
        carries = [t.clone() for t in operands[: len(self.body.carries)]]
        outputs = [aval_of(y) for y in self.body.outputs]
        return (*carries, *(zeros(0, *shape, dtype=dtype) for shape, dtype in outputs))


def apply_scan(
    graph: Graph, carries: int, operands: Sequence[TensorBase], *, sequences: int, steps: Steps
) -> Results:
    """Run the op."""
    return apply_several(
        SCAN,
        *operands,
        body=graph,
        carries=carries,
        sequences=sequences,
        length=steps.length,
        reverse=steps.reverse,
    )


class _Scan(Function):
    """The loop on the tape: its backward is a loop in the other direction."""

    @staticmethod
    def forward(ctx: Context, steps: Steps, *operands: TensorBase) -> Results:
        body = steps.body
        call = Call.of(steps)
        results = steps.call(call.joint.forward if call.joint else body.region(), operands)
        count = len(body.after) + len(body.outputs)
        results, kept = results[:count], results[count:]
        ctx.save_for_backward(*operands, *kept)
        ctx.set_materialize_grads(False)
        ends = zip(results, [*body.after, *body.outputs], strict=True)
        ctx.mark_non_differentiable(*(result for result, end in ends if not end.tracked))
        vars(ctx)["call"] = call
        return results

    @staticmethod
    def backward(ctx: Any, *g: TensorBase | None) -> tuple[TensorBase | None, ...]:
        call: Call = ctx.call
        saved = ctx.saved_tensors
        return None, *call.gradients(saved[: call.operands], saved[call.operands :], g)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One run that is on the tape; ``operands`` counts what it was given."""

    steps: Steps
    joint: Joint | None  # None where a rule refuses: backward says so
    operands: int

    @classmethod
    def of(cls, steps: Steps) -> "Call":
        """Return the call of a loop that is about to run."""
        operands = len(steps.body.inputs) + len(steps.body.captured)
        try:
            joint = steps.body.joint(tuple(steps.body.differentiable))
        except GradError:
            joint = None
        return cls(steps, joint, operands)

    def gradients(
        self, operands: Results, kept: Results, g: Sequence[TensorBase | None]
    ) -> list[TensorBase | None]:
        """Return the gradient of each operand, from those of the last carries and the stacks."""
        body, count = self.steps.body, len(self.steps.body.after)
        stacks = {k: one for k in body.differentiable if (one := g[count + k]) is not None}
        back = body.derivative(tuple(stacks))
        ends = [g[k] if g[k] is not None else nothing(body.after[k]) for k in body.floating]
        carries = [*ends, *map(nothing, back.shared)]
        joint = None if state.grad_enabled else self._joint(tuple(stacks))
        if joint is None:
            found = self._computed_again(back, carries, [*stacks.values()], operands)
        else:
            saved = dict(zip(self.kept, kept, strict=True))
            ordered = [saved[node] for node in joint.kept]
            found = self._read(joint, carries, [*stacks.values()], ordered, operands)
        return self._by_operand(back, found)

    @property
    def kept(self) -> list[Node]:
        """What the run kept of every step, stacked."""
        return self.joint.kept if self.joint else []

    def _joint(self, arrived: tuple[int, ...]) -> Joint | None:
        """Return the backward for these cotangents; None when forward did not keep all it needs."""
        if self.joint is None or arrived == tuple(self.steps.body.differentiable):
            return self.joint
        joint = self.steps.body.joint(arrived)
        return joint if set(joint.kept) <= {*self.kept} else None

    def _read(
        self,
        joint: Joint,
        carries: Sequence[TensorBase],
        stacks: Sequence[TensorBase],
        kept: Sequence[TensorBase],
        operands: Results,
    ) -> Results:
        """Run the backward that reads what forward kept."""
        body = self.steps.body
        elements = operands[len(body.carries) : len(body.inputs)]
        sources = {"cotangent": stacks, "element": elements, "kept": kept}
        sequences = [sources[kind][k] for kind, k in joint.sequences]
        values = self.steps.values(operands)
        captured = [values.get(t, t) for t in joint.backward.captured]
        return apply_scan(
            joint.backward.graph,
            len(carries),
            [*carries, *sequences, *captured],
            sequences=len(sequences),
            steps=self._backwards(body),
        )

    def _computed_again(
        self,
        back: Derivative,
        carries: Sequence[TensorBase],
        stacks: Sequence[TensorBase],
        operands: Results,
    ) -> Results:
        """Run a backward that can be differentiated: it computes each step again from its carry."""
        body, values = self.steps.body, self.steps.values(operands)
        first = operands[: len(body.inputs)]
        captured = [values.get(t, t) for t in body.captured]
        before = Body(body.tracer, body.carries, body.elements, body.after, body.carries)
        run = replace(self.steps, body=before).run([*first, *captured])
        elements = [*stacks, *run[len(body.carries) :], *first[len(body.carries) :]]
        return self._backwards(back).run([*carries, *elements, *captured])

    def _backwards(self, body: Body) -> Steps:
        return Steps(body, self.steps.length, not self.steps.reverse)

    def _by_operand(self, back: Derivative, found: Results) -> list[TensorBase | None]:
        """Give each gradient to its operand: first carries, then captured tensors, then xs."""
        body = self.steps.body
        floating = [body.carries[k] for k in body.floating]
        elements = [x for x in body.elements if x.tracked]
        owners = [*floating, *back.shared, *elements]
        grads = dict(zip(owners, found, strict=True))
        return [grads.get(t) for t in [*body.inputs, *body.captured][: self.operands]]
