"""Rows of the reductions and of what works along an axis."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops import references as ref
from tests.ops.op_row import CLOSE, EVERY, FLOATS, NUMBERS, Row, of, s

REDUCED = (
    s((3, 4)),
    s(()),
    s((), dim=0),
    s((3, 4), dim=0),
    s((3, 4), dim=1, keepdim=True),
    s((2, 3, 4), dim=(0, 2)),
    s((2, 3, 4), dim=(0, -1), keepdim=True),
    s((2, 3, 4), dim=1),
    s((200,), dim=0),
    s(of((3, 130), "columns"), dim=-1),
    s(of((130, 5), "steps"), dim=0),
    s(of((4, 6), "expanded"), dim=(0, 1)),
    s(of((2, 33), "reversed"), dim=1),
)
EMPTY = (s((0,)), s((2, 0, 3), dim=1), s((0, 3), dim=1), s((2, 0), dim=0, keepdim=True))
DISTINCT = tuple(x for x in REDUCED if x.args[0].layout != "expanded")  # no ties in an extreme
LONG = (s((20_000,)), s((300, 7), dim=0), s((2, 40, 30, 2), dim=(1, 2)))
FIRST_AXIS = tuple(x for x in REDUCED if not isinstance(x.kwargs.get("dim"), tuple))


def reduced(name: str, reference: Callable[..., Any], **more: Any) -> Row:
    """Return the row of a reduction whose order of operations is written down."""
    return Row(name, more.pop("samples", (*REDUCED, *EMPTY, *LONG)), reference, **more)


ROWS: tuple[Row, ...] = (
    reduced("sum", ref.sum_reference, dtypes=EVERY, twice=False),
    Row(
        "nansum",
        (s(of((3, 4), "gaps")), s(of((5, 7), "gaps"), dim=1, keepdim=True), s((3,), dim=0)),
        ref.skipping_nan(ref.sum_reference),
        dtypes=(*FLOATS, "int64"),
        twice=False,
    ),
    Row(
        "nanmean",
        (s(of((3, 4), "gaps")), s(of((5, 7), "gaps"), dim=(0, 1)), s(of((2, 4), "gaps"), dim=0)),
        ref.nanmean_reference,
        twice=False,
    ),
    reduced("mean", ref.mean_reference, twice=False),
    reduced(
        "count_nonzero",
        lambda x, dim=None: np.asarray(np.count_nonzero(x, axis=dim), np.int64),
        samples=(s((3, 4)), s((2, 3, 4), dim=(0, 2)), s((0,)), s(())),
        dtypes=("float32", "int64", "bool"),
        differentiable=False,
    ),
    reduced(
        "prod",
        ref.prod_reference,
        samples=(*FIRST_AXIS, *EMPTY, s((300, 2), dim=0), s((3, 4))),
        dtypes=(*FLOATS, "int64"),
        domain=(0.6, 1.4),
    ),
    reduced("amax", ref.amax_reference, samples=(*DISTINCT, *LONG), dtypes=EVERY, twice=False),
    reduced("amin", ref.amin_reference, samples=(*DISTINCT, *LONG), dtypes=EVERY, twice=False),
    reduced(
        "any",
        ref.truth(np.any),
        dtypes=EVERY,
        differentiable=False,
    ),
    reduced(
        "all",
        ref.truth(np.all),
        dtypes=EVERY,
        differentiable=False,
    ),
    reduced(
        "argmax",
        ref.position(np.argmax),
        samples=(*FIRST_AXIS, s((0, 3), dim=1)),
        dtypes=NUMBERS,
        differentiable=False,
    ),
    reduced(
        "argmin",
        ref.position(np.argmin),
        samples=(*FIRST_AXIS, s((0, 3), dim=1)),
        dtypes=NUMBERS,
        differentiable=False,
    ),
    Row(
        "logsumexp",
        (
            s((3, 4), dim=1),
            s((2, 3, 4), dim=(0, 2)),
            s((2, 3, 4), dim=1, keepdim=True),
            s((5,), dim=0),
            s((), dim=0),
            s(of((3, 4), "columns"), dim=0),
        ),
        ref.logsumexp_reference,
        wide=True,
        ulps=(8, 16),
        scaled=True,
        why=CLOSE,
    ),
    *(
        Row(
            name,
            (
                s((3, 4), dim=1),
                s((3, 4), dim=0),
                s((2, 3, 4), dim=1),
                s((10,), dim=-1),
                s((), dim=0),
                s((2, 0, 3), dim=1),
                s(of((3, 5), "columns"), dim=1),
                s((2, 150), dim=1),
            ),
            reference,
            wide=True,
            ulps=(8, 16),
            scaled=True,
            why=CLOSE,
            domain=(-5.0, 5.0),
        )
        for name, reference in (
            ("softmax", ref.softmax_reference),
            ("log_softmax", ref.log_softmax_reference),
        )
    ),
)
