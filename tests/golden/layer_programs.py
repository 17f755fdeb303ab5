"""Every layer, trained over 50 steps with what goes into it: outputs, gradients, state."""

from collections.abc import Callable
from typing import Any

import dualgraph as dg
from dualgraph import nn
from tests.golden.inputs import flags, real, whole
from tests.golden.program import Program
from tests.golden.training import Bench, filled, trained

Bencher = Callable[[], Bench]


def bench(name: str, *args: Any, inputs: Any = ((2, 3, 4),), given: Any = None, **options: Any):
    """Return what makes a layer's bench: inputs are shapes of numbers, or make a tensor."""

    def make() -> Bench:
        dg.manual_seed(6)  # what a constructor draws is pinned too, where nothing is filled in
        layer = filled(getattr(nn, name)(*args, **options), seed=7)
        tensors = [x() if callable(x) else real(x, 8 + i, -1, 1) for i, x in enumerate(inputs)]
        return Bench(layer, tuple(tensors), {k: v() for k, v in (given or {}).items()})

    return make


def plain(names: str, *args: Any, **facts: Any) -> dict[str, Bencher]:
    """Return benches of several layers made alike."""
    return {name: bench(name, *args, **facts) for name in names.split()}


IMAGE, BLOCK, ROW = ((2, 4, 6, 5),), ((1, 2, 4, 4, 5),), ((2, 3, 7),)

