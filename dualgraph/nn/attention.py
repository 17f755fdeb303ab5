"""Multi-head attention."""

from typing import Any

from ..errors import ShapeError
from ..ops.build import need
from ..ops.create.creation import zeros
from ..ops.reduce.reductions import mean
from ..ops.shape.views import squeeze, transpose
from . import init
from .functional.multihead import Masks, Projections, batch_first, multihead
from .layers import Linear
from .module import Module
from .parameter import Parameter

Tensor = Any
_NAME = "MultiheadAttention"


class NonDynamicallyQuantizableLinear(Linear):
    """`Linear` by the name that PyTorch prints."""


class MultiheadAttention(Module):
    """Attention of several heads side by side (Vaswani et al. 2017).

    Shapes: query (L, N, E), key (S, N, kdim), value (S, N, vdim); with ``batch_first`` N comes
    first, and without a batch it is absent. Parameters have PyTorch's names: ``in_proj_weight``
    (3 E, E), or ``q_proj_weight``, ``k_proj_weight`` and ``v_proj_weight`` where kdim or vdim
    differ; ``in_proj_bias``, ``bias_k``, ``bias_v``, ``out_proj``.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> x = dg.ones(5, 2, 8)
    >>> out, weights = nn.MultiheadAttention(8, 4)(x, x, x)
    >>> out.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        need(
            embed_dim > 0 and num_heads > 0 and embed_dim % num_heads == 0,
            f"{_NAME}: embed_dim {embed_dim} cannot be cut into {num_heads} heads",
        )
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn

        def made(wanted: bool, *shape: int) -> Parameter | None:
            return Parameter(zeros(shape, dtype=dtype, device=device)) if wanted else None

        same = self.kdim == self.vdim == embed_dim
        self.in_proj_weight = made(same, 3 * embed_dim, embed_dim)
        self.q_proj_weight = made(not same, embed_dim, embed_dim)
        self.k_proj_weight = made(not same, embed_dim, self.kdim)
        self.v_proj_weight = made(not same, embed_dim, self.vdim)
        self.in_proj_bias = made(bias, 3 * embed_dim)
        self.bias_k = made(add_bias_kv, 1, 1, embed_dim)
        self.bias_v = made(add_bias_kv, 1, 1, embed_dim)
        made_like = {"bias": bias, "device": device, "dtype": dtype}
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, **made_like)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting values from the default generator; biases of projections are zero."""
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return (outputs like the query, weights or None).

        ``key_padding_mask`` (N, S) and ``attn_mask`` (L, S) or (N * heads, L, S): bools say what to
        leave out, floats are added to the scores. The weights (N, L, S) are the mean over the heads
        unless ``average_attn_weights`` is false. A row in which nothing takes part is NaN with
        ``need_weights``, else zero. ``is_causal`` says that ``attn_mask`` is the causal one.
        """
        need(
            not is_causal or attn_mask is not None,
            f"{_NAME}: is_causal is a hint about attn_mask, which is needed too",
        )
        batched = query.value.ndim == 3
        self._check(query, key, value)
        rate = self.dropout if self.training else 0.0
        inputs = self._first(batched, query, key, value)
        masks = Masks(key_padding_mask, attn_mask)
        options = self.add_zero_attn, rate, need_weights
        mixed, weights = multihead(inputs, self.num_heads, self._given(), masks, *options)
        out = self.out_proj(mixed)
        if weights is not None:
            weights = mean(weights, 1) if average_attn_weights else weights
            weights = weights if batched else squeeze(weights, 0)
        if not batched:
            return squeeze(out, 0), weights
        return out if self.batch_first else transpose(out, 0, 1), weights

    def _given(self) -> Projections:
        """Return the parameters of what goes in."""
        separate = None
        if self.in_proj_weight is None:
            separate = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        return Projections(
            self.in_proj_weight, separate, self.in_proj_bias, self.bias_k, self.bias_v
        )

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        shapes = [tuple(x.value.shape) for x in (query, key, value)]
        q, k, v = shapes
        ok = len(q) in (2, 3) and len(q) == len(k) == len(v) and k[:-1] == v[:-1]
        if ok and len(q) == 3:
            axis = 0 if self.batch_first else 1
            ok = q[axis] == k[axis]
        if not ok or (q[-1], k[-1], v[-1]) != (self.embed_dim, self.kdim, self.vdim):
            order = (
                "(N, L, E), (N, S, K) and (N, S, V)"
                if self.batch_first
                else ("(L, N, E), (S, N, K) and (S, N, V)")
            )
            raise ShapeError(
                f"{_NAME}: shapes {q}, {k} and {v} do not fit: expected {order}, with E = "
                f"{self.embed_dim}, K = {self.kdim}, V = {self.vdim}"
            )

    def _first(self, batched: bool, *tensors: Tensor) -> list[Tensor]:
        """Return the tensors with the batch first; one that is given twice stays one."""
        return list(tensors) if batched and self.batch_first else batch_first(batched, *tensors)
