"""Named results of ops that give values and where they stand."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..core.dispatch import compose_several
from ..core.op import Op, defcomposite
from ..core.types import Shape
from .build import Tensor, normal_axis
from .index.indexing import gather, gathered_from
from .shape.views import reshape, squeeze, unsqueeze


class ValuesIndices(NamedTuple):
    """Elements and their int64 positions along the axis."""

    values: Any
    indices: Any


class MinMax(NamedTuple):
    """The smallest and the largest element."""

    min: Any
    max: Any


def with_axis(input: Tensor, dim: int) -> tuple[Tensor, int]:
    """Return the tensor, a 0-d one as a vector of one element, and the axis."""
    axis = normal_axis(dim, input.value.ndim)
    return (input if input.value.ndim else reshape(input, (1,))), axis


def without_axis(x: Tensor, like: Tensor) -> Tensor:
    """Undo `with_axis` on a result of the full shape."""
    return x if like.value.ndim else reshape(x, ())


def located(name: str, find: Callable[..., Tensor]) -> Op:
    """Register an op that takes elements along an axis: their values, and where they stand.

    ``find(x, axis, **static)`` gives the int64 positions; the cotangent goes back there.
    """

    def forward(x: Tensor, axis: int, **static: Any) -> ValuesIndices:
        at = find(x, axis, **static)
        return ValuesIndices(gather(x, axis, at), at)

    return defcomposite(
        name,
        inputs="x",
        results="values indices",
        forward=forward,
        vjp=(_located_vjp,),
    )


def _located_vjp(g_values: Tensor, indices: Tensor, x_shape: Shape, *, axis: int) -> Tensor:
    return gathered_from(g_values, indices, axis, x_shape)


def locate(op: Op, input: Tensor, dim: int, **static: Any) -> ValuesIndices:
    """Run an op of `located` on the user's tensor."""
    x, axis = with_axis(input, dim)
    values, indices = compose_several(op, x, axis=axis, **static)
    return ValuesIndices(without_axis(values, input), without_axis(indices, input))


def chosen(name: str, find: Callable[..., Tensor]) -> Op:
    """Register an op that takes one element of each line, and drops the axis unless ``keepdim``.

    ``find(x, axis, **static)`` gives int64 positions of extent 1 along the axis.
    """

    def forward(x: Tensor, axis: int, keepdim: bool, **static: Any) -> ValuesIndices:
        at = find(x, axis, **static)
        values = gather(x, axis, at)
        return ValuesIndices(*((v if keepdim else squeeze(v, axis)) for v in (values, at)))

    return defcomposite(
        f"{name}_along",
        inputs="x",
        results="values indices",
        forward=forward,
        vjp=(_chosen_vjp,),
        grad_name="".join(part.capitalize() for part in name.split("_")),
    )


def _chosen_vjp(
    g_values: Tensor, indices: Tensor, x_shape: Shape, *, axis: int, keepdim: bool
) -> Tensor:
    if not keepdim:
        g_values, indices = unsqueeze(g_values, axis), unsqueeze(indices, axis)
    return gathered_from(g_values, indices, axis, x_shape)


def choose(op: Op, input: Tensor, dim: int, keepdim: bool, **static: Any) -> ValuesIndices:
    """Run an op of `chosen` on the user's tensor."""
    x, axis = with_axis(input, dim)
    keep = bool(keepdim and input.value.ndim)
    return ValuesIndices(*compose_several(op, x, axis=axis, keepdim=keep, **static))
