"""Rows of convolutions, and of windows as columns."""

from functools import partial
from typing import Any

from tests.ops import window_references as ref
from tests.ops.op_row import Row, Sample, of, s
from tests.ops.rows.functional import functional


def conv(axes: int, *samples: Sample) -> Row:
    """Return the row of a convolution."""
    return functional(f"conv{axes}d", *samples, home="", reference=partial(ref.conv, axes=axes))


def conv_transpose(axes: int, *samples: Sample) -> Row:
    """Return the row of a transposed convolution."""
    reference = partial(ref.conv_transpose, axes=axes)
    return functional(f"conv_transpose{axes}d", *samples, home="", reference=reference)


def flat(name: str, *samples: Sample, reference: Any, **more: Any) -> Row:
    """Return the row of a linear function: its derivative does not depend on the input."""
    return functional(name, *samples, reference=reference, twice=False, **more)


ROWS: tuple[Row, ...] = (
    conv(
        1,
        s((2, 3, 8), (4, 3, 3), (4,), stride=2, padding=1),
        s((2, 4, 7), (4, 1, 3), groups=4, padding="same"),
        s((3, 8), (2, 3, 1)),
    ),
    conv(
        2,
        s((2, 3, 5, 6), (4, 3, 3, 2), (4,)),
        s((2, 4, 6, 5), (6, 2, 2, 3), groups=2, stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
        s((0, 2, 4, 4), (3, 2, 2, 2)),
        s(of((2, 3, 4, 5), "columns"), of((2, 3, 1, 1), "steps"), padding="valid"),
    ),
    conv(3, s((2, 2, 3, 4, 3), (2, 2, 2, 3, 2), (2,), stride=(1, 2, 1), padding=1)),
    conv_transpose(1, s((2, 4, 4), (4, 2, 3), (2,), stride=3, padding=1, output_padding=2)),
    conv_transpose(
        2,
        s((2, 4, 3, 4), (4, 2, 3, 2), (4,), stride=2, groups=2, dilation=(1, 2)),
        s((3, 2, 2), (3, 2, 1, 1)),
    ),
    conv_transpose(3, s((1, 2, 2, 3, 2), (2, 2, 2, 1, 2), stride=(2, 1, 1))),
    flat(
        "unfold",
        s((2, 3, 5, 4), kernel_size=(2, 3), padding=1, stride=(2, 1)),
        s((2, 5, 4), kernel_size=2, dilation=(2, 1)),
        reference=ref.unfold,
    ),
    flat(
        "fold",
        s((2, 12, 12), output_size=(5, 4), kernel_size=2),
        s((8, 9), output_size=(4, 4), kernel_size=2, padding=1, stride=2),
        reference=ref.fold,
    ),
)
