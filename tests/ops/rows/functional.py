"""Rows of ``nn.functional``."""

from typing import Any

from tests.ops import references as ref
from tests.ops.op_row import CLOSE, Row, Sample, of, s


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
)
