"""The main job in a few seconds: eager, compiled, same bits. CI runs it on every Python it finds.

It needs nothing but pytest beside the package: ``pytest --noconftest tests/test_smoke.py``.
"""

import numpy as np

import dualgraph as dg
from dualgraph import nn, optim


def _model() -> nn.Sequential:
    dg.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.Tanh(), nn.Dropout(0.2),
                         nn.Linear(16, 3))  # fmt: skip


def _trained(compiled: bool) -> list[np.ndarray]:
    model = _model()
    optimizer = optim.AdamW(model.parameters(), lr=1e-2)

    def step(x: dg.Tensor, target: dg.Tensor) -> dg.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    run = dg.compile(step) if compiled else step
    x, target = dg.randn(12, 6), dg.arange(12) % 3
    losses = [run(x, target) for _ in range(5)]
    return [t.detach().numpy() for t in (*losses, *model.parameters())]


def test_training_has_the_same_bits_in_both_modes() -> None:
    for eager, compiled in zip(_trained(False), _trained(True), strict=True):
        assert eager.tobytes() == compiled.tobytes()


def _ops(x: dg.Tensor) -> tuple[dg.Tensor, ...]:
    order = x.sort(dim=1)
    pooled = nn.functional.max_pool1d(x[None], 3)
    return order.values, order.indices, x.cumsum(0), pooled, dg.linalg.svdvals(x), x.half().exp()


def test_ops_have_the_same_bits_in_both_modes() -> None:
    dg.manual_seed(1)
    x = dg.randn(5, 9)
    for eager, compiled in zip(_ops(x), dg.compile(_ops)(x), strict=True):
        assert eager.numpy().tobytes() == compiled.numpy().tobytes()


def test_threads_do_not_move_a_bit() -> None:
    x = dg.randn(400, 1000)
    square = dg.compile(lambda x: dg.tanh(x * x - x).sum(1))
    before = dg.get_num_threads()
    one, two = (dg.set_num_threads(n) or square(x).numpy().tobytes() for n in (1, 2))
    dg.set_num_threads(before)
    assert one == two
