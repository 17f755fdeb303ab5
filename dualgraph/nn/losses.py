"""Losses as modules; the formulas are in `functional`."""

from collections.abc import Callable
from math import prod
from typing import Any

from ..ops.build import need
from . import functional as F
from .layers import Linear
from .module import Module
from .shaping import PairwiseDistance

Tensor = Any


class _Loss(Module):
    """A loss with options: each is an attribute, and an argument of the function of its name."""

    function: Callable[..., Tensor]
    options: tuple[str, ...] = ("reduction",)

    def _set(self, **options: Any) -> None:
        for name, value in options.items():
            setattr(self, name, value)

    def forward(self, *tensors: Tensor, **named: Tensor) -> Tensor:
        """Return the loss of tensors, given by position or by the function's names."""
        options = {name: getattr(self, name) for name in self.options}
        return type(self).function(*tensors, **named, **options)


class _PlainLoss(_Loss):
    """A loss with a reduction and no other option."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with a weight, which is a buffer, and a reduction."""

    weight: Tensor | None
    options = ("weight", "reduction")

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.reduction = reduction


class MSELoss(_PlainLoss):
    """The squared difference of two tensors: mean, sum, or each element."""

    function = staticmethod(F.mse_loss)


class L1Loss(_PlainLoss):
    """The absolute difference of two tensors: mean, sum, or each element."""

    function = staticmethod(F.l1_loss)


class SoftMarginLoss(_PlainLoss):
    """`functional.soft_margin_loss` as a module."""

    function = staticmethod(F.soft_margin_loss)


class MultiLabelMarginLoss(_PlainLoss):
    """`functional.multilabel_margin_loss` as a module."""

    function = staticmethod(F.multilabel_margin_loss)


class SmoothL1Loss(_Loss):
    """`functional.smooth_l1_loss` as a module."""

    function = staticmethod(F.smooth_l1_loss)
    options = ("reduction", "beta")

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__()
        self._set(reduction=reduction, beta=beta)


class HuberLoss(_Loss):
    """`functional.huber_loss` as a module."""

    function = staticmethod(F.huber_loss)
    options = ("reduction", "delta")

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__()
        self._set(reduction=reduction, delta=delta)


class CrossEntropyLoss(_Loss):
    """The negative log-likelihood of classes under softmax of logits (N, C).

    Options as in `functional.cross_entropy`; ``weight`` becomes a buffer.
    """

    weight: Tensor | None
    function = staticmethod(F.cross_entropy)
    options = ("weight", "ignore_index", "reduction", "label_smoothing")

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self._set(ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)


class LinearCrossEntropyLoss(_Loss):
    """A `Linear` layer and the cross entropy of the classes that it gives.

    Called with inputs (N, in_features) and targets (N, *out_features) of classes, or
    (N, num_classes, *out_features) of probabilities; ``weight`` becomes a buffer.
    """

    weight: Tensor | None

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.num_classes = num_classes
        self._set(reduction=reduction, out_features=out_features, ignore_index=ignore_index)
        self._set(label_smoothing=label_smoothing)
        need(
            options is None, "LinearCrossEntropyLoss: there is one way to compute it: options=None"
        )
        count = prod(out_features, start=num_classes)
        self.linear = Linear(in_features, count, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        names = ("out_features", "bias", "reduction", "ignore_index", "label_smoothing")
        said = {n: getattr(self, n, None) for n in names} | {"bias": self.linear.bias is not None}
        sizes = f"in_features={self.linear.in_features}, num_classes={self.num_classes}"
        return ", ".join([sizes, *(f"{n}={said[n]}" for n in names), "options=None"])


class NLLLoss(_Loss):
    """`functional.nll_loss` as a module; ``weight`` becomes a buffer."""

    weight: Tensor | None
    function = staticmethod(F.nll_loss)
    options = ("weight", "ignore_index", "reduction")

    def __init__(
        self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self._set(ignore_index=ignore_index, reduction=reduction)


class BCELoss(_WeightedLoss):
    """`functional.binary_cross_entropy` as a module; ``weight`` becomes a buffer."""

    function = staticmethod(F.binary_cross_entropy)


class BCEWithLogitsLoss(_Loss):
    """`functional.binary_cross_entropy_with_logits` as a module; the weights become buffers."""

    weight: Tensor | None
    pos_weight: Tensor | None
    function = staticmethod(F.binary_cross_entropy_with_logits)
    options = ("weight", "reduction", "pos_weight")

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)
        self.reduction = reduction


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """`functional.multilabel_soft_margin_loss` as a module; ``weight`` becomes a buffer."""

    function = staticmethod(F.multilabel_soft_margin_loss)


class KLDivLoss(_Loss):
    """`functional.kl_div` as a module."""

    function = staticmethod(F.kl_div)
    options = ("reduction", "log_target")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__()
        self._set(reduction=reduction, log_target=log_target)


class GaussianNLLLoss(_Loss):
    """`functional.gaussian_nll_loss` as a module, called with (input, target, var)."""

    function = staticmethod(F.gaussian_nll_loss)
    options = ("full", "eps", "reduction")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__()
        self._set(full=full, eps=eps, reduction=reduction)


class PoissonNLLLoss(_Loss):
    """`functional.poisson_nll_loss` as a module."""

    function = staticmethod(F.poisson_nll_loss)
    options = ("log_input", "full", "eps", "reduction")

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        *,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self._set(log_input=log_input, full=full, eps=eps, reduction=reduction)


class HingeEmbeddingLoss(_Loss):
    """`functional.hinge_embedding_loss` as a module."""

    function = staticmethod(F.hinge_embedding_loss)
    options = ("margin", "reduction")

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__()
        self._set(margin=margin, reduction=reduction)


class MarginRankingLoss(_Loss):
    """`functional.margin_ranking_loss` as a module."""

    function = staticmethod(F.margin_ranking_loss)
    options = ("margin", "reduction")

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__()
        self._set(margin=margin, reduction=reduction)


class CosineEmbeddingLoss(MarginRankingLoss):
    """`functional.cosine_embedding_loss` as a module."""

    function = staticmethod(F.cosine_embedding_loss)


class MultiMarginLoss(_Loss):
    """`functional.multi_margin_loss` as a module; ``weight`` becomes a buffer."""

    weight: Tensor | None
    function = staticmethod(F.multi_margin_loss)
    options = ("p", "margin", "weight", "reduction")

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self._set(p=p, margin=margin, reduction=reduction)


class TripletMarginLoss(_Loss):
    """`functional.triplet_margin_loss` as a module."""

    function = staticmethod(F.triplet_margin_loss)
    options = ("margin", "p", "eps", "swap", "reduction")

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        need(margin > 0, f"TripletMarginLoss: margin must be positive, got {margin}")
        self._set(margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """`functional.triplet_margin_with_distance_loss` as a module."""

    function = staticmethod(F.triplet_margin_with_distance_loss)
    options = ("distance_function", "margin", "swap", "reduction")

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        distance = PairwiseDistance() if distance_function is None else distance_function
        self._set(distance_function=distance, margin=margin, swap=swap, reduction=reduction)


class CTCLoss(_Loss):
    """`functional.ctc_loss` as a module."""

    function = staticmethod(F.ctc_loss)
    options = ("blank", "reduction", "zero_infinity")

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__()
        self._set(blank=blank, reduction=reduction, zero_infinity=zero_infinity)
