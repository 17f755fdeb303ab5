"""Rows of the losses."""

import math
from typing import Any

import numpy as np

from tests.ops import loss_references as ref
from tests.ops.op_row import Arg, Row, Sample, index, of, s
from tests.ops.rows.functional import functional

WEIGHTS = {"weight", "pos_weight"}
SIGNS = {"dtype": "int64", "domain": (0, 1)}
PROBABILITIES = (0.05, 0.95)


def loss(name: str, *samples: Sample, reference: Any, **more: Any) -> Row:
    """Return the row of a loss."""
    return functional(name, *samples, reference=reference, **more)


def positive(shape: tuple[int, ...]) -> Arg:
    """Make a floating input above zero: weights, variances."""
    return Arg(shape, domain=(0.5, 2.0))


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    """Return the weights of a shape."""
    return np.linspace(0.5, 2.0, math.prod(shape)).reshape(shape)


def scaled(name: str) -> Any:
    """Return a call that makes weights, which have no gradient, from their shapes."""

    def call(api: Any, x: Any, *others: Any, **kwargs: Any) -> Any:
        for k in WEIGHTS & kwargs.keys():
            kwargs[k] = api.tensor(numbers(kwargs[k]).tolist(), dtype=x.dtype)
        return getattr(api.nn.functional, name)(x, *others, **kwargs)

    return call


def by_scale(f: Any) -> Any:
    """Return the reference of such a call."""

    def reference(*arrays: Any, **kwargs: Any) -> Any:
        return f(*arrays, **{k: numbers(v) if k in WEIGHTS else v for k, v in kwargs.items()})

    return reference


def signs(y: Any) -> Any:
    """Return -1 and 1 for 0 and 1."""
    return 2 * y - 1


def signed(name: str) -> Any:
    """Return a call whose last tensor becomes signs."""
    return lambda api, *tensors, **kw: getattr(api.nn.functional, name)(
        *tensors[:-1], signs(tensors[-1]), **kw
    )


def against_signs(f: Any) -> Any:
    """Return the reference of such a call."""
    return lambda *arrays, **kw: f(*arrays[:-1], signs(arrays[-1]), **kw)


def triplet(api: Any, *tensors: Any, norm: float = 2, **kw: Any) -> Any:
    """Call it with the norm by its own name."""
    return api.nn.functional.triplet_margin_loss(*tensors, p=norm, **kw)


def triplet_by_distance(api: Any, *tensors: Any, near: bool = False, **kw: Any) -> Any:
    """Call it with a distance of the caller's, or without."""
    distance = (lambda x, y: (x - y).square().sum(-1)) if near else None
    return api.nn.functional.triplet_margin_with_distance_loss(
        *tensors, distance_function=distance, **kw
    )


def triplet_by_distance_reference(a: Any, p: Any, n: Any, near: bool = False, **kw: Any) -> Any:
    """Take squared distances, or the 2-norm."""
    if not near:
        return ref.triplet(a, p, n, **kw)
    far, close = (np.sum((a - x) ** 2, -1) for x in (n, p))
    return ref.reduced(np.maximum(0, close - far + 1.0))


def ctc(api: Any, x: Any, **kw: Any) -> Any:
    """Call it behind a log_softmax, with the labels as a tensor."""
    labels, frames, lengths = (kw.pop(k) for k in ("labels", "frames", "lengths"))
    labels = api.tensor(labels)
    if kw.pop("tensors", False):
        frames, lengths = api.tensor(frames), api.tensor(lengths)
    return api.nn.functional.ctc_loss(x.log_softmax(-1), labels, frames, lengths, **kw)


def ctc_reference(x: Any, tensors: bool = False, **kw: Any) -> Any:
    """Enumerate alignments."""
    return ref.ctc(x, *(kw.pop(k) for k in ("labels", "frames", "lengths")), **kw)


def labels(api: Any, x: Any, target: tuple[Any, ...], **kw: Any) -> Any:
    """Call multilabel_margin_loss with a list of labels."""
    return api.nn.functional.multilabel_margin_loss(x, api.tensor(target), **kw)


