"""Running a backward walk: into ``.grad`` of the leaves, or as results."""

from typing import Any

from ..core.dispatch import state
from ..errors import ArgumentError, GradError, at_user_line
from ..grad.backward import backward, gradient_edge, seed
from ..ops import elementwise


def run_backward(
    tensors: list, gradients: list, retain_graph: bool | None, create_graph: bool
) -> None:
    """Accumulate the cotangents of several roots into ``.grad`` of the leaves."""
    _renew(tensors)
    seeds = [seed(t, g) for t, g in zip(tensors, gradients, strict=True)]
    found = backward(
        tensors,
        seeds,
        None,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    for leaf in list(found):
        _run_leaf_hooks(leaf, found)
        _accumulate_grad(leaf, found, create_graph)
        after = state.frontend.leaf_hooks(leaf).after
        if after:
            after.notify(leaf)


def _renew(tensors: list) -> None:
    """Bring views whose base was changed in place up to date."""
    for t in tensors:
        if t.base is not None and t.taped != t.base.taped:
            state.frontend.renew(t)


def _run_leaf_hooks(leaf: Any, found: dict) -> None:
    hooks = state.frontend.leaf_hooks(leaf).before
    if hooks:
        found[leaf] = hooks.replaced(found[leaf])


def _accumulate_grad(leaf: Any, found: dict, create_graph: bool) -> None:
    before = leaf.grad
    if before is None:
        leaf.grad = state.frontend.own(found.pop(leaf))
    elif create_graph:
        leaf.grad = elementwise.add(before, found.pop(leaf))
    else:
        enabled, state.grad_enabled = state.grad_enabled, False
        try:
            before._inplace(lambda x: elementwise.add(x, found.pop(leaf)))
        finally:
            state.grad_enabled = enabled


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of outputs with respect to inputs, without touching ``.grad``.

    Raises `GradError` for an input that the outputs do not depend on, unless ``allow_unused``.

    >>> import dualgraph as dg
    >>> x = dg.tensor(3.0, requires_grad=True)
    >>> dg.autograd.grad(x * x, x)
    (tensor(6.),)
    """
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
