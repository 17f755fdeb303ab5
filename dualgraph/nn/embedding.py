"""Tables of trained rows; the functions are in `functional.embedding`."""

from typing import Any

from ..eager.modes import no_grad
from ..errors import ArgumentError, at_user_line
from ..ops.creation import arange, zeros
from ..ops.elementwise import ne, where
from ..ops.shape import unsqueeze
from . import functional as F, init
from .module import Module
from .parameter import Parameter

Tensor = Any


class _Table(Module):
    """What both share: the table, drawn from the normal distribution, its padding row zero."""

    weight: Parameter
    padding_idx: int | None

    def _make(self, rows: int, width: int, padding_idx: int | None, dtype: Any) -> None:
        self.num_embeddings = rows
        self.embedding_dim = width
        self.padding_idx = padding_idx
        if padding_idx is not None:
            if not -rows <= padding_idx < rows:
                raise ArgumentError(
                    at_user_line(f"padding_idx {padding_idx} is out of range for {rows} rows")
                )
            self.padding_idx = padding_idx % rows
        self.weight = Parameter(zeros(rows, width, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting values from the default generator."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            kept = unsqueeze(ne(arange(self.num_embeddings), self.padding_idx), 1)
            values = self.weight.detach()
            with no_grad():
                self.weight.copy_(where(kept, values, 0.0))


class Embedding(_Table):
    """Rows of ``weight`` (V, D) by integer index; arguments as `functional.embedding`.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> nn.Embedding(10, 3)(dg.tensor([[1, 2], [4, 5]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self._make(num_embeddings, embedding_dim, padding_idx, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        said = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            said += f", padding_idx={self.padding_idx}"
        return said if self.max_norm is None else f"{said}, max_norm={self.max_norm}"


class EmbeddingBag(_Table):
    """Sums, means or maxima of rows by bag; arguments as `functional.embedding_bag`."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self._make(num_embeddings, embedding_dim, padding_idx, dtype)

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        said = f"{self.num_embeddings}, {self.embedding_dim}"
        said = said if self.max_norm is None else f"{said}, max_norm={self.max_norm}"
        return f"{said}, mode={self.mode!r}" + (
            f", padding_idx={self.padding_idx}" if self.padding_idx is not None else ""
        )
