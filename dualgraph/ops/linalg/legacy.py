"""The older forms of functions of `linalg`, under PyTorch's top-level names."""

from typing import NamedTuple

from ..build import Tensor, need, need_tensors
from ..contract import products
from ..create.creation import zeros
from . import factorizations, spectral
from .factorizations import QR
from .matrices import mT


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Return `linalg.cholesky` of the input."""
    return factorizations.cholesky(input, upper=upper)


def qr(input: Tensor, some: bool = True) -> QR:
    """Return `linalg.qr`, reduced or (``some=False``) complete."""
    return factorizations.qr(input, "reduced" if some else "complete")


class SVDWithV(NamedTuple):
    """The result of the top-level `svd`: V itself, not its transpose."""

    U: Tensor
    S: Tensor
    V: Tensor


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> SVDWithV:
    """Return U, S and V with ``(U * S) @ V.mT == input``; see `linalg.svd`."""
    if compute_uv:
        u, s, vh = spectral.svd(input, not some)
        return SVDWithV(u, s, mT(vh))
    m, n = input.value.shape[-2:]
    batch, dtype = input.value.shape[:-2], input.value.dtype
    empty = (zeros(*batch, e, e, dtype=dtype) for e in (m, n))
    return SVDWithV(next(empty), spectral.svdvals(input), next(empty))


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the cross products along an axis of extent 3: by default the first such axis."""
    need_tensors("cross", input, other)
    if dim is None:
        shape = tuple(input.value.shape)
        need(3 in shape, f"cross: no axis of shape {shape} has the extent 3")
        dim = shape.index(3)
    return products.cross(input, other, dim=dim)