PAIRS = (
    s((3, 4), (3, 4)),
    s((2, 3), of((2, 3), "columns"), reduction="none"),
)
WEIGHTED = (s((3, 4), (3, 4), weight=(3, 4)), s((5,), of((5,), "steps"), reduction="sum"))
ROWS: tuple[Row, ...] = (
    loss(
        "mse_loss",
        *PAIRS,
        *WEIGHTED,
        reference=by_scale(ref.pairwise(lambda x, y: (x - y) ** 2)),
        call=scaled("mse_loss"),
    ),
    loss(
        "l1_loss",
        *PAIRS,
        *WEIGHTED,
        reference=by_scale(ref.pairwise(lambda x, y: np.abs(x - y))),
        call=scaled("l1_loss"),
        twice=False,
    ),
    loss(
        "huber_loss",
        *PAIRS,
        s((3, 4), (3, 4), weight=(3, 4), delta=0.5),
        reference=by_scale(
            lambda x, y, weight=1.0, delta=1.0, **kw: ref.reduced(
                ref.huber(x - y, delta) * weight, **kw
            )
        ),
        call=scaled("huber_loss"),
    ),
    loss(
        "smooth_l1_loss",
        *PAIRS,
        s((3, 4), (3, 4), beta=0.5, reduction="sum"),
        s((3,), (3,), beta=0),
        reference=ref.pairwise(ref.smooth_l1),
    ),
    loss(
        "binary_cross_entropy",
        *PAIRS,
        s((3, 4), (3, 4), weight=(4,), reduction="sum"),
        reference=by_scale(
            lambda x, y, weight=1.0, **kw: ref.reduced(ref.bce(x, y) * weight, **kw)
        ),
        call=scaled("binary_cross_entropy"),
        domain=PROBABILITIES,
    ),
    loss(
        "binary_cross_entropy_with_logits",
        *PAIRS,
        s((3, 4), (3, 4), weight=(4,), reduction="sum"),
        s((3, 4), (3, 4), weight=(3, 4), pos_weight=(4,)),
        reference=by_scale(
            lambda x, y, weight=1.0, pos_weight=1.0, **kw: ref.reduced(
                (pos_weight * y * ref.softplus(-x) + (1 - y) * ref.softplus(x)) * weight, **kw
            )
        ),
        call=scaled("binary_cross_entropy_with_logits"),
    ),
    loss(
        "soft_margin_loss",
        s((3, 4), Arg((3, 4), **SIGNS)),
        s((5,), Arg((5,), **SIGNS), reduction="none"),
        reference=against_signs(lambda x, y, **kw: ref.reduced(ref.softplus(-x * y), **kw)),
        call=signed("soft_margin_loss"),
    ),
    loss(
        "multilabel_soft_margin_loss",
        s((3, 4), Arg((3, 4), **SIGNS)),
        s((3, 4), Arg((3, 4), **SIGNS), weight=(4,), reduction="none"),
        reference=by_scale(ref.multilabel_soft),
        call=scaled("multilabel_soft_margin_loss"),
    ),
    loss(
        "kl_div",
        *(
            s((3, 4), Arg((3, 4), domain=PROBABILITIES), reduction=r)
            for r in ("mean", "batchmean", "none")
        ),
        s((3, 4), (3, 4), reduction="sum", log_target=True),
        reference=ref.kl,
    ),
    loss(
        "gaussian_nll_loss",
        s((3, 4), (3, 4), positive((3, 4))),
        s((3, 4), (3, 4), positive((3,)), full=True, reduction="sum"),
        s((3, 4), (3, 4), positive((3, 1)), reduction="none"),
        reference=ref.gaussian,
    ),
    loss(
        "poisson_nll_loss",
        s((3, 4), Arg((3, 4), domain=(0.5, 4.0)), full=True),
        s((3, 4), positive((3, 4)), reduction="sum"),
        s(positive((3, 4)), positive((3, 4)), log_input=False, reduction="none"),
        reference=ref.poisson,
    ),
    loss(
        "hinge_embedding_loss",
        s((3, 4), Arg((3, 4), **SIGNS)),
        s((5,), Arg((5,), **SIGNS), margin=0.5, reduction="none"),
        reference=against_signs(ref.hinge),
        call=signed("hinge_embedding_loss"),
        twice=False,
    ),
    loss(
        "margin_ranking_loss",
        s((4,), (4,), Arg((4,), **SIGNS)),
        s((3, 4), (3, 4), Arg((3, 4), **SIGNS), margin=0.5, reduction="none"),
        reference=against_signs(
            lambda a, b, y, margin=0, **kw: ref.reduced(np.maximum(0, margin - y * (a - b)), **kw)
        ),
        call=signed("margin_ranking_loss"),
        twice=False,
    ),
    loss(
        "triplet_margin_loss",
        s((3, 4), (3, 4), (3, 4)),
        s((3, 4), (3, 4), (3, 4), swap=True, norm=1, reduction="none"),
        s((3, 4), (3, 4), (3, 4), norm=3, margin=2.0, reduction="sum"),
        s((4,), (4,), (4,), norm=float("inf"), margin=3.0),
        reference=ref.triplet,
        call=triplet,
        rtol=1e-5,
        twice=False,
    ),
    loss(
        "triplet_margin_with_distance_loss",
        s((3, 4), (3, 4), (3, 4), swap=True, margin=2.0),
        s((3, 4), (3, 4), (3, 4), near=True),
        reference=triplet_by_distance_reference,
        call=triplet_by_distance,
    ),
    loss(
        "cosine_embedding_loss",
        s((3, 4), (3, 4), Arg((3,), **SIGNS)),
        s((4,), (4,), Arg((), **SIGNS), reduction="sum"),
        s((6, 4), (6, 4), Arg((6,), **SIGNS), margin=0.1, reduction="none"),
        reference=against_signs(ref.cosine_embedding),
        call=signed("cosine_embedding_loss"),
    ),
    loss(
        "multi_margin_loss",
        s((3, 4), index((3,), 4)),
        s((3, 4), index((3,), 4), weight=(4,), p=2, margin=0.5, reduction="sum"),
        s((4,), index((), 4), reduction="none"),
        reference=by_scale(ref.multi_margin),
        call=scaled("multi_margin_loss"),
        twice=False,
    ),
    loss(
        "multilabel_margin_loss",
        s((2, 4), target=((3, 0, -1, 1), (2, 1, 0, 3))),
        s((4,), target=(1, -1, 0, 2), reduction="none"),
        reference=lambda x, target, **kw: ref.multilabel_margin(x, target, **kw),
        call=labels,
        twice=False,
    ),
    loss(
        "cross_entropy",
        s((3, 4), index((3,), 4)),
        s((4,), index((), 4)),
        s((2, 3, 4), index((2, 4), 3), weight=(3,), reduction="sum"),
        s((5, 3), index((5,), 3), reduction="none", ignore_index=2),
        s((6, 3), index((6,), 3), weight=(3,), ignore_index=1, label_smoothing=0.1),
        s((6, 3), index((6,), 3), label_smoothing=0.1),
        s((2, 3, 4), Arg((2, 3, 4), domain=PROBABILITIES), weight=(3,), label_smoothing=0.2),
        s((3, 4), Arg((3, 4), domain=PROBABILITIES), reduction="none"),
        reference=by_scale(ref.cross_entropy),
        call=scaled("cross_entropy"),
    ),
    loss(
        "linear_cross_entropy",
        s((3, 4), (5, 4), index((3,), 5)),
        s((2, 4), (3, 2, 4), index((2, 2), 3), weight=(3,), reduction="sum", label_smoothing=0.1),
        reference=by_scale(
            lambda x, w, y, **kw: ref.cross_entropy(np.einsum("c...i,ni->nc...", w, x), y, **kw)
        ),
        call=scaled("linear_cross_entropy"),
    ),
    loss(
        "nll_loss",
        s((3, 4), index((3,), 4)),
        s((4,), index((), 4), reduction="sum"),
        s((2, 3, 4), index((2, 4), 3), weight=(3,), ignore_index=0),
        s((2, 3, 2, 2), index((2, 2, 2), 3), reduction="none"),
        reference=by_scale(ref.nll),
        call=scaled("nll_loss"),
        twice=False,
    ),
    loss(
        "ctc_loss",
        s((5, 2, 3), labels=((1, 1), (2, 0)), frames=(5, 3), lengths=(2, 1)),
        s(
            (4, 2, 3),
            labels=(2, 1, 1),
            frames=(4, 4),
            lengths=(2, 1),
            tensors=True,
            reduction="sum",
        ),
        s((4, 3), labels=(0, 1), frames=(4,), lengths=(2,), blank=2, reduction="none"),
        reference=ctc_reference,
        call=ctc,
        twice=False,
    ),
)
