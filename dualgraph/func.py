"""Functions of functions, under the names of ``torch.func``.

Arguments may be tensors, or tuples, lists and dicts of them. Results are on the tape where the
function uses something from outside that requires grad; so the transforms nest.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .autograd.functional import jacobian_of, pushed
from .core.dispatch import state
from .eager.gradients import grad as gradients
from .eager.modes import enable_grad
from .errors import ArgumentError, DTypeError
from .grad.backward import reachable
from .grad.tape import TapeNode, gradient_edge, origin
from .nn.module import Module
from .ops.build import is_tensor
from .trace.tree import flatten, unflatten

Argnums = int | tuple[int, ...]


def _chosen(args: tuple, argnums: Argnums) -> list[int]:
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise ArgumentError(f"argnums={argnums} for {len(args)} arguments")
    return [n % len(args) for n in numbers]


class Inner(NamedTuple):
    """One evaluation of a function on leaves of its own."""

    trees: list[tuple[Any, int]]  # of the chosen arguments, and how many tensors they hold
    leaves: list[Any]
    result: Any
    outputs: list[Any]  # the tensors to be differentiated
    shape: Any  # their tree
    aux: Any
    again: bool  # the function depends on something outside that requires grad


def _evaluated(
    func: Callable[..., Any], args: tuple, kwargs: dict, numbers: list[int], has_aux: bool
) -> Inner:
    """Run ``func`` with the chosen arguments replaced by leaves; the grad mode must be on."""
    given, trees, found = list(args), [], []
    for n in numbers:
        tensors: list[Any] = []
        trees.append(flatten(args[n], tensors))
        if not tensors:
            raise DTypeError(
                f"argument {n} must be a tensor, or a tuple, list or dict of tensors, not "
                f"{type(args[n]).__name__}"
            )
        found.append([_leaf(x) for x in tensors])
        given[n] = unflatten(trees[-1], found[-1])
    result, aux = func(*given, **kwargs), None
    if has_aux:
        if not (isinstance(result, tuple) and len(result) == 2):
            raise ArgumentError("with has_aux=True the function must return a pair (output, aux)")
        result, aux = result
    outputs: list[Any] = []
    shape = flatten(result, outputs)
    leaves = [x for part in found for x in part]
    return Inner(
        [*zip(trees, map(len, found), strict=True)],
        leaves,
        result,
        outputs,
        shape,
        aux,
        _open(outputs, leaves),
    )


def _open(outputs: list[Any], leaves: list[Any]) -> bool:
    """Tell whether a path leads from the outputs to a leaf that is none of the function's own."""
    own = {id(x) for x in leaves if x.grad_fn is None}
    starts = [gradient_edge(y) for y in outputs if y.tracked]
    edges = [e for node in reachable(starts) for e in node.edges if e is not None]
    return any(not isinstance(origin(e), TapeNode) and id(e) not in own for e in [*starts, *edges])


def _leaf(x: Any) -> Any:
    """Return x as something to differentiate by; on the tape of x when x is on one."""
    return x.clone() if x.tracked else x.detach().requires_grad_()


def _kept(tree: Any, again: bool) -> Any:
    """Return a tree of results, off the tape unless somebody outside can differentiate them."""
    tensors: list[Any] = []
    flat = flatten(tree, tensors)
    return tree if again else unflatten(flat, [x.detach() for x in tensors])


def _by_argument(found: list[Any], inner: Inner, argnums: Argnums) -> Any:
    parts, rest = [], found
    for tree, count in inner.trees:
        parts.append(unflatten(tree, rest[:count]))
        rest = rest[count:]
    return tuple(parts) if isinstance(argnums, tuple) else parts[0]


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that gives (gradient, value) of a function with one scalar output.

    With ``has_aux`` the function returns (value, anything), and the result is
    (gradient, (value, anything)).
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        recording = state.grad_enabled
        with enable_grad():
            inner = _evaluated(func, args, kwargs, _chosen(args, argnums), has_aux)
            _check_scalar(inner.result)
            again = inner.again and recording
            found = _pulled(inner, [None], again)
        value = _kept(inner.result, again)
        found = _by_argument(found, inner, argnums)
        return found, ((value, _kept(inner.aux, again)) if has_aux else value)

    return derivative


def _check_scalar(value: Any) -> None:
    if not is_tensor(value) or value.value.shape != ():
        what = f"shape {tuple(value.value.shape)}" if is_tensor(value) else type(value).__name__
        raise ArgumentError(
            f"grad: the function must return a 0-d tensor, not {what}: reduce it, or use vjp "
            "or jacrev"
        )


def _pulled(inner: Inner, seeds: list[Any], again: bool) -> list[Any]:
    """Return the gradients of the leaves; zeros where an output does not depend on them."""
    pairs = [(y, s) for y, s in zip(inner.outputs, seeds, strict=True) if y.tracked]
    if not pairs:
        return [x.detach() * 0 for x in inner.leaves]
    roots, starts = zip(*pairs, strict=True)
    return list(
        gradients(
            roots, inner.leaves, starts, retain_graph=True, create_graph=again,
            materialize_grads=True,
        )
    )  # fmt: skip


def grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that gives the gradient of a function with one scalar output.

    It nests: ``grad(grad(f))`` is the second derivative.

    >>> import dualgraph as dg
    >>> grad(grad(lambda x: x * x * x))(dg.tensor(2.0))
    tensor(12.)
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        found, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return derivative


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the output of a function, and a function from cotangents to gradients of primals.

    With ``has_aux`` the function returns (output, anything), and that comes third.

    >>> import dualgraph as dg
    >>> out, pull = vjp(lambda x: x * x, dg.tensor([1.0, 2.0]))
    >>> pull(dg.ones(2))
    (tensor([2., 4.]),)
    """
    recording = state.grad_enabled
    with enable_grad():
        inner = _evaluated(func, primals, {}, list(range(len(primals))), has_aux)
    again = inner.again and recording

    def pulled(*cotangents: Any) -> tuple[Any, ...]:
        seeds: list[Any] = []
        flatten(cotangents, seeds)
        if len(seeds) != len(inner.outputs):
            raise ArgumentError(f"vjp: {len(inner.outputs)} outputs but {len(seeds)} cotangents")
        twice = again or (state.grad_enabled and any(s.tracked for s in seeds))
        with enable_grad():
            found = _pulled(inner, seeds, twice)
        return _by_argument(found, inner, ())

    out = _kept(inner.result, again)
    return (out, pulled, _kept(inner.aux, again)) if has_aux else (out, pulled)


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """Return (func(*primals), J tangents), by differentiating v^T J twice.

    With ``has_aux`` the function returns (output, anything), and that comes third. ``strict`` is
    accepted for PyTorch's sake.

    >>> import dualgraph as dg
    >>> jvp(lambda x: x * x, (dg.tensor([1.0, 2.0]),), (dg.ones(2),))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    directions: list[Any] = []
    flatten(tuple(tangents), directions)
    recording = state.grad_enabled
    with enable_grad():
        inner = _evaluated(func, tuple(primals), {}, list(range(len(primals))), has_aux)
        if len(directions) != len(inner.leaves):
            raise ArgumentError(f"jvp: {len(inner.leaves)} primals but {len(directions)} tangents")
        again = recording and (inner.again or any(d.tracked for d in directions))
        found = pushed(inner.outputs, tuple(inner.leaves), directions, again)
    out = _kept(inner.result, again), unflatten(inner.shape, list(found))
    return (*out, _kept(inner.aux, again)) if has_aux else out


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the output of a function, and its derivative as a function of tangents."""
    out = func(*primals)
    return out, lambda *tangents: jvp(func, primals, tangents)[1]


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that gives the Jacobian, one backward for each element of the output.

    Nested like the output, and within like the chosen arguments. ``chunk_size`` is accepted for
    PyTorch's sake.
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        recording = state.grad_enabled
        with enable_grad():
            inner = _evaluated(func, args, kwargs, _chosen(args, argnums), has_aux)
            again = inner.again and recording
            rows = [jacobian_of(y, tuple(inner.leaves), again, False) for y in inner.outputs]
        found = unflatten(inner.shape, [_by_argument(list(r), inner, argnums) for r in rows])
        return (found, _kept(inner.aux, again)) if has_aux else found

    return derivative


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """Return `jacrev`: there is no forward mode, and the Jacobian is the same."""
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return a function that gives the second derivatives: `jacrev` of `jacrev`.

    >>> import dualgraph as dg
    >>> hessian(lambda x: (x * x * x).sum())(dg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other tensors in the place of its parameters and buffers.

    Takes a dict or several; names are those of ``state_dict``. What is not named stays, and a
    tensor that the module has under several names is replaced under all of them, unless
    ``tie_weights=False``. Names that the module does not have are ignored; with ``strict`` they,
    and names left out, are an `ArgumentError`.
    """
    several = isinstance(parameter_and_buffer_dicts, tuple | list)
    dicts = parameter_and_buffer_dicts if several else [parameter_and_buffer_dicts]
    tensors = {name: x for d in dicts for name, x in d.items()}
    known = dict(_named(module))
    if strict:
        _check_names(tensors, known)
    chosen = {name: x for name, x in tensors.items() if name in known}
    if tie_weights:
        chosen = _with_ties(chosen, known)
    given = args if isinstance(args, tuple) else (() if args is None else (args,))
    with _replaced(module, chosen):
        return module(*given, **(kwargs or {}))


def _named(module: Module) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _check_names(tensors: dict[str, Any], known: dict[str, Any]) -> None:
    unexpected = [n for n in tensors if n not in known]
    missing = [n for n in known if n not in tensors]
    if unexpected or missing:
        raise ArgumentError(
            f"functional_call with strict=True: unexpected {', '.join(unexpected) or 'none'}; "
            f"missing {', '.join(missing) or 'none'}"
        )


def _with_ties(chosen: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Add the other names of the tensors that are replaced."""
    by_tensor = {id(known[name]): x for name, x in chosen.items()}
    ties = {n: by_tensor[id(x)] for n, x in known.items() if id(x) in by_tensor}
    return {**ties, **chosen}


@contextmanager
def _replaced(module: Module, tensors: dict[str, Any]) -> Iterator[None]:
    kept = []
    try:
        for name, tensor in tensors.items():
            owner, last = _place(module, name)
            kept.append((owner, last, owner[last]))
            owner[last] = tensor  # not by setattr: compiled functions need not see it
        yield
    finally:
        for owner, last, old in reversed(kept):
            owner[last] = old


def _place(module: Module, name: str) -> tuple[dict[str, Any], str]:
    """Return the dict that holds a parameter or buffer, and its key there."""
    *path, last = name.split(".")
    owner = vars(module)
    for step in path:
        owner = vars(owner[step])
    return owner, last
