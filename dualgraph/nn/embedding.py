"""Tables of trained rows; the functions are in `functional.embedding`."""

from typing import Any

from ..eager.modes import no_grad
from ..errors import ArgumentError, ShapeError
from ..ops.build import need
from ..ops.create.creation import arange, zeros
from ..ops.elementwise.pointwise import ne, where
from ..ops.shape.views import unsqueeze
from . import functional as F, init
from .module import Module
from .parameter import Parameter

Tensor = Any


class _Table(Module):
    """What both share: the table, drawn from the normal distribution, its padding row zero."""

    weight: Parameter
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool

    def _make(
        self, rows: int, width: int, padding_idx: int | None, given: Tensor | None, **made: Any
    ) -> None:
        self.num_embeddings = rows
        self.embedding_dim = width
        self.padding_idx = padding_idx
        if padding_idx is not None:
            if not -rows <= padding_idx < rows:
                raise ArgumentError(f"padding_idx {padding_idx} is out of range for {rows} rows")
            self.padding_idx = padding_idx % rows
        if given is not None:
            need(
                tuple(given.shape) == (rows, width),
                f"{type(self).__name__}: a table of shape {tuple(given.shape)} is not {rows} rows "
                f"of {width}",
            )
            self.weight = Parameter(given)
            return
        self.weight = Parameter(zeros(rows, width, **made))
        self.reset_parameters()

    def _said(self) -> list[str]:
        """Return what is printed of the options that both have."""
        return [
            "" if self.max_norm is None else f"max_norm={self.max_norm}",
            "" if self.norm_type == 2.0 else f"norm_type={self.norm_type}",
            "scale_grad_by_freq=True" if self.scale_grad_by_freq else "",
        ]

    def _padding_said(self) -> list[str]:
        return [] if self.padding_idx is None else [f"padding_idx={self.padding_idx}"]

    def _sizes_and(self, options: list[str]) -> str:
        sizes = f"{self.num_embeddings}, {self.embedding_dim}"
        return ", ".join([sizes, *(option for option in options if option)])

    def reset_parameters(self) -> None:
        """Draw new starting values from the default generator."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            kept = unsqueeze(ne(arange(self.num_embeddings), self.padding_idx), 1)
            values = self.weight.detach()
            with no_grad():
                self.weight.copy_(where(kept, values, 0.0))


def _sizes(layer: type, table: Tensor) -> tuple[int, int]:
    if table.ndim != 2:
        raise ShapeError(
            f"{layer.__name__}.from_pretrained: expected a table (rows, features), got shape "
            f"{tuple(table.shape)}"
        )
    return table.shape[0], table.shape[1]


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
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        made = {"device": device, "dtype": dtype}
        self._make(num_embeddings, embedding_dim, padding_idx, _weight, **made)
        self.weight.requires_grad_(not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> "Embedding":
        """Return a layer on a table (V, D), whose memory it shares; not trained if ``freeze``."""
        sizes = _sizes(cls, embeddings)
        options = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        return cls(*sizes, *options, _weight=embeddings, _freeze=freeze)

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
        options = [*self._padding_said(), *self._said(), "sparse=True" if self.sparse else ""]
        return self._sizes_and(options)


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
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        made = {"device": device, "dtype": dtype}
        self._make(num_embeddings, embedding_dim, padding_idx, _weight, **made)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> "EmbeddingBag":
        """Return a layer on a table (V, D), whose memory it shares; not trained if ``freeze``."""
        sizes = _sizes(cls, embeddings)
        options = max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings
        made = cls(*sizes, *options, include_last_offset, padding_idx)
        made.weight.requires_grad_(not freeze)
        return made

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
        return self._sizes_and([*self._said(), f"mode={self.mode!r}", *self._padding_said()])
