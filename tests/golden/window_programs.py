"""Convolutions, pooling, resizing and losses as functions, in the dtypes that layers leave out."""

from typing import Any

import dualgraph as dg
import dualgraph.nn.functional as F
from tests.golden.inputs import leaf, real, whole
from tests.golden.program import Program, families

CONVOLUTIONS = {
    "conv1d": lambda p: F.conv1d(p.x[:, :, 0], p.k[:, :, 0], stride=2, padding=1),
    "conv2d": lambda p: F.conv2d(p.x, p.k, p.b, padding=1),
    "conv2d(groups)": lambda p: F.conv2d(p.x, p.k[:, :2], stride=(1, 2), dilation=2, groups=2),
    "conv3d": lambda p: F.conv3d(p.x[None], p.k[:2, :2, None], dilation=(1, 2, 1)),
    "conv_transpose1d": lambda p: F.conv_transpose1d(p.x[:, :, 0], p.k[:, :, 0], stride=2),
    "conv_transpose2d": lambda p: F.conv_transpose2d(p.x, p.k, stride=2, output_padding=1),
    "conv_transpose3d": lambda p: F.conv_transpose3d(p.x[None], p.k[:2, :2, None]),
    "unfold": lambda p: F.unfold(p.x, (2, 3), stride=2),
    "fold": lambda p: F.fold(p.x.reshape(2, 4, 63)[:, :, :30], (6, 7), (2, 2)),
}
POOLING = {
    "max_pool1d": lambda p: F.max_pool1d(p.x[0], 3, 2),
    "max_pool2d": lambda p: F.max_pool2d(p.x, 3, 2, 1, dilation=2, return_indices=True),
    "max_pool3d": lambda p: F.max_pool3d(p.x, 2, ceil_mode=True),
    "avg_pool1d": lambda p: F.avg_pool1d(p.x[0], 3, 2, 1, True, False),
    "avg_pool2d": lambda p: F.avg_pool2d(p.x, 2, 3, 1, True, True, 3),
    "avg_pool3d": lambda p: F.avg_pool3d(p.x, 2),
    "adaptive_avg_pool2d": lambda p: F.adaptive_avg_pool2d(p.x, (4, 3)),
    "adaptive_max_pool2d": lambda p: F.adaptive_max_pool2d(p.x, (4, 3)),
    "lp_pool2d": lambda p: F.lp_pool2d(p.x, 3, 2),
    "max_unpool2d": lambda p: F.max_unpool2d(
        *F.max_pool2d(p.x[:, :, :8, :6], 2, return_indices=True), 2
    ),
    "adaptive_pool1d": lambda p: [
        dg.adaptive_avg_pool1d(p.x[0], 3),
        F.adaptive_max_pool1d(p.x[0], 4),
    ],
    "adaptive_pool3d": lambda p: [F.adaptive_avg_pool3d(p.x, 3), F.adaptive_max_pool3d(p.x, 3)],
    "lp_pool1d": lambda p: [F.lp_pool1d(p.x[0], 2, 2), F.lp_pool3d(p.x, 2, 2)],
    "max_unpool1d": lambda p: F.max_unpool1d(
        *F.max_pool1d(p.x[0, :, :, :6], 2, return_indices=True), 2
    ),
    "max_unpool3d": lambda p: F.max_unpool3d(
        *F.max_pool3d(p.x[:, :, :8, :6], 2, return_indices=True), 2
    ),
    "fractional_max_pool3d": lambda p: F.fractional_max_pool3d_with_indices(
        p.x, 2, (2, 3, 3), _random_samples=p.u3
    ),
    "fractional_max_pool2d": lambda p: F.fractional_max_pool2d_with_indices(
        p.x, 2, (3, 3), _random_samples=p.u
    ),
}
RESIZING = {
    **{
        f"interpolate({mode})": lambda p, mode=mode: F.interpolate(p.x, (5, 9), mode=mode)
        for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
    },
    "interpolate(factor)": lambda p: F.interpolate(p.x, scale_factor=0.6, mode="bilinear"),
    "interpolate(corners)": lambda p: F.interpolate(
        p.x, (12, 4), mode="bicubic", align_corners=True
    ),
    "upsample": lambda p: F.upsample(p.x, scale_factor=2, mode="nearest"),
    "grid_sample": lambda p: F.grid_sample(p.x, p.grid, align_corners=False),
    "grid_sample(reflection)": lambda p: F.grid_sample(
        p.x, p.grid, "bicubic", "reflection", align_corners=True
    ),
    "grid_sample(nearest)": lambda p: F.grid_sample(
        p.x, p.grid, "nearest", "border", align_corners=False
    ),
    "affine_grid": lambda p: F.affine_grid(p.theta, [2, 1, 3, 4], align_corners=False),
}
NORMS = {
    "batch_norm": lambda p: F.batch_norm(p.x, None, None, p.b, p.b, training=True),
    "layer_norm": lambda p: F.layer_norm(p.x, (7,), p.k[0, 0, 0, :1].expand(7)),
    "rms_norm": lambda p: F.rms_norm(p.x, (7,)),
    "group_norm": lambda p: F.group_norm(p.x, 2, p.b),
    "instance_norm": lambda p: F.instance_norm(p.x),
    "local_response_norm": lambda p: F.local_response_norm(p.x, 3),
    "normalize": lambda p: F.normalize(p.x, 2.0, 1),
    "gumbel-free softmin": lambda p: F.softmin(p.x, 2),
}
LOSSES = {
    "cross_entropy": lambda p: F.cross_entropy(p.z, p.c, label_smoothing=0.1),
    "cross_entropy(soft)": lambda p: F.cross_entropy(p.z, p.soft, reduction="sum"),
    "nll_loss": lambda p: F.nll_loss(dg.log_softmax(p.z, 1), p.c, reduction="none"),
    "mse_loss": lambda p: F.mse_loss(p.z, p.soft),
    "l1_loss": lambda p: F.l1_loss(p.z, p.soft, reduction="none"),
    "smooth_l1_loss": lambda p: F.smooth_l1_loss(p.z, p.soft),
    "huber_loss": lambda p: F.huber_loss(p.z, p.soft, delta=0.3),
    "binary_cross_entropy": lambda p: F.binary_cross_entropy(p.soft, p.soft.detach().round()),
    "binary_cross_entropy_with_logits": lambda p: F.binary_cross_entropy_with_logits(p.z, p.soft),
    "kl_div": lambda p: F.kl_div(p.z, p.soft, reduction="batchmean"),
    "gaussian_nll_loss": lambda p: F.gaussian_nll_loss(p.z, p.z * 2, p.soft),
    "poisson_nll_loss": lambda p: F.poisson_nll_loss(p.z, p.soft),
    "ctc_loss": lambda p: F.ctc_loss(
        dg.log_softmax(p.z.reshape(7, 2, 6), -1), p.words, (7, 6), (2, 3)
    ),
    "triplet_margin_loss": lambda p: F.triplet_margin_loss(p.z, p.soft, p.z * 0.5),
    "triplet_margin_with_distance_loss": lambda p: F.triplet_margin_with_distance_loss(
        p.z, p.soft, p.z * 0.5, margin=0.5
    ),
    "cosine_embedding_loss": lambda p: F.cosine_embedding_loss(p.z, p.soft, p.sign, margin=0.1),
    "hinge_embedding_loss": lambda p: F.hinge_embedding_loss(p.z[:, 0], p.sign),
    "margin_ranking_loss": lambda p: F.margin_ranking_loss(p.z[:, 0], p.z[:, 1], p.sign),
    "soft_margin_loss": lambda p: F.soft_margin_loss(p.z[:, 0], p.sign),
    "multilabel_margin_loss": lambda p: F.multilabel_margin_loss(p.z[:2], p.labels),
    "multilabel_soft_margin_loss": lambda p: F.multilabel_soft_margin_loss(
        p.z, p.soft.detach().round()
    ),
    "multi_margin_loss": lambda p: F.multi_margin_loss(p.z, p.c),
    "linear_cross_entropy": lambda p: F.linear_cross_entropy(p.z, p.lin, p.c),
}


