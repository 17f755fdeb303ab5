"""Pools: the largest element or the mean of each window, and their transposes."""

from math import prod
from typing import Any

from ...core.dispatch import apply
from ...core.op import NONDIFF, defop
from ...core.tensor import owned
from ...core.types import BOOL, Aval, Shape, category, int64
from ...errors import DTypeError, ShapeError
from ...numerics.facts.routine import Routine
from ...numerics.facts.windows import Triple, Windows
from ..build import Tensor, need, need_floating, need_index
from ..elementwise.elementary import pow, relu
from ..elementwise.pointwise import abs, mul, sign
from ..index.indexing import gather
from ..reduce.reductions import mean
from ..shape.views import reshape
from .convolution import batched, per_axis, triple, unbatched


def _over(x: Any, extents: Triple) -> Shape:
    """Return the shape of x with other extents of its pooled axes."""
    return (*x.shape[:2], *extents[5 - len(x.shape) :])


_MAX_POOL = defop(
    "max_pool",
    inputs="x",
    lower=Routine("max_pool"),
    infer=lambda x, *, windows: Aval(_over(x, windows.output), x.dtype),
    vjp=(lambda g, x, *, windows: apply(_MAX_POOL_INPUT, x, g, windows=windows),),
)
_MAX_POOL_INPUT = defop(
    "max_pool_input",
    inputs="x y",
    lower=Routine("max_pool_input"),
    infer=lambda x, y, *, windows: Aval(tuple(x.shape), x.dtype),
    vjp=(NONDIFF, lambda g, x, *, windows: _at_peaks(g, apply(_PEAKS, x, windows=windows))),
)  # the places of the largest elements do not move
_PEAKS = defop(
    "max_pool_indices",
    inputs="x",
    lower=Routine("max_pool_indices"),
    infer=lambda x, *, windows: Aval(_over(x, windows.output), int64),
    vjp=(NONDIFF,),
)
_MEAN_POOL = defop(
    "mean_pool",
    inputs="x",
    lower=Routine("mean_pool"),
    infer=lambda x, *, windows: Aval(_over(x, windows.output), x.dtype),
    vjp=(lambda g, *, windows: apply(_SPREAD, g, windows=windows),),
)
_SPREAD = defop(
    "mean_pool_input",
    inputs="y",
    lower=Routine("mean_pool_input"),
    infer=lambda y, *, windows: Aval(_over(y, windows.extent), y.dtype),
    vjp=(lambda g, *, windows: apply(_MEAN_POOL, g, windows=windows),),
)
_UNPOOL = defop(
    "max_unpool",
    inputs="x index",
    lower=Routine("max_unpool", may_fail=True),
    infer=lambda x, index, *, extent: Aval((*x.shape[:2], *extent), x.dtype),
    vjp=(lambda g, index, *, extent: _at_peaks(g, index), NONDIFF),
)


def _planes(x: Tensor) -> Tensor:
    """Merge the pooled axes into one."""
    shape = x.value.shape
    return reshape(x, (*shape[:2], prod(shape[2:])))


def _at_peaks(x: Tensor, index: Tensor) -> Tensor:
    """Return the elements at places in their planes."""
    return reshape(gather(_planes(x), 2, _planes(index)), index.value.shape)


# --- windows ------------------------------------------------------------------------------------


def _count(extent: int, kernel: int, pad: int, stride: int, dilation: int, ceil: bool) -> int:
    """Return the number of windows of an axis; a last one that starts in the padding is none."""
    rest = extent + 2 * pad - dilation * (kernel - 1) - 1
    count = (rest + (stride - 1 if ceil else 0)) // stride + 1
    return count - 1 if ceil and (count - 1) * stride >= extent + pad else count


def pool_windows(
    name: str,
    extent: Shape,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    divisor: int = 0,
) -> Windows:
    """Return how the windows of a pool lie; raise `ShapeError` when none fits."""
    axes = len(extent)
    kernel = per_axis(name, "kernel_size", kernel_size, axes, 1)
    absent = stride is None or stride == ()
    steps = kernel if absent else per_axis(name, "stride", stride, axes, 1)
    pads = per_axis(name, "padding", padding, axes)
    gaps = per_axis(name, "dilation", dilation, axes, 1)
    for k, p, d in zip(kernel, pads, gaps, strict=True):
        half = (d * (k - 1) + 1) // 2
        need(p <= half, f"{name}: padding {p} is more than half of the window of {k}")
    output = tuple(
        _count(e, k, p, s, d, ceil_mode)
        for e, k, p, s, d in zip(extent, kernel, pads, steps, gaps, strict=True)
    )
    if min(output) < 1 or min(extent) < 1:
        raise ShapeError(
            f"{name}: windows of {kernel} with padding {pads} do not fit into the extents {extent}"
        )
    return Windows(
        triple(extent, 1),
        triple(kernel, 1),
        triple(output, 1),
        triple(steps, 1),
        triple(pads, 0),
        triple(gaps, 1),
        divisor=divisor,
    )


