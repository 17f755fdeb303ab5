"""The same kinds of ops, long enough that a program shares its rows between threads."""

from typing import Any

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph import nn, optim
from tests.golden.inputs import cotangents, leaf, real, whole
from tests.golden.program import Mode, Program, Results, families
from tests.golden.training import filled

PARTS = {
    "elementwise": lambda p: dg.tanh(p.x * 0.5) * dg.exp(-p.x * p.x) + dg.sigmoid(p.y),
    "sum": lambda p: [p.x.sum(), p.x.sum(0), p.x.sum(1), (p.x * p.y).mean()],
    "softmax": lambda p: dg.softmax(p.x, 1),
    "logsumexp": lambda p: dg.logsumexp(p.x, 0),
    "layer_norm": lambda p: F.layer_norm(p.x, (311,)),
    "cumsum": lambda p: [p.x.cumsum(0), p.x.cumsum(1)],
    "sort": lambda p: dg.sort(p.x, 0),
    "argmax": lambda p: [p.x.argmax(1), p.x.argmax(0)],
    "matmul": lambda p: p.x.t() @ p.y,
    "gather": lambda p: p.x[p.i],
    "index_add": lambda p: dg.index_add(p.y, 0, p.i, p.x),
    "transpose": lambda p: p.x.t().contiguous() * 2,
    "conv2d": lambda p: F.conv2d(p.image, p.kernel, padding=1),
    "max_pool2d": lambda p: F.max_pool2d(p.image, 2),
    "avg_pool2d": lambda p: F.avg_pool2d(p.image, 3, 2),
    "interpolate": lambda p: F.interpolate(p.image, scale_factor=1.5, mode="bilinear"),
    "cross_entropy": lambda p: F.cross_entropy(p.x, p.i % 311),
}


def pool(dtype: str) -> dict[str, Any]:
    """A quarter of a million numbers, and images."""
    return {
        "x": leaf((823, 311), 141, -2, 2, dtype),
        "y": leaf((823, 311), 142, -2, 2, dtype),
        "i": whole((823,), 143, 0, 823),
        "image": leaf((4, 8, 48, 40), 144, -1, 1, dtype),
        "cotangents": cotangents(dtype, 823 * 311),
        "kernel": leaf((16, 8, 3, 3), 145, -0.3, 0.3, dtype),
    }


def training(mode: Mode) -> Results:
    """A few steps of a network whose batch is large, with dropout."""
    model = nn.Sequential(
        nn.Linear(96, 128), nn.GELU(), nn.Dropout(0.2), nn.LayerNorm(128), nn.Linear(128, 40)
    )
    filled(model, 146)
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    x, target = real((1024, 96), 147), whole((1024,), 148, 0, 40)

    def step(x: Any, target: Any) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    step = mode.wrap(step)
    losses = [step(x, target) for _ in range(5)]
    grads = [p.grad for p in model.parameters()]
    return {"losses": losses, "model": dict(model.state_dict()), "grads": grads}


def sampling(mode: Mode) -> Results:
    """Many random numbers in one call."""
    draw = mode.wrap(lambda: [dg.rand(300_000), dg.randn(300_000), dg.randint(1000, (300_000,))])
    return dict(zip(("rand", "randn", "randint"), draw(), strict=True))


PROGRAMS: dict[str, Program] = {
    **families("large.ops", PARTS, pool),
    "large.training": training,
    "large.sampling": sampling,
}
