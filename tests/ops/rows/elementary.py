"""Rows of the elementary functions."""

import math

import numpy as np

from tests.ops import references as ref
from tests.ops.op_row import (
    BINARY,
    FLOATS,
    INTS,
    NUMBERS,
    Row,
    number,
    of,
    s,
    smooth,
    unary,
)

ROWS: tuple[Row, ...] = (
    smooth(
        "pow",
        ref.pow_reference,
        samples=(
            *BINARY,
            *number("other", 2, 1, -1, 0, 3, 0.5, 1.5, -2.5, -0.5),
            s((2, 3), of((2, 3), dtype="int64")),
        ),
        domain=(0.4, 3.0),
        call=lambda api, x, y=None, other=None: api.pow(x, other if y is None else y),
    ),
    Row(
        "pow",
        (s((3, 4), (4,)), s((3,), exponent=2), s((3,), exponent=0), s(of((3, 4), "columns"), ())),
        lambda x, exponent: np.power(x, exponent),
        dtypes=(*INTS, "uint8"),
        domain=(0, 9),
        differentiable=False,
    ),
    smooth("exp", np.exp),
    smooth("exp2", np.exp2),
    smooth("expm1", np.expm1),
    smooth("log", np.log, domain=(0.1, 5.0)),
    smooth("log2", np.log2, domain=(0.1, 5.0)),
    smooth("log10", np.log10, domain=(0.1, 5.0)),
    smooth("log1p", np.log1p, domain=(-0.8, 5.0)),
    smooth("tanh", np.tanh),
    smooth("sigmoid", lambda x: np.where(x > 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))),
    unary("relu", lambda x: np.where(x <= 0, x.dtype.type(0), x), dtypes=NUMBERS, twice=False),
    unary("sqrt", np.sqrt, domain=(0.2, 5.0)),
    smooth("rsqrt", lambda x: 1 / np.sqrt(x), domain=(0.2, 5.0)),
    smooth("sin", np.sin),
    smooth("cos", np.cos),
    smooth("erf", ref.elementwise(math.erf), ulps=(2, 6)),
    smooth("erfc", ref.elementwise(math.erfc), ulps=(3, 6)),
    unary("floor", np.floor, dtypes=(*FLOATS, "int64"), twice=False),
    unary("ceil", np.ceil, dtypes=(*FLOATS, "int64"), twice=False),
    unary("trunc", np.trunc, dtypes=(*FLOATS, "int64"), twice=False),
)
