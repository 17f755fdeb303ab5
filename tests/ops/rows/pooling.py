"""Rows of pools."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.ops import window_references as ref
from tests.ops.op_row import FLOATS, Row, Sample, s
from tests.ops.rows.convolution import flat
from tests.ops.rows.functional import functional


def maxima(name: str, axes: int, *samples: Sample) -> Row:
    """Return the row of a max pool, which is exact."""
    reference = partial(getattr(ref, name), axes=axes)
    kinds = (*FLOATS, "int64") if (name, axes) == ("max_pool", 2) else FLOATS
    home = "" if name == "max_pool" else "nn.functional."
    return Row(f"{home}{name}{axes}d", samples, reference, dtypes=kinds, twice=False)


def unpool(axes: int, shape: tuple[int, ...]) -> Row:
    """Return the row of a max pool and back."""
    name = f"nn.functional.max_unpool{axes}d"

    def call(api: Any, x: Any, kernel_size: int) -> Any:
        functions = api.nn.functional
        pool: Callable[..., Any] = getattr(functions, f"max_pool{axes}d")
        back: Callable[..., Any] = getattr(functions, f"max_unpool{axes}d")
        return back(*pool(x, kernel_size, return_indices=True), kernel_size)

    reference = partial(ref.unpooled, axes=axes)
    return Row(name, (s(shape, kernel_size=2),), reference, call, twice=False)


def lp(axes: int, *samples: Sample) -> Row:
    """Return the row of a power-average pool."""
    reference = partial(ref.lp_pool, axes=axes)
    return functional(
        f"lp_pool{axes}d", *samples, reference=reference, domain=(0.5, 2.0), rtol=1e-5
    )


def means(axes: int, *samples: Sample) -> Row:
    """Return the row of an average pool."""
    home = "" if axes == 1 else "nn.functional."
    reference = partial(ref.avg_pool, axes=axes)
    return flat(f"avg_pool{axes}d", *samples, reference=reference, home=home)


def adaptive(axes: int, shape: tuple[int, ...], output_size: Any) -> Row:
    """Return the row of an adaptive average pool."""
    reference = partial(ref.adaptive_avg_pool, axes=axes)
    sample, home = s(shape, output_size=output_size), "" if axes == 1 else "nn.functional."
    return flat(f"adaptive_avg_pool{axes}d", sample, reference=reference, home=home)


ROWS: tuple[Row, ...] = (
    maxima("max_pool", 1, s((2, 3, 7), kernel_size=3, stride=2, padding=1)),
    maxima(
        "max_pool",
        2,
        s((2, 3, 5, 6), kernel_size=(2, 3), stride=2, padding=1, ceil_mode=True),
        s((3, 7, 6), kernel_size=3, stride=1, dilation=(2, 1)),
        s((0, 2, 4, 4), kernel_size=2),
    ),
    maxima("max_pool", 3, s((2, 2, 3, 4, 5), kernel_size=2, padding=1)),
    maxima("adaptive_max_pool", 1, s((2, 3, 7), output_size=3, return_indices=True)),
    maxima("adaptive_max_pool", 2, s((2, 3, 5, 7), output_size=(3, 2))),
    maxima("adaptive_max_pool", 3, s((2, 4, 3, 5), output_size=(3, 2, 3))),
    Row(
        "adaptive_max_pool1d",
        (s((2, 3, 7), output_size=4),),
        partial(ref.adaptive_max_pool, axes=1, return_indices=True),
        twice=False,
    ),
    means(1, s((2, 3, 7), kernel_size=3, stride=2, padding=1)),
    means(
        2,
        s((2, 3, 5, 6), kernel_size=(2, 3), stride=2, padding=1, ceil_mode=True),
        s((3, 5, 6), kernel_size=3, padding=1, count_include_pad=False),
        s((2, 3, 4, 4), kernel_size=2, divisor_override=3),
    ),
    means(3, s((2, 2, 3, 4, 5), kernel_size=2, padding=1, ceil_mode=True)),
    adaptive(1, (2, 3, 7), 3),
    adaptive(2, (2, 3, 5, 7), (3, None)),
    adaptive(3, (2, 4, 3, 5), (3, 2, 3)),
    lp(1, s((2, 3, 7), norm_type=3, kernel_size=2, ceil_mode=True)),
    lp(2, s((2, 3, 4, 5), norm_type=2, kernel_size=(2, 3), stride=1)),
    lp(3, s((2, 4, 4, 2), norm_type=2, kernel_size=2)),
    unpool(1, (2, 3, 8)),
    unpool(2, (2, 3, 4, 6)),
    unpool(3, (3, 2, 4, 2)),
)
