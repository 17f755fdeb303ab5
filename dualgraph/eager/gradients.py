"""Running a backward walk: into ``.grad`` of the leaves, or as results."""

from typing import Any

from ..core.dispatch import state
from ..errors import ArgumentError, GradError, at_user_line
from ..grad.backward import backward, gradient_edge, seed
from ..ops import elementwise
from ..ops.build import need
from ..ops.creation import zeros_like


def run_backward(
    tensors: list,
    gradients: list,
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Any = None,
) -> None:
    """Accumulate the cotangents of several roots into ``.grad`` of the leaves, or of ``inputs``."""
    targets = None if inputs is None else _as_list(inputs)
    _renew([*tensors, *(targets or ())])
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
        _deliver(owners.get(edge, edge), edge, found, create_graph)


def _checked(inputs: list) -> list:
    if not inputs or not all(t.requires_grad for t in inputs):
        raise GradError(at_user_line("backward: inputs must be tensors that require grad"))
    return inputs


def _deliver(x: Any, edge: Any, found: dict, create_graph: bool) -> None:
    """Give x what arrived at its edge; a leaf's hooks see it before and after."""
    if edge is x:
        _run_leaf_hooks(x, found)
    _accumulate_grad(x, edge, found, create_graph)
    if edge is x and (after := state.frontend.leaf_hooks(x).after):
        after.notify(x)


def _renew(tensors: list) -> None:
    """Bring views whose base was changed in place up to date."""
    for t in tensors:
        if t.base is not None and t.taped != t.base.taped:
            state.frontend.renew(t)


def _run_leaf_hooks(leaf: Any, found: dict) -> None:
    hooks = state.frontend.leaf_hooks(leaf).before
    if hooks:
        found[leaf] = hooks.replaced(found[leaf])


def _accumulate_grad(x: Any, edge: Any, found: dict, create_graph: bool) -> None:
    before = x.grad
    if before is None:
        x.grad = state.frontend.own(found.pop(edge))
    elif create_graph:
        x.grad = elementwise.add(before, found.pop(edge))
    else:
        enabled, state.grad_enabled = state.grad_enabled, False
        try:
            before._inplace(lambda x: elementwise.add(x, found.pop(edge)))
        finally:
            state.grad_enabled = enabled


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

    ``only_inputs`` says nothing, ``is_grads_batched`` does not exist.

    An input that the outputs do not depend on is a `GradError`; with ``allow_unused`` its gradient
    is None, with ``materialize_grads`` it is zeros.

    >>> import dualgraph as dg
    >>> x = dg.tensor(3.0, requires_grad=True)
    >>> dg.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    need(not is_grads_batched, "grad: is_grads_batched is not supported: call grad in a loop")
    roots, targets = _as_list(outputs), _as_list(inputs)
    _renew([*roots, *targets])
    starts = _as_list(grad_outputs) if grad_outputs is not None else [None] * len(roots)
    if len(starts) != len(roots):
        raise ArgumentError(
            at_user_line(f"grad: {len(roots)} outputs but {len(starts)} grad_outputs")
        )
    for t in targets:
        if not t.requires_grad:
            raise GradError(at_user_line("grad: one of the inputs does not require grad"))
    found = backward(
        roots,
        [seed(r, g) for r, g in zip(roots, starts, strict=True)],
        {gradient_edge(t): None for t in targets},
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    for leaf in found:
        if not hasattr(leaf, "next_functions"):
            _run_leaf_hooks(leaf, found)
    results = tuple(found.get(gradient_edge(t)) for t in targets)
    if materialize_grads:
        pairs = zip(results, targets, strict=True)
        return tuple(zeros_like(t) if r is None else r for r, t in pairs)
    if not allow_unused and any(r is None for r in results):
        raise GradError(
            at_user_line(
                "grad: an input was not used to compute the outputs; "
                "pass allow_unused=True to get None for it"
            )
        )
    return results


def _as_list(x: Any) -> list:
    return list(x) if isinstance(x, tuple | list) else [x]
