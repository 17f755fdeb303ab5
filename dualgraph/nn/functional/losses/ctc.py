"""The loss of label sequences without alignment."""

from typing import Any

from ....core.dispatch import apply
from ....core.op import NONDIFF, defop, refuse
from ....core.types import Aval, int64
from ....eager.construct import tensor
from ....errors import DTypeError, ShapeError
from ....numerics.facts.routine import Routine
from ....ops.build import Tensor, is_tensor, need, need_index
from ....ops.elementwise.pointwise import cast, clamp, div
from ....ops.shape.views import reshape, unsqueeze
from .common import check_floating, check_reduction, check_tensors, reduced


def _infer_loss(scores: Any, labels: Any, frames: Any, lengths: Any, **static: Any) -> Aval:
    _check_types(scores, labels, frames, lengths)
    return Aval((scores.shape[1],), scores.dtype)


def _infer_gradient(scores: Any, labels: Any, frames: Any, lengths: Any, g: Any, **s: Any) -> Aval:
    _check_types(scores, labels, frames, lengths)
    return Aval(tuple(scores.shape), scores.dtype)


def _check_types(scores: Any, *integers: Any) -> None:
    if scores.dtype.name not in ("float32", "float64") or {i.dtype for i in integers} != {int64}:
        raise DTypeError(
            "ctc_loss: log_probs must be float32 or float64 and targets and lengths int64, got "
            f"{', '.join(x.dtype.name for x in (scores, *integers))}"
        )


_CTC_GRADIENT = defop(
    "ctc_loss_backward",
    inputs="log_probs targets input_lengths target_lengths g",
    infer=_infer_gradient,
    lower=Routine("ctc_loss_backward", may_fail=True),
    vjp=(
        refuse("ctc_loss can be differentiated once, as in PyTorch"),
        NONDIFF,
        NONDIFF,
        NONDIFF,
        refuse("ctc_loss can be differentiated once, as in PyTorch"),
    ),
)
_CTC = defop(
    "ctc_loss",
    inputs="log_probs targets input_lengths target_lengths",
    infer=_infer_loss,
    lower=Routine("ctc_loss", may_fail=True),
    vjp=(
        lambda g, log_probs, targets, input_lengths, target_lengths, *, blank, zero_infinity: apply(
            _CTC_GRADIENT,
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            g,
            blank=blank,
            zero_infinity=zero_infinity,
        ),
        NONDIFF,
        NONDIFF,
        NONDIFF,
    ),
)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return minus the log-probability of label sequences over all alignments to frames.

    ``log_probs`` is (T, N, C) or (T, C), from `log_softmax`; ``targets`` (N, S), padded, or all
    labels one after another in one axis; the lengths are integer tensors, tuples or lists of N.
    ``blank`` is the class between labels. The mean divides each loss by its target's length, then
    averages. A target that cannot fit its frames has the loss inf; ``zero_infinity`` makes it and
    its gradient 0. The gradient is that of scores behind a softmax, exp(log_probs) - posterior, as
    PyTorch's. Raises `AxisError` for a label or a length out of range.
    Source: Graves et al., "Connectionist temporal classification" (2006).
    """
    check_floating("ctc_loss", log_probs=log_probs)
    check_tensors("ctc_loss", targets=targets)
    check_reduction("ctc_loss", reduction)
    need(
        log_probs.value.ndim in (2, 3),
        f"ctc_loss: log_probs must be (T, N, C) or (T, C), got {tuple(log_probs.value.shape)}",
    )
    single = log_probs.value.ndim == 2
    scores = unsqueeze(log_probs, 1) if single else log_probs
    _, batch, classes = scores.value.shape
    need(0 <= blank < classes, f"ctc_loss: blank must lie in [0, {classes}), got {blank}")
    frames = _lengths("input_lengths", input_lengths, batch)
    lengths = _lengths("target_lengths", target_lengths, batch)
    labels = _labels(targets, batch)
    loss = apply(
        _CTC, scores, labels, frames, lengths, blank=int(blank), zero_infinity=bool(zero_infinity)
    )
    if reduction == "mean":
        loss = div(loss, cast(clamp(lengths, min=1), loss.value.dtype))
    out = reduced("ctc_loss", loss, reduction)
    return reshape(out, ()) if single else out


def _labels(targets: Tensor, batch: int) -> Tensor:
    labels, shape = need_index("ctc_loss", targets), tuple(targets.value.shape)
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[0] != batch):
        raise ShapeError(
            f"ctc_loss: targets of shape {shape} do not fit a batch of {batch}: "
            f"expected ({batch}, S), or one axis with all labels"
        )
    return labels


def _lengths(name: str, given: Any, batch: int) -> Tensor:
    """Return one int64 length for each sample."""
    if not is_tensor(given):
        given = tensor([given] if isinstance(given, int) else list(given), dtype=int64)
    lengths = reshape(need_index("ctc_loss", given), (-1,))
    if lengths.value.shape != (batch,):
        raise ShapeError(
            f"ctc_loss: {name} has shape {tuple(given.value.shape)}, expected ({batch},)"
        )
    return lengths
