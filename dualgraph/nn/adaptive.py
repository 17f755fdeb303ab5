"""Adaptive softmax: frequent classes directly, rare ones through clusters (Grave et al. 2017)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..errors import ShapeError
from ..ops.build import need
from ..ops.elementwise.pointwise import add, clamp, ge, lt, neg, sub, where
from ..ops.index.indexing import gather
from ..ops.reduce.extremes import argmax
from ..ops.reduce.reductions import mean
from ..ops.shape.views import cat, narrow, squeeze, unsqueeze
from . import functional as F
from .containers import ModuleList, Sequential
from .layers import Linear
from .module import Module

Tensor = Any


class _ASMoutput(NamedTuple):
    """The log-probability of each target, and their negative mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of many classes, sorted by how frequent they are, at a lower cost.

    Classes below ``cutoffs[0]`` and one entry for each further cluster are the ``head``; cluster i
    is reached through ``in_features / div_value ** (i + 1)`` features. Called with (N, in_features)
    and targets (N,) it returns ``output`` (N,), the log-probability of each target, and ``loss``,
    the negative mean. Every cluster is computed for every row, so that the graph does not depend on
    the targets. A target out of range is an `AxisError`.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> layer, x = nn.AdaptiveLogSoftmaxWithLoss(32, 20, [5, 10]), dg.ones(3, 32)
    >>> layer(x, dg.tensor([0, 7, 19])).output.shape, layer.log_prob(x).shape
    ((3,), (3, 20))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        kept = list(cutoffs)
        ordered = bool(kept) and kept == sorted(set(kept)) and kept[0] > 0
        need(
            ordered and kept[-1] < n_classes and all(isinstance(c, int) for c in kept),
            "AdaptiveLogSoftmaxWithLoss: cutoffs must be increasing ints between 1 and "
            f"n_classes - 1 = {n_classes - 1}, got {kept}",
        )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*kept, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = kept[0]
        self.n_clusters = len(kept)
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            width = int(in_features // (div_value ** (i + 1)))
            first = Linear(in_features, width, bias=False, **made)
            self.tail.append(Sequential(first, Linear(width, high - low, bias=False, **made)))

    def reset_parameters(self) -> None:
        """Draw new starting values from the default generator."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """Return (output, loss); see the class."""
        x, y = tuple(input_.shape), tuple(target_.shape)
        if x != (*y, self.in_features) or len(y) > 1:
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: input of shape {x} and target of shape {y}, "
                f"expected (N, {self.in_features}) and (N,)"
            )
        input = input_ if y else unsqueeze(input_, 0)
        target = target_ if y else unsqueeze(target_, 0)
        entry, total = target, None
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            entry = where(ge(target, low), self.shortlist_size + i, entry)
            likelihood = F.log_softmax(self.tail[i](input), 1)
            within = clamp(sub(target, low), 0, high - low - 1)
            inside = ge(target, low) & lt(target, high)
            part = where(inside, _chosen(likelihood, within), 0.0)
            total = part if total is None else add(total, part)
        entry = where(ge(target, self.n_classes), self.head_size, entry)  # which is out of range
        output = add(_chosen(F.log_softmax(self.head(input), 1), entry), total)
        loss = mean(neg(output))
        return _ASMoutput(output if y else squeeze(output, 0), loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the log-probabilities (N, n_classes) of all classes."""
        head = F.log_softmax(self.head(input), 1)
        parts = [narrow(head, 1, 0, self.shortlist_size)]
        for i, cluster in enumerate(self.tail):
            share = narrow(head, 1, self.shortlist_size + i, 1)
            parts.append(add(F.log_softmax(cluster(input), 1), share))
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """Return the most probable class (N,) of each row."""
        return argmax(self.log_prob(input), 1)


def _chosen(likelihood: Tensor, index: Tensor) -> Tensor:
    return squeeze(gather(likelihood, 1, unsqueeze(index, 1)), 1)