def pool(dtype: str) -> dict[str, Any]:
    """Images that no tile or window divides."""
    return {
        "x": leaf((2, 4, 9, 7), 111, -1, 1, dtype),
        "k": leaf((4, 4, 3, 3), 112, -0.5, 0.5, dtype),
        "b": leaf((4,), 113, 0.5, 1, dtype),
        "u": real((2, 4, 2), 114, 0, 1, dtype),
        "u3": real((1, 2, 3), 122, 0, 1, dtype),
        "grid": leaf((2, 4, 3, 2), 115, -1.3, 1.3, dtype),
        "theta": leaf((2, 2, 3), 116, -1, 1, dtype),
    }


def loss_pool(dtype: str) -> dict[str, Any]:
    """Scores of six classes, probabilities, and targets."""
    return {
        "z": leaf((14, 6), 117, -2, 2, dtype),
        "soft": leaf((14, 6), 118, 0.05, 0.95, dtype),
        "lin": leaf((5, 6), 119, -1, 1, dtype),
        "c": whole((14,), 120, 0, 5),
        "sign": whole((14,), 123, 0, 2).to(getattr(dg, dtype)) * 2 - 1,
        "labels": dg.tensor([[2, 0, -1, 1, 1, 1], [3, 5, 0, -1, 0, 0]]),
        "words": whole((2, 3), 121, 1, 6),
    }


_CONV = ("conv2d", "conv2d(groups)", "conv_transpose2d")
PROGRAMS: dict[str, Program] = {
    **families("windows.convolutions", CONVOLUTIONS, pool, float64=_CONV, float16=_CONV),
    **families("windows.pooling", POOLING, pool, float64=("max_pool2d", "avg_pool2d")),
    **families("windows.resizing", RESIZING, pool, float64=("interpolate(bilinear)",)),
    **families(
        "windows.norms", NORMS, pool, float64=("batch_norm", "layer_norm"), float16=("layer_norm",)
    ),
}
EAGER_ONLY: dict[str, Program] = families("functions.losses", LOSSES, loss_pool)