ACTIVATIONS = {
    **plain(
        """ReLU ReLU6 Hardtanh LeakyReLU ELU CELU SELU GELU SiLU Mish Tanh Sigmoid Hardswish
        Hardsigmoid LogSigmoid Softplus Softsign Softshrink Hardshrink Tanhshrink GLU Identity
        PReLU RReLU Flatten"""
    ),
    **plain("Softmax LogSoftmax Softmin", 1),
    "GELU(tanh)": bench("GELU", approximate="tanh"),
    "Threshold": bench("Threshold", 0.1, 0.5),
    "Softmax2d": bench("Softmax2d", inputs=IMAGE),
    "Unflatten": bench("Unflatten", 1, (3, 2), inputs=((2, 6),)),
}
LINEAR = {
    "Linear": bench("Linear", 4, 3),
    "Linear(no bias)": bench("Linear", 4, 3, bias=False),
    "Bilinear": bench("Bilinear", 4, 3, 2, inputs=((5, 4), (5, 3))),
    "CosineSimilarity": bench("CosineSimilarity", inputs=((2, 3), (2, 3))),
    "PairwiseDistance": bench("PairwiseDistance", inputs=((2, 3), (2, 3))),
    "Embedding": bench("Embedding", 5, 3, 1, inputs=(lambda: whole((2, 6), 9, 0, 5),)),
    **{
        f"EmbeddingBag({mode})": bench(
            "EmbeddingBag", 5, 3, mode=mode, inputs=(lambda: whole((2, 6), 9, 0, 5),)
        )
        for mode in ("sum", "mean", "max")
    },
    "PixelShuffle": bench("PixelShuffle", 2, inputs=((1, 4, 2, 3),)),
    "PixelUnshuffle": bench("PixelUnshuffle", 2, inputs=((1, 1, 4, 6),)),
    "ChannelShuffle": bench("ChannelShuffle", 2, inputs=((1, 4, 2),)),
    "Upsample": bench("Upsample", scale_factor=2, inputs=((1, 2, 3),)),
    "Upsample(bicubic)": bench("Upsample", (4, 5), mode="bicubic", inputs=((1, 2, 3, 3),)),
    "Upsample(trilinear)": bench("Upsample", (3, 4, 2), mode="trilinear", inputs=BLOCK),
    "UpsamplingNearest2d": bench("UpsamplingNearest2d", scale_factor=2, inputs=((1, 2, 3, 3),)),
    "UpsamplingBilinear2d": bench("UpsamplingBilinear2d", (4, 5), inputs=((1, 2, 3, 3),)),
}  # fmt: skip
CONVOLUTIONS = {
    "Conv1d": bench("Conv1d", 3, 4, 3, 2, 1, inputs=ROW),
    "Conv2d": bench("Conv2d", 4, 6, (3, 2), 2, 1, 1, 2, inputs=IMAGE),
    "Conv2d(reflect)": bench("Conv2d", 4, 3, 3, padding=1, padding_mode="reflect", inputs=IMAGE),
    "Conv2d(same)": bench("Conv2d", 4, 3, 3, padding="same", dilation=2, bias=False, inputs=IMAGE),
    "Conv3d": bench("Conv3d", 2, 3, 2, inputs=BLOCK),
    "ConvTranspose1d": bench("ConvTranspose1d", 3, 2, 3, 2, 1, 1, inputs=ROW),
    "ConvTranspose2d": bench("ConvTranspose2d", 4, 2, 3, 2, groups=2, inputs=IMAGE),
    "ConvTranspose3d": bench("ConvTranspose3d", 2, 2, 2, inputs=BLOCK),
    "Unfold": bench("Unfold", (2, 3), padding=1, inputs=IMAGE),
    "Fold": bench("Fold", (4, 5), (2, 3), inputs=((1, 12, 9),)),
}
POOLS = {
    **plain("MaxPool1d LPPool1d", 2, 2, inputs=ROW),
    **plain("MaxPool2d AvgPool2d", 3, 2, 1, inputs=IMAGE),
    **plain("MaxPool3d AvgPool3d", 2, inputs=BLOCK),
    "AvgPool1d": bench("AvgPool1d", 3, 2, 1, inputs=ROW),
    "LPPool2d": bench("LPPool2d", 2, 2, inputs=IMAGE),
    "LPPool3d": bench("LPPool3d", 2, 2, inputs=BLOCK),
    "MaxPool2d(indices)": bench("MaxPool2d", 2, return_indices=True, inputs=IMAGE),
    **plain("AdaptiveAvgPool1d AdaptiveMaxPool1d", 3, inputs=ROW),
    **plain("AdaptiveAvgPool2d AdaptiveMaxPool2d", (4, 2), inputs=IMAGE),
    **plain("AdaptiveAvgPool3d AdaptiveMaxPool3d", 3, inputs=BLOCK),
    "MaxUnpool1d": bench("MaxUnpool1d", 2, inputs=((1, 1, 3), lambda: dg.tensor([[[0, 3, 5]]]))),
    "MaxUnpool2d": bench("MaxUnpool2d", 2, inputs=((1, 1, 1, 2), lambda: dg.tensor([[[[0, 7]]]]))),
    "MaxUnpool3d": bench(
        "MaxUnpool3d", 2, inputs=((1, 1, 1, 1, 2), lambda: dg.tensor([[[[[0, 15]]]]]))
    ),
    "FractionalMaxPool2d": bench("FractionalMaxPool2d", 2, (2, 3), inputs=IMAGE),
    "FractionalMaxPool3d": bench("FractionalMaxPool3d", 2, output_ratio=0.5, inputs=BLOCK),
}
PADS = {
    f"{kind}Pad{n}d": bench(f"{kind}Pad{n}d", *value, inputs=inputs)
    for kind, value in {
        "Zero": (1,), "Constant": (2, 0.5), "Reflection": (2,), "Replication": (1,),
        "Circular": (1,),
    }.items()
    for n, inputs in ((1, ROW), (2, IMAGE), (3, BLOCK))
}  # fmt: skip
NORMS = {
    "BatchNorm1d": bench("BatchNorm1d", 3),
    "BatchNorm1d(momentum)": bench("BatchNorm1d", 3, momentum=None, inputs=((5, 3),)),
    "BatchNorm2d": bench("BatchNorm2d", 4, inputs=IMAGE),
    "BatchNorm3d": bench("BatchNorm3d", 2, affine=False, inputs=BLOCK),
    "GroupNorm": bench("GroupNorm", 2, 4, inputs=((2, 4, 3),)),
    "InstanceNorm1d": bench("InstanceNorm1d", 3),
    "InstanceNorm2d": bench(
        "InstanceNorm2d", 4, affine=True, track_running_stats=True, inputs=IMAGE
    ),
    "InstanceNorm3d": bench("InstanceNorm3d", 2, inputs=BLOCK),
    "LayerNorm": bench("LayerNorm", 4),
    "LayerNorm(two)": bench("LayerNorm", (3, 4), bias=False),
    "RMSNorm": bench("RMSNorm", 4),
    "LocalResponseNorm": bench("LocalResponseNorm", 2, inputs=((2, 4, 3),)),
}
RECURRENT = {
    "RNN": bench("RNN", 3, 4, inputs=((5, 2, 3),)),
    "RNN(relu)": bench("RNN", 3, 4, 2, nonlinearity="relu", inputs=((3, 2, 3), (2, 2, 4))),
    "LSTM": bench("LSTM", 3, 4, 2, bidirectional=True, batch_first=True, inputs=((2, 3, 3),)),
    "LSTM(proj)": bench("LSTM", 3, 4, proj_size=2, inputs=((3, 2, 3),)),
    "LSTM(dropout)": bench("LSTM", 3, 4, 2, dropout=0.5, inputs=((3, 2, 3),)),
    "GRU": bench("GRU", 3, 4, bidirectional=True, inputs=((4, 2, 3),)),
    "RNNCell": bench("RNNCell", 3, 4, inputs=((2, 3), (2, 4))),
    "LSTMCell": bench("LSTMCell", 3, 4, inputs=((2, 3),)),
    "GRUCell": bench("GRUCell", 3, 4, inputs=((2, 3), (2, 4))),
}
DROPOUTS = {
    **plain("Dropout AlphaDropout", 0.3),
    "Dropout1d": bench("Dropout1d", 0.3),
    **plain("Dropout2d FeatureAlphaDropout", 0.3, inputs=IMAGE),
    "Dropout3d": bench("Dropout3d", 0.3, inputs=BLOCK),
}


