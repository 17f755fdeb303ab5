"""Rows that complete the module table: every option away from its default, every other module.

Most are compared with PyTorch only (``modes=()``): the programs are those of other rows.
"""

from typing import Any

import numpy as np

from tests.nn.module_row import BOTH, TRAIN, Made, ModuleRow, row

_RNG = np.random.default_rng(6)


def only(name: str, *args: Any, **kwargs: Any) -> ModuleRow:
    """Return a row that is compared with PyTorch, and copied, but not compiled."""
    return row(name, *args, modes=(), **kwargs)


def _numbers(*shape: int) -> np.ndarray:
    return _RNG.normal(size=shape)


_IN_PLACE = {
    "CELU": (0.5,),
    "ELU": (0.5,),
    "Hardtanh": (-0.5, 0.5),
    "Mish": (),
    "ReLU6": (),
    "SELU": (),
    "SiLU": (),
    "Threshold": (0.1, 20.0),
}
ACTIVATIONS = [
    *(only(name, *args, inplace=True) for name, args in _IN_PLACE.items()),
    only("RReLU", 0.1, 0.4, inplace=True, random=True),
    only("Hardsigmoid", inplace=True, why="PyTorch multiplies by a float32 sixth, in float64 too"),
    only("Hardshrink", 0.2),
    only("Softshrink", 0.2),
    only("Softplus", 2.0, 1.0),
]

SHAPES = [
    only("Flatten", 0, 1),
    only("Bilinear", 4, 3, 2, bias=False, inputs=((5, 4), (5, 3))),
    only("CosineSimilarity", -1, 10.0, inputs=((2, 3), (2, 3))),
    only("PairwiseDistance", 1.0, 0.1, True, inputs=((2, 3), (2, 3))),
    only(
        "Upsample", scale_factor=1.6, mode="linear", recompute_scale_factor=True,
        inputs=((1, 2, 4),),
    ),
    only("UpsamplingNearest2d", (4, 5), inputs=((1, 2, 3, 3),)),
    only("UpsamplingBilinear2d", scale_factor=2, inputs=((1, 2, 3, 3),)),
    only("Fold", (5, 6), 2, 2, 1, 2, inputs=((1, 4, 9),)),
    only("Unfold", 2, 2, 1, 2, inputs=((1, 2, 5, 6),)),
    row("Sequential", Made(lambda nn: nn.Linear(4, 3)), Made(lambda nn: nn.Tanh())),
]  # fmt: skip

CONVOLUTIONS = [
    only("Conv1d", 4, 4, 3, 2, 1, groups=2, bias=False, padding_mode="circular",
         inputs=((2, 4, 7),)),
    only("Conv2d", 2, 3, 2, dilation=2, inputs=((1, 2, 5, 6),)),
    only("Conv3d", 2, 4, 2, 2, 1, 2, 2, False, "replicate", inputs=((1, 2, 4, 4, 5),)),
    only("ConvTranspose1d", 2, 2, 3, 2, groups=2, bias=False, dilation=2, inputs=((2, 2, 4),),
         given={"output_size": (12,)}),
    only("ConvTranspose2d", 2, 2, 3, 2, 1, 1, bias=False, dilation=2, inputs=((1, 2, 3, 3),)),
    only("ConvTranspose3d", 2, 2, 2, 2, 1, 0, 2, False, 2, inputs=((1, 2, 2, 2, 3),),
         given={"output_size": (4, 3, 6)}),
    only("ConvTranspose3d", 2, 2, 2, 2, output_padding=1, inputs=((1, 2, 1, 2, 1),)),
]  # fmt: skip

