"""The elementary functions, one per float format, and the table of them."""

from .exponential import (
    exp2_f4,
    exp2_f8,
    exp_f4,
    exp_f8,
    expm1_f4,
    expm1_f8,
    sigmoid_f4,
    sigmoid_f8,
    tanh_f4,
    tanh_f8,
)
from .logarithm import (
    log1p_f4,
    log1p_f8,
    log2_f4,
    log2_f8,
    log10_f4,
    log10_f8,
    log_f4,
    log_f8,
)
from .power import pow_f4, pow_f8, rsqrt_f4, rsqrt_f8
from .scalar import ScalarFunction
from .trigonometric import cos_f4, cos_f8, sin_f4, sin_f8

SCALARS: dict[tuple[str, str], ScalarFunction] = {
    ("exp", "float32"): exp_f4,
    ("exp", "float64"): exp_f8,
    ("exp2", "float32"): exp2_f4,
    ("exp2", "float64"): exp2_f8,
    ("expm1", "float32"): expm1_f4,
    ("expm1", "float64"): expm1_f8,
    ("tanh", "float32"): tanh_f4,
    ("tanh", "float64"): tanh_f8,
    ("sigmoid", "float32"): sigmoid_f4,
    ("sigmoid", "float64"): sigmoid_f8,
    ("log", "float32"): log_f4,
    ("log", "float64"): log_f8,
    ("log2", "float32"): log2_f4,
    ("log2", "float64"): log2_f8,
    ("log10", "float32"): log10_f4,
    ("log10", "float64"): log10_f8,
    ("log1p", "float32"): log1p_f4,
    ("log1p", "float64"): log1p_f8,
    ("sin", "float32"): sin_f4,
    ("sin", "float64"): sin_f8,
    ("cos", "float32"): cos_f4,
    ("cos", "float64"): cos_f8,
    ("pow", "float32"): pow_f4,
    ("pow", "float64"): pow_f8,
    ("rsqrt", "float32"): rsqrt_f4,
    ("rsqrt", "float64"): rsqrt_f8,
}
"""(name, dtype name) -> the function to call from compiled code."""
