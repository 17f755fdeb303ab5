"""One row for each way of making a module: the arguments, what goes in, in which modes it runs."""

import numpy as np

from tests.nn.module_loss_rows import LOSSES
from tests.nn.module_option_rows import OPTIONS
from tests.nn.module_row import BOTH, TRAIN, row

_PLAIN = (
    "ReLU",
    "ReLU6",
    "Hardtanh",
    "LeakyReLU",
    "ELU",
    "CELU",
    "SELU",
    "GELU",
    "SiLU",
    "Mish",
    "Tanh",
    "Sigmoid",
    "Hardswish",
    "LogSigmoid",
    "Softplus",
    "Softsign",
    "Softshrink",
    "Hardshrink",
    "Tanhshrink",
    "GLU",
    "Identity",
    "Flatten",
)
SIMPLE = [
    *(row(n) for n in _PLAIN),
    row("ReLU", inplace=True, inputs=((3, 4),)),
    row("Hardswish", inplace=True, modes=()),
    row("Hardtanh", -0.5, 0.3, modes=()),
    row("LeakyReLU", 0.2, inplace=True, modes=()),
    row("Threshold", 0.1, 20.0),
    row("Hardsigmoid", why="PyTorch multiplies by a float32 sixth, in float64 too"),
    row("GELU", approximate="tanh"),
    row("RReLU", modes=BOTH, random=True),
    row("PReLU"),
    row("PReLU", 3, 0.1),
    row("Softmax", 1),
    row("Softmax", -1, modes=()),
    row("LogSoftmax", 1),
    row("Softmin", 1),
    row("Softmax2d", inputs=((2, 3, 2, 2),)),
    row("GLU", 1, inputs=((2, 4, 3),), modes=()),
    row("Unflatten", 1, (3, 2), inputs=((2, 6),)),
    row("Linear", 4, 3),
    row("Linear", 4, 3, bias=False, modes=()),
    row("Bilinear", 4, 3, 2, inputs=((5, 4), (5, 3))),
    row("CosineSimilarity", inputs=((2, 3), (2, 3))),
    row("PairwiseDistance", inputs=((2, 3), (2, 3))),
    row("PixelShuffle", 2, inputs=((1, 4, 2, 3),)),
    row("PixelUnshuffle", 2, inputs=((1, 1, 4, 6),)),
    row("ChannelShuffle", 2, inputs=((1, 4, 2),)),
    row("Upsample", scale_factor=2, inputs=((1, 2, 3),)),
    row("Upsample", (4, 5), mode="bilinear", align_corners=True, inputs=((1, 2, 3, 3),)),
    row("UpsamplingNearest2d", scale_factor=2, inputs=((1, 2, 3, 3),)),
    row("UpsamplingBilinear2d", (4, 5), inputs=((1, 2, 3, 3),)),
]

CONVOLUTIONS = [
    row("Conv1d", 3, 4, 3, inputs=((2, 3, 7),)),
    row("Conv1d", 3, 4, 3, padding="same", dilation=2, inputs=((3, 7),), modes=()),
    row("Conv2d", 4, 6, (3, 2), 2, 1, 1, 2, inputs=((2, 4, 5, 6),)),
    row("Conv2d", 2, 3, 3, padding=1, padding_mode="reflect", inputs=((2, 2, 4, 5),)),
    row("Conv2d", 2, 3, (2, 3), padding="same", padding_mode="circular", inputs=((1, 2, 4, 5),)),
    row("Conv2d", 2, 3, 3, padding=1, bias=False, padding_mode="replicate", modes=()),
    row("Conv3d", 2, 3, 2, inputs=((1, 2, 3, 3, 4),)),
    row("ConvTranspose1d", 3, 2, 3, 2, 1, 1, inputs=((2, 3, 4),)),
    row("ConvTranspose2d", 4, 2, 3, 2, groups=2, inputs=((1, 4, 3, 3),)),
    row("ConvTranspose2d", 1, 1, 3, 2, inputs=((1, 1, 3, 3),), given={"output_size": (8, 7)}),
    row("ConvTranspose3d", 2, 2, 2, inputs=((1, 2, 2, 2, 3),)),
    row("Unfold", (2, 3), padding=1, inputs=((1, 2, 4, 5),)),
    row("Fold", (4, 5), (2, 3), inputs=((1, 12, 9),)),
]

POOLS = [
    row("MaxPool1d", 2, inputs=((2, 3, 7),)),
    row("MaxPool2d", 3, 2, 1, inputs=((2, 3, 5, 6),)),
    row("MaxPool2d", 2, return_indices=True, inputs=((1, 2, 4, 4),)),
    row("MaxPool3d", 2, inputs=((1, 2, 4, 4, 5),)),
    row("AvgPool1d", 3, 2, 1, inputs=((2, 3, 7),)),
    row("AvgPool2d", 2, count_include_pad=False, padding=1, inputs=((2, 3, 5, 6),)),
    row("AvgPool3d", 2, inputs=((1, 2, 4, 4, 5),)),
    row("LPPool1d", 2, 3, inputs=((2, 3, 7),)),
    row("LPPool2d", 2, 2, inputs=((1, 2, 4, 4),)),
    row("LPPool3d", 2, 2, inputs=((1, 2, 4, 4, 4),)),
    row("AdaptiveAvgPool1d", 3, inputs=((2, 3, 7),)),
    row("AdaptiveAvgPool2d", (2, None), inputs=((1, 2, 5, 4),)),
    row("AdaptiveAvgPool3d", 2, inputs=((1, 2, 4, 4, 5),)),
    row("AdaptiveMaxPool1d", 3, inputs=((2, 3, 7),)),
    row("AdaptiveMaxPool2d", (3, 2), inputs=((1, 2, 5, 4),)),
    row("AdaptiveMaxPool3d", 2, inputs=((1, 2, 4, 4, 5),)),
    row("MaxUnpool1d", 2, inputs=((1, 2, 3), np.array([[[0, 3, 5], [1, 2, 4]]]))),
    row("MaxUnpool2d", 2, inputs=((1, 1, 1, 2), np.array([[[[0, 7]]]]))),
    row("MaxUnpool3d", 2, inputs=((1, 1, 1, 1, 2), np.array([[[[[0, 15]]]]]))),
]

