"""The backward walk: values used many times, slices, hooks, checkpoints, derivatives of gradients.

Cotangents of a value that is used three times and more are added in an order that is pinned here.
"""

from collections.abc import Callable
from typing import Any

import dualgraph as dg
from dualgraph import nn
from dualgraph.autograd import Function
from dualgraph.nn.utils import parametrizations, rnn
from dualgraph.optim import swa_utils
from dualgraph.utils.checkpoint import checkpoint
from tests.golden.inputs import leaf, real
from tests.golden.program import Mode, Part, Program, Results, families
from tests.golden.training import filled

# --- one value, many uses ------------------------------------------------------------------------


def _chain(p: Any) -> Any:
    h = p.x
    for _ in range(4):
        h = dg.tanh(h @ p.w + h * p.v) + h.sin() * 0.3
    return h


def _diamond(p: Any) -> Any:
    h = dg.tanh(p.x)
    a, b, c = h * p.v, h.exp() - h, dg.sigmoid(h)
    return (a * b + c * a) / (1 + b * b) + h * c


def _recurrent(p: Any) -> Any:
    h, seen = p.x, []
    for i in range(5):
        h = dg.tanh(h @ p.w + p.x * p.v[i] + p.v)
        seen.append(h)
    return dg.stack(seen) * p.v + h


def _several(p: Any) -> Any:
    a, b = p.x.max(1).values, p.x.min(0).values
    return [a * p.v[0], b * a[:6], dg.sort(p.x, 1).values[:, 2:5] * a[:, None], p.x.sum()]


MANY: dict[str, Part] = {
    "sum of uses": lambda p: p.x.sin() + p.x.cos() * p.x + p.x.exp() / (2 + p.x) - p.x.abs(),
    "powers": lambda p: p.x + p.x**2 + p.x**3 + p.x * p.x * p.x * p.x,
    "broadcast uses": lambda p: p.x * p.v + p.v.exp() - p.x.mean(0) * p.v.sin(),
    "chain": _chain,
    "diamond": _diamond,
    "recurrent": _recurrent,
    "several results": _several,
    "products": lambda p: p.x @ p.w @ p.w + p.x @ p.w.t() + (p.x @ p.w) * (p.x @ p.w),
    "same operand": lambda p: [p.v * p.v, p.v - p.v, p.v / p.v, dg.maximum(p.v, p.v), p.w @ p.w],
    "slices": lambda p: p.x[:4] * p.x[2:6] + p.x[3:7] * p.v - p.x[1:5].exp(),
    "slices and whole": lambda p: p.x[:, :3].sum() * p.x + p.x[:, 2:].mean() * p.x.sin(),
    "strided": lambda p: p.x[::2] * p.x[1::2][:4].sum() + p.x[-1] * p.x[0],
    "rows": lambda p: sum(row * (i + 1) for i, row in enumerate(p.x.unbind(0))) * p.x[3],
    "split": lambda p: sum(part.tanh() * p.v[:2] for part in p.x.split(2, 1)),
    "indexed": lambda p: p.x[dg.tensor([0, 0, 3])] * p.x[dg.tensor([0, 2, 0])] + p.x[0],
    "views of views": lambda p: p.x.t().reshape(-1)[5:25] * p.x.reshape(-1)[:20],
    "detached": lambda p: p.x * p.x.detach() + p.x.exp() * (p.x > 0),
}  # fmt: skip


def pool(dtype: str) -> dict[str, Any]:
    """A matrix, a square one and a vector."""
    return {
        "x": leaf((8, 6), 151, -1, 1, dtype),
        "w": leaf((6, 6), 152, -0.5, 0.5, dtype),
        "v": leaf((6,), 153, 0.5, 1.5, dtype),
    }


# --- how a gradient is asked for -----------------------------------------------------------------


