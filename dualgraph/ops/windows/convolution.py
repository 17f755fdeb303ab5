"""Convolution and its transposes, and windows as columns.

The three records of a convolution are each other's derivatives: with x on the input's side, y on
the output's side and w the weight, ``y = conv(x, w)`` is linear in both, `CONV_INPUT` gives x from
y and w, `CONV_WEIGHT` gives w from x and y.
"""

from typing import Any

from ...core.dispatch import apply
from ...core.op import defop
from ...core.types import FLOATING, Aval, bool_, category, int64, uint8
from ...errors import DTypeError, ShapeError
from ...numerics.facts.routine import Routine
from ...numerics.facts.windows import Windows
from ..build import Tensor, as_dtype, in_float32, is_tensor, need, need_tensor
from ..elementwise.pointwise import add
from ..shape.views import reshape

CONV = defop(
    "convolution",
    inputs="x weight",
    lower=Routine("convolution"),
    infer=lambda x, w, *, groups, windows: Aval(
        (x.shape[0], w.shape[0], *windows.output[5 - len(x.shape) :]), x.dtype
    ),
    vjp=(
        lambda g, weight, *, groups, windows: apply(
            CONV_INPUT, g, weight, groups=groups, windows=windows
        ),
        lambda g, x, *, groups, windows: apply(CONV_WEIGHT, x, g, groups=groups, windows=windows),
    ),
)
CONV_INPUT = defop(
    "convolution_input",
    inputs="y weight",
    lower=Routine("convolution_input"),
    infer=lambda y, w, *, groups, windows: Aval(
        (y.shape[0], w.shape[1] * groups, *windows.extent[5 - len(y.shape) :]), y.dtype
    ),
    vjp=(
        lambda g, weight, *, groups, windows: apply(
            CONV, g, weight, groups=groups, windows=windows
        ),
        lambda g, y, *, groups, windows: apply(CONV_WEIGHT, g, y, groups=groups, windows=windows),
    ),
)
CONV_WEIGHT = defop(
    "convolution_weight",
    inputs="x y",
    lower=Routine("convolution_weight"),
    infer=lambda x, y, *, groups, windows: Aval(
        (y.shape[1], x.shape[1] // groups, *windows.kernel[5 - len(x.shape) :]), x.dtype
    ),
    vjp=(
        lambda g, y, *, groups, windows: apply(CONV_INPUT, y, g, groups=groups, windows=windows),
        lambda g, x, *, groups, windows: apply(CONV, x, g, groups=groups, windows=windows),
    ),
)
UNFOLD = defop(
    "window_columns",
    inputs="x",
    lower=Routine("window_columns"),
    infer=lambda x, *, windows: Aval(
        (x.shape[0], x.shape[1] * windows.taps, windows.positions), x.dtype
    ),
    vjp=(lambda g, *, windows: apply(FOLD, g, windows=windows),),
)
FOLD = defop(
    "add_window_columns",
    inputs="x",
    lower=Routine("add_window_columns"),
    infer=lambda x, *, windows: Aval(
        (x.shape[0], x.shape[1] // max(1, windows.taps), *windows.extent[1:]), x.dtype
    ),
    vjp=(lambda g, *, windows: apply(UNFOLD, g, windows=windows),),
)


# --- arguments ----------------------------------------------------------------------------------


def per_axis(name: str, what: str, value: Any, count: int, least: int = 0) -> tuple[int, ...]:
    """Return one int for each of ``count`` axes from an int or a sequence (of one or of all)."""
    given = tuple(value) if isinstance(value, tuple | list) else (value,)
    given = given * count if len(given) == 1 else given
    whole = all(isinstance(v, int) and not isinstance(v, bool) for v in given)
    need(
        whole and len(given) == count,
        f"{name}: {what} must be an int or {count} ints, got {value!r}",
    )
    need(min(given) >= least, f"{name}: {what} must be at least {least}, got {value!r}")
    return given


def triple(values: tuple[int, ...], fill: int) -> tuple[int, int, int]:
    """Return values of one, two or three axes as values of three."""
    padded = (fill,) * (3 - len(values)) + values
    return padded[0], padded[1], padded[2]


def batched(name: str, input: Any, axes: int) -> tuple[Tensor, bool]:
    """Return the input with a batch axis, and whether that was added.

    Raises `ShapeError` unless it has (images, channels, *axes) or (channels, *axes).
    """
    shape = tuple(need_tensor(name, input).value.shape)
    if len(shape) not in (axes + 1, axes + 2):
        raise ShapeError(
            f"{name}: expected {axes + 2} dimensions (images, channels, ...) or {axes + 1} "
            f"(channels, ...), got shape {shape}"
        )
    alone = len(shape) == axes + 1
    return (reshape(input, (1, *shape)) if alone else input), alone


def unbatched(out: Tensor, alone: bool) -> Tensor:
    """Take the batch axis away that `batched` added."""
    return reshape(out, out.value.shape[1:]) if alone else out


def _check(name: str, x: Any, weight: Any, bias: Any, groups: int, transposed: bool) -> None:
    for operand in (weight, *(() if bias is None else (bias,))):
        dtype = need_tensor(name, operand).value.dtype
        if dtype != x.value.dtype or category(dtype) != FLOATING:
            raise DTypeError(
                f"{name}: input, weight and bias need one floating dtype, got "
                f"{x.value.dtype.name} and {operand.value.dtype.name}; cast one with .to(dtype)"
            )
    shape, have = tuple(weight.value.shape), tuple(x.value.shape)
    need(isinstance(groups, int) and groups > 0, f"{name}: groups must be positive, got {groups!r}")
    if len(shape) != len(have):
        raise ShapeError(f"{name}: weight of shape {shape} must have {len(have)} dimensions")
    channels = shape[0] if transposed else shape[1] * groups
    if have[1] != channels or shape[0] % groups:
        raise ShapeError(
            f"{name}: input of shape {have} has {have[1]} channels; weight of shape {shape} "
            f"with groups={groups} needs {channels}, and {shape[0]} a multiple of {groups}"
        )
    outer = shape[1] * groups if transposed else shape[0]
    if bias is not None and tuple(bias.value.shape) != (outer,):
        raise ShapeError(f"{name}: bias has shape {tuple(bias.value.shape)}, expected ({outer},)")


def _padded(
    name: str, padding: Any, kernel: tuple, stride: tuple, dilation: tuple
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the padding in front and behind; "same" puts the odd element behind."""
    if not isinstance(padding, str):
        both = per_axis(name, "padding", padding, len(kernel))
        return both, both
    need(padding in ("same", "valid"), f"{name}: padding is same or valid, not {padding!r}")
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    need(set(stride) == {1}, f"{name}: padding='same' needs stride 1, got {stride}")
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)


def _fit(name: str, extent: int, kernel: int, pads: int, stride: int, dilation: int) -> int:
    span = dilation * (kernel - 1) + 1
    if extent + pads < span or kernel < 1:
        raise ShapeError(
            f"{name}: a window of {span} elements does not fit into {extent} elements with "
            f"{pads} of padding"
        )
    return (extent + pads - span) // stride + 1


def conv(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """Return the cross-correlation over the last ``axes`` axes."""
    name = f"conv{axes}d"
    x, alone = batched(name, input, axes)
    _check(name, x, weight, bias, groups, False)
    kernel, extent = tuple(weight.value.shape[2:]), tuple(x.value.shape[2:])
    steps = per_axis(name, "stride", stride, axes, 1)
    gaps = per_axis(name, "dilation", dilation, axes, 1)
    front, back = _padded(name, padding, kernel, steps, gaps)
    output = tuple(
        _fit(name, e, k, f + b, s, d)
        for e, k, f, b, s, d in zip(extent, kernel, front, back, steps, gaps, strict=True)
    )
    windows = Windows(
        triple(extent, 1),
        triple(kernel, 1),
        triple(output, 1),
        triple(steps, 1),
        triple(front, 0),
        triple(gaps, 1),
    )
    out = apply(CONV, x, weight, groups=groups, windows=windows)
    return unbatched(_shifted(out, bias), alone)


def conv_transpose(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    """Return the transpose of `conv` as a map of its input."""
    name = f"conv_transpose{axes}d"
    y, alone = batched(name, input, axes)
    _check(name, y, weight, bias, groups, True)
    kernel, extent = tuple(weight.value.shape[2:]), tuple(y.value.shape[2:])
    steps = per_axis(name, "stride", stride, axes, 1)
    front = per_axis(name, "padding", padding, axes)
    extra = per_axis(name, "output_padding", output_padding, axes)
    gaps = per_axis(name, "dilation", dilation, axes, 1)
    for o, s, d in zip(extra, steps, gaps, strict=True):
        need(o < max(s, d), f"{name}: output_padding {o} must be below stride or dilation")
    output = tuple(
        (e - 1) * s - 2 * f + d * (k - 1) + o + 1
        for e, s, f, d, k, o in zip(extent, steps, front, gaps, kernel, extra, strict=True)
    )
    if min(output) < 1:
        raise ShapeError(
            f"{name}: input of shape {tuple(y.value.shape)} and a kernel of {kernel} with "
            f"padding {front} give the extents {output}"
        )
    windows = Windows(
        triple(output, 1),
        triple(kernel, 1),
        triple(extent, 1),
        triple(steps, 1),
        triple(front, 0),
        triple(gaps, 1),
    )
    out = apply(CONV_INPUT, y, weight, groups=groups, windows=windows)
    return unbatched(_shifted(out, bias), alone)


def _shifted(out: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return out
    return add(out, reshape(bias, (-1,) + (1,) * (out.value.ndim - 2)))


@in_float32
def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Return windows as columns: (N, C, H, W) to (N, C * kh * kw, L), unbatched likewise.

    Rows are (channel, window element), columns are windows, both in row-major order.
    Raises `ShapeError` when no window fits.
    """
    if is_tensor(input) and input.value.dtype is bool_:
        return as_dtype(
            unfold(as_dtype(input, uint8), kernel_size, dilation, padding, stride), bool_
        )
    x, alone = batched("unfold", input, 2)
    extent = tuple(x.value.shape[2:])
    windows = _plane_windows("unfold", extent, kernel_size, dilation, padding, stride)
    return unbatched(apply(UNFOLD, x, windows=windows), alone)


@in_float32
def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Add columns up where their windows lie: (N, C * kh * kw, L) to (N, C, *output_size).

    The transpose of `unfold`. Raises `ShapeError` when the columns do not fit.
    """
    if is_tensor(input) and input.value.dtype is bool_:
        sums = fold(as_dtype(input, int64), output_size, kernel_size, dilation, padding, stride)
        return as_dtype(sums, bool_)
    x, alone = batched("fold", input, 1)
    extent = per_axis("fold", "output_size", output_size, 2, 1)
    windows = _plane_windows("fold", extent, kernel_size, dilation, padding, stride)
    rows, columns = tuple(x.value.shape[1:])
    if rows % windows.taps or columns != windows.positions:
        raise ShapeError(
            f"fold: columns of shape {(rows, columns)} do not fit: output_size {extent} has "
            f"{windows.positions} windows of {windows.taps} elements a channel"
        )
    return unbatched(apply(FOLD, x, windows=windows), alone)


def _plane_windows(
    name: str, extent: tuple, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> Windows:
    kernel = per_axis(name, "kernel_size", kernel_size, 2, 1)
    gaps = per_axis(name, "dilation", dilation, 2, 1)
    pads = per_axis(name, "padding", padding, 2)
    steps = per_axis(name, "stride", stride, 2, 1)
    output = tuple(
        _fit(name, e, k, 2 * p, s, d)
        for e, k, p, s, d in zip(extent, kernel, pads, steps, gaps, strict=True)
    )
    return Windows(
        triple(extent, 1),
        triple(kernel, 1),
        triple(output, 1),
        triple(steps, 1),
        triple(pads, 0),
        triple(gaps, 1),
    )