def causal() -> Any:
    """The mask under which each of three positions sees those before it."""
    return dg.ones(3, 3).triu(1) > 0


THREE = ((3, 2, 8),)
ATTENTION = {
    "MultiheadAttention": bench("MultiheadAttention", 8, 2, inputs=THREE * 3),
    "MultiheadAttention(dims)": bench(
        "MultiheadAttention", 8, 2, kdim=6, vdim=5, add_bias_kv=True, add_zero_attn=True,
        dropout=0.25, inputs=((3, 2, 8), (4, 2, 6), (4, 2, 5)),
    ),
    "TransformerEncoderLayer": bench(
        "TransformerEncoderLayer", 8, 2, 16, 0.1, "gelu", norm_first=True, inputs=THREE,
        given={"src_mask": causal},
    ),
    "TransformerDecoderLayer": bench(
        "TransformerDecoderLayer", 8, 2, 16, 0.0, inputs=((3, 2, 8), (4, 2, 8))
    ),
    "Transformer": bench("Transformer", 8, 2, 1, 1, 16, 0.0, inputs=((3, 2, 8), (4, 2, 8))),
}  # fmt: skip


def stacked(kind: str, *shapes: Any) -> Bencher:
    """Return the bench of a stack of encoder or decoder layers."""

    def make() -> Bench:
        layer = getattr(nn, f"Transformer{kind}Layer")(8, 2, 16, 0.0)
        stack = getattr(nn, f"Transformer{kind}")(layer, 2, nn.LayerNorm(8))
        return Bench(filled(stack, 7), tuple(real(s, 8, -1, 1) for s in shapes), {})

    return make


