"""Rows of the losses: every option away from its default, bit for bit and against PyTorch."""

from typing import Any

import numpy as np

from tests.nn.module_row import ModuleRow, row

_RNG = np.random.default_rng(5)
_WEIGHT = np.array([0.5, 1.5, 2.0, 0.25], "float32")
_CLASSES = np.array([0, 3, 1])
_SIGNS = np.array([1.0, -1.0, 1.0])
_LABELS = np.array([[2, 0, -1, 1], [3, -1, 0, 0], [0, 1, 2, 3]])
_ONES = _RNG.integers(0, 2, (3, 4)).astype(float)
_PART = _RNG.uniform(0.1, 0.9, (3, 4))
_SOFT = _PART / _PART.sum(1, keepdims=True)
X = (3, 4)


def cityblock(x: Any, y: Any) -> Any:
    """A distance that both libraries compute."""
    return (x - y).abs().sum(-1)


def pairs(name: str, *rows: dict[str, Any], **facts: Any) -> list[ModuleRow]:
    """Return rows of a loss: the default, run in both frontends too, and one for each option."""
    first = row(name, **facts)
    return [first, *(row(name, **{**facts, **options}, modes=()) for options in rows)]


_SUM, _NONE = {"reduction": "sum"}, {"reduction": "none"}
_TWO = {"inputs": (X, _PART)}
_LOGS = np.log(np.random.default_rng(1).dirichlet(np.ones(4), (5, 2)))

LOSSES = [
    *pairs("MSELoss", _SUM, **_TWO),
    *pairs("L1Loss", _NONE, **_TWO),
    *pairs("SmoothL1Loss", {"beta": 0.5, **_SUM}, **_TWO),
    *pairs("HuberLoss", {"delta": 0.5, **_NONE}, **_TWO),
    *pairs("BCELoss", {"weight": _WEIGHT, **_SUM}, inputs=(X, _ONES), positive=True),
    *pairs(
        "BCEWithLogitsLoss",
        {"weight": _WEIGHT, "pos_weight": _WEIGHT, **_NONE},
        inputs=(X, _ONES),
    ),
    *pairs(
        "CrossEntropyLoss",
        {"weight": _WEIGHT, "ignore_index": 3, **_SUM},
        {"label_smoothing": 0.2, **_NONE},
        {"inputs": (X, _SOFT)},
        inputs=(X, _CLASSES),
    ),
    *pairs("NLLLoss", {"weight": _WEIGHT, "ignore_index": 3, **_SUM}, inputs=(X, _CLASSES)),
    *pairs("KLDivLoss", {"log_target": True, "reduction": "batchmean"}, inputs=(X, _SOFT)),
    *pairs("GaussianNLLLoss", {"full": True, "eps": 0.5, **_SUM}, inputs=(X, _PART, _PART)),
    *pairs("PoissonNLLLoss", {"full": True, **_SUM}, inputs=(X, _PART)),
    row("PoissonNLLLoss", False, eps=0.1, inputs=(X, _PART), positive=True, modes=()),
    *pairs("SoftMarginLoss", _SUM, inputs=((3,), _SIGNS.astype(int))),
    *pairs("HingeEmbeddingLoss", {"margin": 0.4, **_SUM}, inputs=((3,), _SIGNS)),
    *pairs("MarginRankingLoss", {"margin": 0.4, **_SUM}, inputs=((3,), (3,), _SIGNS)),
    *pairs("CosineEmbeddingLoss", {"margin": 0.4, **_SUM}, inputs=(X, _PART, _SIGNS)),
    *pairs("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": _WEIGHT, **_NONE},
           inputs=(X, _CLASSES)),
    *pairs("MultiLabelMarginLoss", _SUM, inputs=(X, _LABELS)),
    *pairs("MultiLabelSoftMarginLoss", {"weight": _WEIGHT, **_SUM}, inputs=(X, _ONES)),
    *pairs("TripletMarginLoss", {"margin": 0.5, "p": 3.0, "eps": 0.1, "swap": True, **_SUM},
           inputs=(X, _PART, _ONES)),
    *pairs("TripletMarginWithDistanceLoss",
           {"distance_function": cityblock, "margin": 3.0, "swap": True, **_SUM},
           inputs=(X, _PART, _ONES)),
    *pairs("CTCLoss", {"blank": 3, "reduction": "none", "zero_infinity": True},
           inputs=(_LOGS, np.array([[1, 2], [2, 1]]), np.array([5, 4]), np.array([2, 1]))),
    *pairs("LinearCrossEntropyLoss",
           {"bias": True, "weight": _WEIGHT, "ignore_index": 1, "label_smoothing": 0.1, **_SUM},
           args=(4, 4), inputs=(X, _CLASSES)),
    row("LinearCrossEntropyLoss", 4, 5, out_features=(2,), modes=(),
        inputs=(X, np.array([[0, 1], [2, 3], [4, 0]]))),
    row("AdaptiveLogSoftmaxWithLoss", 32, 20, [5, 10], inputs=((4, 32), np.array([0, 7, 19, 10]))),
    row("AdaptiveLogSoftmaxWithLoss", 8, 20, [5], div_value=2.0, head_bias=True, modes=(),
        inputs=((8,), np.array(7))),
]  # fmt: skip
