"""Batch norms, and the base by which they are known."""

from ..normalization import (
    BatchNorm1d as BatchNorm1d,
    BatchNorm2d as BatchNorm2d,
    BatchNorm3d as BatchNorm3d,
    _BatchNorm as _BatchNorm,
)
