"""Running a backward walk: into ``.grad`` of the leaves, or as results."""

import weakref
from collections.abc import Sequence
from typing import Any, cast

from ..core.dispatch import in_grad_mode, state
from ..core.frontend import HOOKS_RUN
from ..core.tensor import TensorBase, is_stale
from ..errors import ArgumentError, DTypeError, GradError
from ..grad.backward import backward, seed
from ..grad.hooks import replaced
from ..grad.tape import Edge, gradient_edge
from ..ops.create.creation import zeros_like
from ..ops.elementwise import pointwise as elementwise
from ..ops.shape.views import select, stack

Found = dict[Edge, TensorBase]
"""What arrived, by where: see `grad.backward.backward`."""


def retain(x: TensorBase) -> None:
    """Let every backward accumulate the gradient of a tensor that is not a leaf."""
    held = weakref.ref(x)

    def keep(g: TensorBase) -> None:
        _keep(held(), g)

    assert x.grad_fn is not None, "a leaf retains its gradient anyway"
    x.retaining = x.grad_fn.hooks_of(x.output_nr).add_last(keep)


def _keep(x: TensorBase | None, g: TensorBase) -> None:
    if x is not None:
        before = x.grad
        x.grad = state.frontend.own(g) if before is None else elementwise.add(before, g)


def moved(x: TensorBase) -> None:
    """Note that x has a new place on the tape: the gradient that it retains is the one there."""
    if x.retaining is not None:
        x.retaining.remove()
        retain(x)


def run_backward(
    tensors: list[TensorBase],
    gradients: list[Any],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Any = None,
) -> None:
    """Accumulate the cotangents of several roots into ``.grad`` of the leaves, or of ``inputs``."""
    targets = None if inputs is None else _as_list(inputs)
    _renew([*tensors, *(targets or ())])
    _check_count("backward", tensors, gradients)
    seeds = [seed(t, g) for t, g in zip(tensors, gradients, strict=True)]
    found = backward(
        tensors,
        seeds,
        None if targets is None else {gradient_edge(t): None for t in _checked(targets)},
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    owners = {gradient_edge(t): t for t in targets or ()}
    for edge in list(found):
        x = owners.get(edge, edge)
        assert isinstance(x, TensorBase), "without inputs only leaves get something"
        _deliver(x, edge, found, create_graph)


def _check_count(name: str, roots: Sequence[object], starts: list[Any]) -> None:
    for root in roots:
        if not isinstance(root, TensorBase):
            raise DTypeError(f"{name}: a tensor is needed, not {type(root).__name__}")
    if len(starts) != len(roots):
        raise ArgumentError(f"{name}: {len(roots)} outputs but {len(starts)} gradients for them")


def _checked(inputs: list[TensorBase]) -> list[TensorBase]:
    if not inputs:
        raise GradError("backward: inputs is empty: leave it out to mean every leaf")
    if not all(t.tracked for t in inputs):
        raise GradError("backward: inputs must be tensors that require grad")
    return inputs


def _deliver(x: TensorBase, edge: Edge, found: Found, create_graph: bool) -> None:
    """Give x what arrived at its edge; a leaf's hooks see it before and after."""
    if edge is x:
        if not x.tracked:  # not any more
            return
        _run_leaf_hooks(x, found)
    _accumulate_grad(x, edge, found, create_graph)
    if edge is x:
        state.frontend.note(x, HOOKS_RUN)
        if x.after_hooks:
            x.after_hooks.notify(x)


def _renew(tensors: list[TensorBase]) -> None:
    """Bring views whose base was changed in place up to date."""
    for t in tensors:
        if is_stale(t):
            state.frontend.renew(t)


def _run_leaf_hooks(leaf: TensorBase, found: Found) -> None:
    state.frontend.note(leaf, HOOKS_RUN)
    if leaf.hooks:
        found[leaf] = replaced(leaf.hooks, found[leaf])


def _accumulate_grad(x: TensorBase, edge: Edge, found: Found, create_graph: bool) -> None:
    before = x.grad
    if before is None:
        x.grad = state.frontend.own(found.pop(edge))
    elif create_graph:
        x.grad = elementwise.add(before, found.pop(edge))
    else:

        def add(x: TensorBase) -> TensorBase:
            return elementwise.add(x, found.pop(edge))

        in_grad_mode(before._inplace, add, enabled=False)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of outputs with respect to inputs, without touching ``.grad``.

    An input that the outputs do not depend on is a `GradError`; with ``allow_unused`` its gradient
    is None, with ``materialize_grads`` it is zeros. With ``is_grads_batched`` the grad_outputs have
    one axis more, in front, and so have the gradients: one backward for each of its elements.
    ``only_inputs`` says nothing.

    >>> import dualgraph as dg
    >>> x = dg.tensor(3.0, requires_grad=True)
    >>> dg.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    roots, targets = _as_list(outputs), _as_list(inputs)
    _renew([*roots, *targets])
    starts = _as_list(grad_outputs) if grad_outputs is not None else [None] * len(roots)
    _check_count("grad", roots, starts)
    _check_grad_arguments(targets, allow_unused, materialize_grads)
    if is_grads_batched:
        unused = materialize_grads or allow_unused
        return _batched(roots, targets, starts, retain_graph, create_graph, unused)
    found = backward(
        roots,
        [seed(r, g) for r, g in zip(roots, starts, strict=True)],
        {gradient_edge(t): None for t in targets},
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    for leaf in found:
        if isinstance(leaf, TensorBase):
            _run_leaf_hooks(leaf, found)
    results = tuple(found.get(gradient_edge(t)) for t in targets)
    if materialize_grads:
        pairs = zip(results, targets, strict=True)
        return tuple(zeros_like(t) if r is None else r for r, t in pairs)
    if not allow_unused and any(r is None for r in results):
        raise GradError(
            "grad: an input was not used to compute the outputs; "
            "pass allow_unused=True to get None for it"
        )
    return results


def _check_grad_arguments(
    targets: Sequence[object], allow_unused: bool | None, materialize_grads: bool
) -> None:
    if not targets:
        raise GradError("grad: inputs is empty")
    if materialize_grads and allow_unused is False:
        raise ArgumentError(
            "grad: materialize_grads=True means zeros for what is unused, and "
            "allow_unused=False an error: choose one"
        )
    for t in targets:
        if not isinstance(t, TensorBase):
            raise DTypeError(f"grad: a tensor is needed, not {type(t).__name__}")
        if not t.tracked:
            raise GradError("grad: one of the inputs does not require grad")


def _batched(
    roots: list[TensorBase],
    targets: list[TensorBase],
    starts: list[Any],
    retain: bool | None,
    create: bool,
    unused: bool | None,
) -> tuple[Any, ...]:
    """Return the gradients for every element of the first axis of the cotangents, stacked."""
    if any(s is None for s in starts):
        text = "grad: is_grads_batched needs grad_outputs, a batch of them for each output"
        raise ArgumentError(text)
    count = starts[0].value.shape[0]
    rows = [
        grad(
            roots, targets, [select(s, 0, i) for s in starts],
            retain_graph=i + 1 < count or retain, create_graph=create, allow_unused=unused,
        )
        for i in range(count)
    ]  # fmt: skip
    columns = zip(*rows, strict=True)
    return tuple(None if c[0] is None else stack(c) for c in columns)


def _as_list(x: Any) -> list[Any]:
    return list(cast("tuple[Any, ...]", x)) if isinstance(x, tuple | list) else [x]