def _adaptive_windows(name: str, extent: Shape, output_size: Any) -> Windows:
    """Return windows that cover the input evenly; None keeps an extent."""
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,)
    given = given * len(extent) if len(given) == 1 else given
    if len(given) == len(extent):
        given = tuple(e if o is None else o for o, e in zip(given, extent, strict=True))
    wanted = per_axis(name, "output_size", given, len(extent))
    if min(extent) < 1:
        raise ShapeError(f"{name}: the extents {extent} leave nothing to pool")
    taps = tuple(-(-e // max(o, 1)) for e, o in zip(extent, wanted, strict=True))
    return Windows(triple(extent, 1), triple(taps, 1), triple(wanted, 1), adaptive=True)


# --- pools --------------------------------------------------------------------------------------


def _max_windows(name: str, x: Tensor, windows: Windows, indices: bool, alone: bool) -> Any:
    if category(x.value.dtype) == BOOL:
        raise DTypeError(f"{name} is not defined for bool tensors; cast to int")
    values = unbatched(apply(_MAX_POOL, x, windows=windows), alone)
    if not indices:
        return values
    return values, owned(unbatched(apply(_PEAKS, x, windows=windows), alone))


def max_pool(
    axes: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    """Return the largest element of each window, and its place when asked."""
    name = f"max_pool{axes}d"
    x, alone = batched(name, input, axes)
    extent = tuple(x.value.shape[2:])
    windows = pool_windows(name, extent, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_windows(name, x, windows, return_indices, alone)


def adaptive_max_pool(axes: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    """Return the largest element of each of ``output_size`` windows, and its place when asked."""
    name = f"adaptive_max_pool{axes}d"
    x, alone = batched(name, input, axes)
    windows = _adaptive_windows(name, tuple(x.value.shape[2:]), output_size)
    return _max_windows(name, x, windows, return_indices, alone)


def avg_pool(
    axes: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window."""
    name = f"avg_pool{axes}d"
    x, alone = batched(name, input, axes)
    need_floating(name, x)
    need(
        divisor_override is None or divisor_override > 0,
        f"{name}: divisor_override must be positive, got {divisor_override}",
    )
    divisor = divisor_override or (-1 if count_include_pad else 0)
    extent = tuple(x.value.shape[2:])
    windows = pool_windows(name, extent, kernel_size, stride, padding, 1, ceil_mode, divisor)
    return unbatched(apply(_MEAN_POOL, x, windows=windows), alone)


def adaptive_avg_pool(axes: int, input: Tensor, output_size: Any) -> Tensor:
    """Return the mean of each of ``output_size`` windows."""
    name = f"adaptive_avg_pool{axes}d"
    x, alone = batched(name, input, axes)
    need_floating(name, x)
    windows = _adaptive_windows(name, tuple(x.value.shape[2:]), output_size)
    if windows.output == (1, 1, 1):
        return unbatched(mean(x, tuple(range(2, axes + 2)), keepdim=True), alone)
    return unbatched(apply(_MEAN_POOL, x, windows=windows), alone)


def lp_pool(
    axes: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    """Return (sum of x**p)**(1/p) of each window, 0 where the sum is negative."""
    count = prod(per_axis(f"lp_pool{axes}d", "kernel_size", kernel_size, axes, 1))
    out = avg_pool(axes, pow(input, norm_type), kernel_size, stride, 0, ceil_mode, True)
    return pow(mul(mul(sign(out), relu(abs(out))), count), 1.0 / norm_type)


def max_unpool(
    axes: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> Tensor:
    """Return zeros with the elements at the places that a max pool gave."""
    name = f"max_unpool{axes}d"
    x, alone = batched(name, input, axes)
    at = need_index(name, batched(name, indices, axes)[0])
    if at.value.shape != x.value.shape:
        raise ShapeError(
            f"{name}: input of shape {tuple(x.value.shape)} and indices of shape "
            f"{tuple(at.value.shape)} must be equal"
        )
    kernel = per_axis(name, "kernel_size", kernel_size, axes, 1)
    steps = kernel if stride is None else per_axis(name, "stride", stride, axes, 1)
    pads = per_axis(name, "padding", padding, axes)
    extent = tuple(
        (e - 1) * s - 2 * p + k
        for e, s, p, k in zip(x.value.shape[2:], steps, pads, kernel, strict=True)
    )
    if output_size is not None:
        extent = _asked_extent(name, extent, steps, tuple(output_size)[-axes:])
    return unbatched(apply(_UNPOOL, x, at, extent=extent), alone)


def _asked_extent(name: str, usual: Shape, steps: Shape, asked: Shape) -> Shape:
    close = len(asked) == len(usual) and all(
        -s < a - u < s for a, u, s in zip(asked, usual, steps, strict=True)
    )
    need(close, f"{name}: output_size {asked} must lie within a stride of {usual}")
    return asked