_UNPOOLED = {1: np.array([[[0, 3, 4], [1, 2, 5]]]), 2: np.array([[[[0, 1]]]])}
POOLS = [
    *(only(f"AdaptiveMaxPool{n}d", 2, return_indices=True, inputs=((1, 2, *(4,) * n),))
      for n in (1, 2, 3)),
    only("AvgPool1d", 3, 2, 1, True, False, inputs=((2, 3, 6),)),
    only("AvgPool2d", 2, 3, 1, True, True, 3, inputs=((1, 2, 5, 6),)),
    only("AvgPool3d", 2, 1, 1, True, False, 5, inputs=((1, 2, 3, 3, 4),)),
    only("AvgPool3d", 2, 2, 1, count_include_pad=False, inputs=((1, 2, 3, 3, 4),)),
    *(only(f"LPPool{n}d", 2, 2, 3, True, inputs=((1, 2, *(6,) * n),)) for n in (1, 2, 3)),
    *(only(f"MaxPool{n}d", 2, 2, 1, 2, True, True, inputs=((1, 2, *(6,) * n),))
      for n in (1, 2, 3)),
    only("MaxUnpool1d", 3, 2, 1, inputs=((1, 2, 3), _UNPOOLED[1]), given={"output_size": (6,)}),
    only("MaxUnpool2d", 3, 1, 1, inputs=((1, 1, 1, 2), _UNPOOLED[2]),
         given={"output_size": (1, 2)}),
    only("MaxUnpool3d", 3, 1, 1, inputs=((1, 1, 1, 1, 2), _UNPOOLED[2][None]),
         given={"output_size": (1, 1, 2)}),
    row("FractionalMaxPool2d", 2, (2, 3), return_indices=True, inputs=((2, 3, 5, 6),),
        _random_samples=_RNG.uniform(size=(2, 3, 2)).astype("float32")),
    row("FractionalMaxPool2d", (2, 3), output_ratio=(0.5, 0.6), inputs=((3, 5, 6),), draws=True),
    only("FractionalMaxPool2d", 2, output_ratio=0.6, inputs=((3, 5, 6),),
         _random_samples=_RNG.uniform(size=(1, 3, 2)).astype("float32")),
    row("FractionalMaxPool3d", 2, (1, 2, 3), inputs=((1, 2, 3, 4, 6),),
        _random_samples=_RNG.uniform(size=(1, 2, 3)).astype("float32")),
    only("FractionalMaxPool3d", 2, output_ratio=0.5, return_indices=True,
         inputs=((1, 2, 4, 5, 6),),
         _random_samples=_RNG.uniform(size=(1, 2, 3)).astype("float32")),
]  # fmt: skip

_NORM = {"eps": 0.1, "momentum": 0.3}
NORMS = [
    *(only(f"BatchNorm{n}d", 3, **_NORM, affine=False, inputs=((4, 3, *(2,) * n),))
      for n in (1, 2, 3)),
    *(only(f"BatchNorm{n}d", 3, track_running_stats=False, bias=False,
           inputs=((4, 3, *(2,) * n),)) for n in (1, 3)),
    *(only(f"InstanceNorm{n}d", 3, **_NORM, affine=True, track_running_stats=True, bias=False,
           inputs=((2, 3, *(3,) * n),)) for n in (1, 2, 3)),
    row("InstanceNorm1d", 3, affine=True, track_running_stats=True, modes=BOTH),
    row("InstanceNorm3d", 3, track_running_stats=True, inputs=((2, 3, 2, 2, 2),), modes=BOTH),
    only("GroupNorm", 2, 4, 0.1, bias=False, inputs=((2, 4, 3),)),
    only("LayerNorm", 4, 0.1, False),
    only("LocalResponseNorm", 2, 0.1, 0.5, 2.0, inputs=((2, 4, 3),)),
]  # fmt: skip

_H = _RNG.normal(size=(1, 2, 4)).astype("float32")
RECURRENT = [
    only("RNN", 3, 4, batch_first=True, bidirectional=True, inputs=((2, 5, 3),)),
    only("RNN", 3, 4, 2, dropout=0.5, inputs=((5, 2, 3),), random=True),
    only("GRU", 3, 4, 2, False, True, 0.5, inputs=((2, 4, 3),), random=True),
    row("GRU", 3, 4, 2, dropout=0.5, inputs=((2, 2, 3), (2, 2, 4)), modes=TRAIN, random=True),
    row("RNN", 3, 4, 2, dropout=0.5, inputs=((2, 2, 3),), modes=TRAIN, random=True),
    row("LSTM", 3, 4, bias=False, inputs=((3, 2, 3),), given={"hx": (_H, -_H)}),
    only("LSTMCell", 3, 4, False, inputs=((2, 3),), given={"hx": (_H[0], -_H[0])}),
    only("GRUCell", 3, 4, False, inputs=((2, 3),)),
]

_SHAPES = {
    "Dropout": (3, 4),
    "Dropout1d": (2, 3, 4),
    "Dropout2d": (2, 3, 2, 2),
    "Dropout3d": (2, 3, 2, 2, 2),
    "AlphaDropout": (3, 4),
    "FeatureAlphaDropout": (2, 3, 2, 2),
}
DROPOUT = [
    *(row(n, 0.3, inputs=(shape,), random=True, modes=BOTH) for n, shape in _SHAPES.items()),
    *(only(n, inplace=True, inputs=(shape,), random=True) for n, shape in _SHAPES.items()),
]