class Cube(Function):
    """x**3 with a derivative that is off by a twentieth, so that it is seen to be used."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        """Keep x."""
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """Return about the derivative."""
        (x,) = ctx.saved_tensors
        return g * x * x * 3.15


def _energy(x: Any) -> Any:
    return (dg.tanh(x) * x.sin()).sum() + (x[:3] * x[1:4] * x[2:5]).sum() + x.prod()


def _accumulated(x: Any) -> Any:
    a, b = (x * 1.5).requires_grad_(), x.detach().clone().requires_grad_()
    for scale in (1.0, 0.3, 0.7):
        (scale * (b.sin() * a.detach() + b * b * b)).sum().backward()
    return b.grad


def _hooked(x: Any) -> Any:
    y = x.tanh()
    y.register_hook(lambda g: g * 1.25)
    z = y * y + y.exp()
    z.register_hook(lambda g: g + 0.125)
    return dg.autograd.grad(z.sum() + y.sum(), x)


def _retained(x: Any) -> Any:
    y = dg.autograd.grad(_energy(x), x, create_graph=True)[0]
    first = dg.autograd.grad(y.sum(), x, retain_graph=True)
    return [first, dg.autograd.grad((y * y).sum(), x)]


def _penalised(x: Any) -> Any:
    (slope,) = dg.autograd.grad(_energy(x), x, create_graph=True)
    return dg.autograd.grad(_energy(x) + 10 * (slope.norm() - 1) ** 2, x)


def _third(x: Any) -> Any:
    y = _energy(x)
    for _ in range(3):
        (g,) = dg.autograd.grad(y, x, create_graph=True)
        y = (g * g.detach()).sum()
    return y


def _checkpointed(x: Any) -> Any:
    def block(h: Any) -> Any:
        return (h.sin() * h + h.exp()).tanh()

    y = checkpoint(block, checkpoint(block, x, use_reentrant=False), use_reentrant=False)
    return dg.autograd.grad(y.sum(), x)


ASKED: dict[str, Callable[[Any], Any]] = {
    "accumulated": _accumulated,
    "hooks": _hooked,
    "twice": _retained,
    "penalty": _penalised,
    "third": _third,
    "checkpoint": _checkpointed,
    "function": lambda x: dg.autograd.grad((Cube.apply(x) * x + Cube.apply(x.sin())).sum(), x),
    "func.grad": lambda x: dg.func.grad(_energy)(x.detach()),
    "func.hessian": lambda x: dg.func.hessian(_energy)(x.detach()),
    "func.jacrev": lambda x: dg.func.jacrev(lambda t: t.sin() * t[0] + t)(x.detach()),
    "func.jacfwd": lambda x: dg.func.jacfwd(lambda t: t.exp() * t[1])(x.detach()),
    "func.jvp": lambda x: dg.func.jvp(lambda t: t.sin() * t, (x.detach(),), (x.detach() * 2,)),
    "func.vjp": lambda x: dg.func.vjp(lambda t: t.exp() * t, x.detach())[1](x.detach()),
}


def asked(mode: Mode) -> Results:
    """Each way of asking, with a vector of seven numbers."""
    return {name: mode.wrap(f)(leaf((7,), 154, 0.2, 1.2)) for name, f in ASKED.items()}


# --- what stands around a training step ----------------------------------------------------------


def utilities(mode: Mode) -> Results:
    """Parametrizations, clipping, averages of weights, packed sequences."""
    model = filled(nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)), 155)
    dg.manual_seed(156)  # spectral norm starts from random vectors
    parametrizations.weight_norm(model[0])
    parametrizations.spectral_norm(model[2])
    average = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))
    optimizer = dg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        nn.utils.clip_grad_value_(model.parameters(), 0.02)
        optimizer.step()
        return [loss, norm, nn.utils.parameters_to_vector(model.parameters()).sum()]

    step = mode.wrap(step)
    history = []
    for i in range(10):
        history.append(step(real((4, 5), 157 + i, -1, 1)))
        average.update_parameters(model)
    return {
        "history": history,
        "model": dict(model.state_dict()),
        "average": dict(average.state_dict()),
        "packed": packed(mode),
    }


def packed(mode: Mode) -> list[Any]:
    """An LSTM over sequences of several lengths, its gradients."""
    layer = filled(nn.LSTM(3, 4), 158)
    sequences = [leaf((n, 3), 170 + n, -1, 1) for n in (5, 3, 2)]

    def run(*sequences: Any) -> Any:
        out, (h, c) = layer(rnn.pack_sequence(list(sequences)))
        padded, _ = rnn.pad_packed_sequence(out)
        total = padded.square().sum() + h.sum() + (c * c).sum()
        return [padded, *dg.autograd.grad(total, [*sequences, *layer.parameters()])]

    return mode.wrap(run)(*sequences)


INITS: dict[str, Callable[[Any], Any]] = {
    name: getattr(nn.init, name)
    for name in (
        "uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_",
        "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "eye_", "ones_", "zeros_",
    )
}  # fmt: skip


def inits(_: Mode) -> Results:
    """What initialisations draw, and what the layers start with."""
    found: dict[str, Any] = {}
    for i, (name, fill) in enumerate(INITS.items()):
        dg.manual_seed(180 + i)
        found[name] = fill(dg.zeros(5, 3))
    dg.manual_seed(200)
    layers = {
        "Linear": nn.Linear(5, 3),
        "Conv2d": nn.Conv2d(2, 3, 3),
        "ConvTranspose1d": nn.ConvTranspose1d(2, 3, 3),
        "Embedding": nn.Embedding(5, 3),
        "LSTM": nn.LSTM(3, 4, 2),
        "GRUCell": nn.GRUCell(3, 4),
        "MultiheadAttention": nn.MultiheadAttention(8, 2),
        "Bilinear": nn.Bilinear(3, 2, 4),
        "Transformer": nn.Transformer(8, 2, 1, 1, 16),
    }
    return found | {f"layer {name}": dict(layer.state_dict()) for name, layer in layers.items()}


PROGRAMS: dict[str, Program] = {
    **families("gradients.many uses", MANY, pool, float64=("chain", "diamond", "slices")),
    "gradients.asked": asked,
    "gradients.utilities": utilities,
}
EAGER_ONLY: dict[str, Program] = {"random.inits": inits}