ATTENTION |= {
    "TransformerEncoder": stacked("Encoder", (3, 2, 8)),
    "TransformerDecoder": stacked("Decoder", (3, 2, 8), (4, 2, 8)),
}

# --- losses --------------------------------------------------------------------------------------

X = (3, 4)


def part() -> Any:
    """Numbers between 0.1 and 0.9."""
    return real(X, 20, 0.1, 0.9)


def signs() -> Any:
    """Ones of either sign."""
    return whole((3,), 21, 0, 2).to(dg.float32) * 2 - 1


def classes() -> Any:
    """One of four classes for each row."""
    return whole((3,), 22, 0, 4)


def ones() -> Any:
    """Zeros and ones."""
    return flags(X, 23).to(dg.float32)


def weight() -> Any:
    """A weight for each class."""
    return dg.tensor([0.5, 1.5, 2.0, 0.25])


class Fixed(nn.Module):
    """A loss whose targets are no parameters."""

    def __init__(self, loss: nn.Module, targets: list[Any]) -> None:
        super().__init__()
        self.loss, self.targets = loss, targets

    def forward(self, *moving: Any) -> Any:
        """Return the loss."""
        return self.loss(*moving, *self.targets)


def loss(name: str, *targets: Any, args: Any = (), moving: Any = (X,), **options: Any) -> Bencher:
    """Return the bench of a loss; the first inputs move, the others stay."""

    def make() -> Bench:
        made = {k: v() if callable(v) else v for k, v in options.items()}
        inputs = tuple(m() if callable(m) else real(m, 24 + i, -1, 1) for i, m in enumerate(moving))
        layer = filled(getattr(nn, name)(*args, **made), 25)
        return Bench(Fixed(layer, [t() for t in targets]), inputs, {})

    return make


def cityblock(x: Any, y: Any) -> Any:
    """The distance along the axes."""
    return (x - y).abs().sum(-1)


_THREE_X = (X, X, X)
LOSSES = {
    "MSELoss": loss("MSELoss", part),
    "MSELoss(none)": loss("MSELoss", part, reduction="none"),
    "L1Loss": loss("L1Loss", part),
    "SmoothL1Loss": loss("SmoothL1Loss", part, beta=0.5),
    "HuberLoss": loss("HuberLoss", part, delta=0.5, reduction="sum"),
    "BCELoss": loss("BCELoss", ones, moving=(part,)),
    "BCEWithLogitsLoss": loss("BCEWithLogitsLoss", ones),
    "BCEWithLogitsLoss(weight)": loss("BCEWithLogitsLoss", ones, weight=weight, pos_weight=weight),
    "CrossEntropyLoss": loss("CrossEntropyLoss", classes),
    "CrossEntropyLoss(weight)": loss(
        "CrossEntropyLoss", classes, weight=weight, ignore_index=3, label_smoothing=0.1
    ),
    "CrossEntropyLoss(soft)": loss("CrossEntropyLoss", part),
    "NLLLoss": loss("NLLLoss", classes),
    "NLLLoss(weight)": loss("NLLLoss", classes, weight=weight, reduction="sum"),
    "KLDivLoss": loss("KLDivLoss", part, reduction="batchmean"),
    "GaussianNLLLoss": loss("GaussianNLLLoss", part, part, full=True),
    "PoissonNLLLoss": loss("PoissonNLLLoss", part, full=True),
    "SoftMarginLoss": loss("SoftMarginLoss", signs, moving=((3,),)),
    "HingeEmbeddingLoss": loss("HingeEmbeddingLoss", signs, moving=((3,),)),
    "MarginRankingLoss": loss("MarginRankingLoss", signs, moving=((3,), (3,)), margin=0.4),
    "CosineEmbeddingLoss": loss("CosineEmbeddingLoss", signs, moving=(X, X), margin=0.4),
    "MultiMarginLoss": loss("MultiMarginLoss", classes),
    "MultiLabelMarginLoss": loss(
        "MultiLabelMarginLoss", lambda: dg.tensor([[2, 0, -1, 1], [3, -1, 0, 0], [0, 1, 2, 3]])
    ),
    "MultiLabelSoftMarginLoss": loss("MultiLabelSoftMarginLoss", ones),
    "TripletMarginLoss": loss("TripletMarginLoss", moving=_THREE_X, swap=True),
    "TripletMarginWithDistanceLoss": loss(
        "TripletMarginWithDistanceLoss", moving=_THREE_X, distance_function=lambda: cityblock
    ),
    "CTCLoss": loss(
        "CTCLoss",
        lambda: dg.tensor([[1, 2], [2, 1]]),
        lambda: dg.tensor([5, 4]),
        lambda: dg.tensor([2, 1]),
        moving=(lambda: dg.log_softmax(real((5, 2, 4), 26), -1),),
    ),
    "LinearCrossEntropyLoss": loss("LinearCrossEntropyLoss", classes, args=(4, 4)),
    "AdaptiveLogSoftmaxWithLoss": loss(
        "AdaptiveLogSoftmaxWithLoss",
        lambda: dg.tensor([0, 7, 19]),
        args=(16, 20, [5, 10]),
        moving=((3, 16),),
    ),
}

