"""Rows of ``nn.functional``."""

from typing import Any

import numpy as np

from tests import references as ref
from tests.op_row import CLOSE, Arg, Row, Sample, index, of, s


def functional(
    name: str, *samples: Sample, reference: Any, home: str = "nn.functional.", **more: Any
) -> Row:
    """Return the row of a function that is made of ops; ``home=""`` is the top level."""
    return Row(
        home + name,
        samples,
        reference,
        wide=True,
        ulps=(32, 64),
        scaled=True,
        why=CLOSE,
        **more,
    )


def layer_norm(api: Any, x: Any, *more: Any, normalized_shape: tuple[int, ...]) -> Any:
    """Call it with the static argument second."""
    return api.nn.functional.layer_norm(x, normalized_shape, *more)


ROWS: tuple[Row, ...] = (
    functional(
        "linear",
        s((3, 4), (5, 4), (5,)),
        s((2, 3, 4), (5, 4), (5,)),
        s((4,), (5, 4), (5,)),
        s((3, 4), (5, 4)),
        s((0, 4), (5, 4), (5,)),
        s(of((3, 4), "columns"), of((5, 4), "steps"), of((5,), "reversed")),
        reference=lambda x, w, b=0.0: x @ w.T + b,
    ),
    functional(
        "layer_norm",
        s((3, 4), normalized_shape=(4,)),
        s((2, 3, 4), (3, 4), (3, 4), normalized_shape=(3, 4)),
        reference=ref.layer_norm_reference,
        call=layer_norm,
        home="",
        rtol=1e-5,
    ),
    functional(
        "mse_loss",
        s((3, 4), (3, 4)),
        s((5,), of((5,), "steps"), reduction="sum"),
        s((2, 3), (2, 3), reduction="none"),
        reference=lambda x, y, reduction="mean": ref.reduced(np.square(x - y), reduction),
    ),
    functional(
        "cross_entropy",
        s((3, 4), index((3,), 4)),
        s((4,), index((), 4)),
        s((2, 3, 4), index((2, 4), 3), reduction="sum"),
        s((5, 3), index((5,), 3), reduction="none"),
        s((6, 3), index((6,), 3), ignore_index=1),
        s((6, 3), index((6,), 3), label_smoothing=0.1),
        reference=ref.cross_entropy_reference,
    ),
    functional(
        "nll_loss",
        s((3, 4), index((3,), 4)),
        s((3, 4), index((3,), 4), Arg((4,), domain=(0.5, 2.0))),
        reference=ref.nll_reference,
        twice=False,
    ),
)