_PAD_INPUTS = {1: (2, 3, 5), 2: (1, 2, 4, 5), 3: (1, 2, 3, 4, 5)}
PADS = [
    row(f"{kind}Pad{n}d", *value, inputs=(shape,))
    for kind, value in {
        "Zero": (1,),
        "Constant": (2, 3.5),
        "Reflection": (2,),
        "Replication": (1,),
        "Circular": (1,),
    }.items()
    for n, shape in _PAD_INPUTS.items()
]
PADS.append(row("ZeroPad2d", (1, -1, 2, 0), inputs=((1, 2, 4, 5),), modes=()))

NORMS = [
    row("BatchNorm1d", 3, modes=BOTH),
    row("BatchNorm1d", 3, momentum=None, inputs=((5, 3),), modes=TRAIN),
    row("BatchNorm2d", 3, affine=False, inputs=((2, 3, 2, 2),), modes=TRAIN),
    row("BatchNorm2d", 3, bias=False, inputs=((2, 3, 2, 2),), modes=()),
    row("BatchNorm2d", 3, track_running_stats=False, inputs=((2, 3, 2, 2),)),
    row("BatchNorm3d", 3, inputs=((2, 3, 2, 2, 2),), modes=BOTH),
    row("GroupNorm", 2, 4, inputs=((2, 4, 3),)),
    row("GroupNorm", 2, 4, affine=False, inputs=((2, 4, 3),), modes=()),
    row("InstanceNorm1d", 3),
    row("InstanceNorm1d", 2, inputs=((2, 3),), modes=()),
    row(
        "InstanceNorm2d",
        3,
        affine=True,
        track_running_stats=True,
        inputs=((2, 3, 2, 2),),
        modes=BOTH,
    ),
    row("InstanceNorm3d", 3, inputs=((2, 3, 2, 2, 2),), modes=()),
    row("LayerNorm", 4),
    row("LayerNorm", (3, 4), bias=False),
    row("RMSNorm", 4),
    row("RMSNorm", (3, 4), 1e-3, elementwise_affine=False, modes=()),
    row("LocalResponseNorm", 2, inputs=((2, 4, 3),)),
]

RECURRENT = [
    row("RNN", 3, 4, inputs=((5, 2, 3),)),
    row("RNN", 3, 4, 2, nonlinearity="relu", bias=False, inputs=((3, 2, 3), (2, 2, 4))),
    row("LSTM", 3, 4, 2, bidirectional=True, batch_first=True, inputs=((2, 3, 3),)),
    row("LSTM", 3, 4, proj_size=2, inputs=((3, 2, 3),)),
    row("LSTM", 3, 4, inputs=((3, 3),), modes=()),
    row("LSTM", 3, 4, 2, dropout=0.5, inputs=((3, 2, 3),), modes=TRAIN, random=True),
    row("GRU", 3, 4, bidirectional=True, inputs=((4, 2, 3),)),
    row("RNNCell", 3, 4, inputs=((2, 3), (2, 4))),
    row("RNNCell", 3, 4, False, "relu", inputs=((3,),), modes=()),
    row("LSTMCell", 3, 4, inputs=((2, 3),)),
    row("GRUCell", 3, 4, inputs=((2, 3), (2, 4))),
]

_Q, _K, _V = (3, 2, 8), (4, 2, 6), (4, 2, 5)
_CAUSAL = np.triu(np.ones((3, 3), bool), 1)
_LAST = np.array([[False, False, False, True], [False, False, False, False]])
ATTENTION = [
    row("MultiheadAttention", 8, 2, inputs=((3, 2, 8),) * 3),
    row("MultiheadAttention", 8, 2, kdim=6, vdim=5, add_bias_kv=True, add_zero_attn=True,
        inputs=(_Q, _K, _V), given={"key_padding_mask": _LAST, "average_attn_weights": False}),
    row("MultiheadAttention", 8, 2, bias=False, batch_first=True, inputs=((2, 3, 8),) * 3,
        given={"attn_mask": _CAUSAL, "need_weights": False}),
    row("MultiheadAttention", 8, 2, inputs=((3, 8),) * 3, modes=()),
    row("MultiheadAttention", 8, 2, dropout=0.25, inputs=((3, 2, 8),) * 3, modes=TRAIN,
        random=True),
    row("TransformerEncoderLayer", 8, 2, 16, 0.0, inputs=((3, 2, 8),),
        given={"src_mask": _CAUSAL}),
    row("TransformerEncoderLayer", 8, 2, 16, 0.1, "gelu", batch_first=True, norm_first=True,
        inputs=((2, 3, 8),), modes=TRAIN, random=True),
    row("TransformerDecoderLayer", 8, 2, 16, 0.0, norm_first=True, inputs=((3, 2, 8), (4, 2, 8)),
        given={"memory_key_padding_mask": _LAST}),
    row("Transformer", 8, 2, 1, 1, 16, 0.0, inputs=((3, 2, 8), (4, 2, 8))),
]  # fmt: skip

ROWS = [*SIMPLE, *CONVOLUTIONS, *POOLS, *PADS, *NORMS, *RECURRENT, *ATTENTION, *LOSSES, *OPTIONS]