# --- layers that learn their shape, and containers -----------------------------------------------


def lazy(name: str, *args: Any, inputs: Any) -> Bencher:
    """Return the bench of a layer whose first call makes its parameters."""

    def make() -> Bench:
        layer, x = getattr(nn, f"Lazy{name}")(*args), real(inputs, 30, -1, 1)
        layer(x)
        return Bench(filled(layer, 31), (x,), {})

    return make


_SHAPES = {1: (2, 3, 5), 2: (2, 3, 4, 4), 3: (1, 3, 3, 4, 3)}
LAZY = {
    "LazyLinear": lazy("Linear", 3, inputs=(2, 4)),
    **{f"Lazy{kind}{n}d": lazy(f"{kind}{n}d", *args, inputs=shape)
       for kind, args in {"Conv": (2, 2), "ConvTranspose": (2, 2), "BatchNorm": (),
                          "InstanceNorm": ()}.items()
       for n, shape in _SHAPES.items()},
}  # fmt: skip


class Contained(nn.Module):
    """Every container at once."""

    def __init__(self) -> None:
        super().__init__()
        self.row = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.several = nn.ModuleList([nn.Linear(4, 4), nn.ReLU()])
        self.named = nn.ModuleDict({"norm": nn.LayerNorm(4), "act": nn.Sigmoid()})
        self.scales = nn.ParameterList([nn.Parameter(dg.ones(4)) for _ in range(2)])
        self.shifts = nn.ParameterDict({"a": nn.Parameter(dg.ones(4))})

    def forward(self, x: Any) -> Any:
        """Return what all parts make of x."""
        x = self.row(x)
        for layer, scale in zip(self.several, self.scales, strict=True):
            x = layer(x) * scale
        for layer in self.named.values():
            x = layer(x) + self.shifts["a"]
        return x


CONTAINERS = {"all": lambda: Bench(filled(Contained(), 32), (real((3, 4), 33, -1, 1),), {})}

GROUPS = {
    "lazy": LAZY,
    "containers": CONTAINERS,
    "activations": ACTIVATIONS,
    "linear": LINEAR,
    "convolutions": CONVOLUTIONS,
    "pools": POOLS,
    "pads": PADS,
    "norms": NORMS,
    "recurrent": RECURRENT,
    "dropouts": DROPOUTS,
    "attention": ATTENTION,
    "losses": LOSSES,
}
PROGRAMS: dict[str, Program] = {
    f"layers.{name}": trained(benches) for name, benches in GROUPS.items()
}