_TABLE = _RNG.normal(size=(5, 3)).astype("float32")
_WORDS = np.array([[0, 2, 1], [4, 2, 2]])
EMBEDDINGS = [
    row("Embedding", 5, 3, 1, inputs=(_WORDS,)),
    only("Embedding", 5, 3, None, 0.8, 1.0, True, _weight=_TABLE, inputs=(_WORDS,)),
    row("EmbeddingBag", 5, 3, inputs=(_WORDS,)),
    # PyTorch divides by the count of another row where a repeated one is followed by more
    only("EmbeddingBag", 5, 3, 0.8, 1.0, True, "sum", _weight=_TABLE,
         inputs=(np.array([[0, 1, 2], [4, 4, 4]]),)),
    only("EmbeddingBag", 5, 3, mode="sum", include_last_offset=True, padding_idx=2,
         inputs=(_WORDS.reshape(-1), np.array([0, 4, 6])),
         given={"per_sample_weights": _numbers(6)}),
    only("EmbeddingBag", 5, 3, mode="max", inputs=(_WORDS,)),
]  # fmt: skip


def _layer(kind: str) -> Made:
    return Made(lambda nn: getattr(nn, f"Transformer{kind}Layer")(8, 2, 16, 0.0))


def _stack(kind: str) -> Made:
    return Made(lambda nn: getattr(nn, f"Transformer{kind}")(_layer(kind).of(nn), 1))


_CAUSAL = np.triu(np.ones((3, 3), bool), 1)
_ACROSS = np.zeros((4, 3), bool)
_LAST = np.array([[False, False, True], [False, False, False]])
_FOUR = np.array([[False, False, False, True], [False] * 4])
_TRIANGLE = np.triu(np.ones((4, 4), bool), 1)
_WIDE = np.zeros((3, 4), bool)
ATTENTION = [
    row("MultiheadAttention", 8, 2, inputs=((3, 2, 8),) * 3,
        given={"attn_mask": _CAUSAL, "is_causal": True}),
    only("TransformerEncoderLayer", 8, 2, 16, 0.0, layer_norm_eps=0.1, bias=False,
         inputs=((3, 2, 8),), given={"src_key_padding_mask": _LAST}),
    only("TransformerEncoderLayer", 8, 2, 16, 0.0, inputs=((3, 2, 8),),
         given={"src_mask": _CAUSAL, "is_causal": True}),
    only("TransformerDecoderLayer", 8, 2, 16, 0.0, "gelu", 0.1, True, False, False,
         inputs=((2, 3, 8), (2, 4, 8)),
         given={"tgt_mask": _CAUSAL, "tgt_is_causal": True, "tgt_key_padding_mask": _LAST,
                "memory_mask": _WIDE, "memory_is_causal": False}),
    row("TransformerDecoderLayer", 8, 2, 16, 0.1, inputs=((3, 2, 8), (4, 2, 8)), modes=TRAIN,
        random=True),
    row("TransformerEncoder", _layer("Encoder"), 2, Made(lambda nn: nn.LayerNorm(8)),
        enable_nested_tensor=False, mask_check=False, inputs=((3, 2, 8),), modes=BOTH,
        given={"mask": _CAUSAL, "src_key_padding_mask": _LAST, "is_causal": True}),
    row("TransformerDecoder", _layer("Decoder"), 2, Made(lambda nn: nn.LayerNorm(8)),
        inputs=((3, 2, 8), (4, 2, 8)), modes=BOTH,
        given={"tgt_mask": _CAUSAL, "tgt_is_causal": True, "tgt_key_padding_mask": _LAST,
               "memory_mask": _WIDE, "memory_key_padding_mask": _FOUR,
               "memory_is_causal": False}),
    only("Transformer", 8, 2, 1, 1, 16, 0.0, "gelu", layer_norm_eps=0.1, batch_first=True,
         norm_first=True, bias=False, inputs=((2, 3, 8), (2, 4, 8)),
         given={"src_mask": _CAUSAL, "tgt_mask": _TRIANGLE, "memory_mask": _ACROSS,
                "src_key_padding_mask": _LAST, "tgt_key_padding_mask": _FOUR,
                "memory_key_padding_mask": _LAST, "src_is_causal": True, "tgt_is_causal": True,
                "memory_is_causal": False}),
    row("Transformer", 8, 2, 1, 1, 16, 0.1, inputs=((3, 2, 8), (4, 2, 8)), modes=TRAIN,
        random=True),
    only("Transformer", 8, 2, custom_encoder=_stack("Encoder"), custom_decoder=_stack("Decoder"),
         inputs=((3, 2, 8), (4, 2, 8))),
]  # fmt: skip

OPTIONS = [
    *(ACTIVATIONS + SHAPES + CONVOLUTIONS + POOLS),
    *(NORMS + RECURRENT + DROPOUT + EMBEDDINGS + ATTENTION),
]
