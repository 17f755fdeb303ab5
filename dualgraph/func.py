"""Functions of functions, under the names of ``torch.func``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .autograd.functional import jacobian
from .eager.gradients import grad as gradients
from .eager.modes import enable_grad
from .errors import ArgumentError, at_user_line
from .nn.module import Module
from .ops.build import is_tensor


def _chosen(args: tuple, argnums: int | tuple[int, ...]) -> list[int]:
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise ArgumentError(at_user_line(f"argnums={argnums} for {len(args)} arguments"))
    return [n % len(args) for n in numbers]


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that gives (gradient, value) of a function with one scalar output.

    With ``has_aux`` the function returns (value, anything), and the result is
    (gradient, (value, anything)).
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        numbers = _chosen(args, argnums)
        with enable_grad():
            leaves = [_leaf(args[n]) for n in numbers]
            given = list(args)
            for n, x in zip(numbers, leaves, strict=True):
                given[n] = x
            result = func(*given, **kwargs)
            value = result[0] if has_aux else result
            again = any(args[n].requires_grad for n in numbers)
            found = gradients(value, leaves, create_graph=again, materialize_grads=True)
        found = found if isinstance(argnums, tuple) else found[0]
        return found, (result if again else _detached(result, has_aux))

    return derivative


def _leaf(x: Any) -> Any:
    """Return x as something to differentiate by; on the tape of x when x is on one."""
    return x.clone() if x.requires_grad else x.detach().requires_grad_()


def _detached(result: Any, has_aux: bool) -> Any:
    return (result[0].detach(), *result[1:]) if has_aux else result.detach()


def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
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


def vjp(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the output of a function, and a function from cotangents to gradients of primals.

    >>> import dualgraph as dg
    >>> out, pull = vjp(lambda x: x * x, dg.tensor([1.0, 2.0]))
    >>> pull(dg.ones(2))
    (tensor([2., 4.]),)
    """
    with enable_grad():
        leaves = [_leaf(x) for x in primals]
        out = func(*leaves)

    def pulled(*cotangents: Any) -> tuple[Any, ...]:
        outs = list(out) if isinstance(out, tuple | list) else [out]
        seeds = cotangents[0] if isinstance(cotangents[0], tuple | list) else cotangents
        again = any(x.requires_grad for x in (*primals, *seeds))
        return gradients(outs, leaves, list(seeds), True, again, materialize_grads=True)

    several = isinstance(out, tuple | list)
    return tuple(y.detach() for y in out) if several else out.detach(), pulled


def jacrev(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return a function that gives the Jacobian, one backward for each element of the output."""

    def derivative(*args: Any) -> Any:
        numbers = _chosen(args, argnums)

        def of_chosen(*leaves: Any) -> Any:
            given = list(args)
            for n, x in zip(numbers, leaves, strict=True):
                given[n] = x
            return func(*given)

        again = any(args[n].requires_grad for n in numbers)
        found = jacobian(of_chosen, tuple(args[n] for n in numbers), create_graph=again)
        return found if isinstance(argnums, tuple) else _only(found)

    return derivative


def _only(found: Any) -> Any:
    """Return the one entry for each output."""
    nested = isinstance(found[0], tuple)
    return tuple(row[0] for row in found) if nested else found[0]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Any],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a module with other tensors in the place of its parameters and buffers.

    Names are those of ``state_dict``; what is not named stays. Raises `ArgumentError` for a name
    that the module does not have.
    """
    given = args if isinstance(args, tuple) else (() if args is None else (args,))
    with _replaced(module, parameter_and_buffer_dicts):
        return module(*given, **(kwargs or {}))


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
        child = owner.get(step)
        owner = vars(child) if isinstance(child, Module) else {}
    if not is_tensor(owner.get(last)):
        known = ", ".join(module.state_dict())
        raise ArgumentError(
            at_user_line(f"functional_call: the module has no {name!r}; it has {known}")
        )
    return owner, last
