"""What rows cannot say of convolutions, pools and their kin: bits, indices, state, second order."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.config import settings
from dualgraph.numerics.facts.windows import images_together
from dualgraph.vendor import RAISES
from tests.bits import array_of, assert_bits_equal

F = dg.nn.functional


def random(*shape: int, dtype: str = "float32", grad: bool = False) -> Any:
    """Return a tensor of normal numbers, the same for a shape."""
    values = np.random.default_rng(sum(shape)).normal(size=shape)
    return dg.tensor(values.astype(dtype), requires_grad=grad)


SHAPES = {
    "one block": ((2, 3, 6, 5), (4, 3, 3, 2)),
    "several blocks": ((2, 40, 40, 37), (5, 40, 3, 3)),
    "several blocks of channels": ((1, 32, 70, 72), (3, 32, 3, 3)),
    "several images in a block": ((21, 6, 5, 4), (7, 6, 3, 2)),
    "a line in parts": ((2, 70, 1, 1000), (3, 70, 1, 9)),
    "many narrow images": ((40, 9, 7, 7), (5, 9, 2, 3)),
}
CASES = [*((name, "float32") for name in SHAPES), ("several images in a block", "float64")]


@pytest.mark.parametrize("dilation", [1, (1, 2)])
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_the_bits_of_a_convolution_are_those_of_the_product(
    name: str, dtype: str, dilation: Any
) -> None:
    """Forward and backward are gemms of columns, however the work is cut into blocks."""
    images, kernels = SHAPES[name]
    x, w = random(*images, grad=True, dtype=dtype), random(*kernels, grad=True, dtype=dtype)
    lie = {"padding": 1, "stride": (1, 2), "dilation": dilation}
    y = dg.conv2d(x, w, **lie)
    g = random(*y.shape, dtype=dtype)
    found = dg.autograd.grad(y, [x, w], g)
    with dg.no_grad():
        columns = F.unfold(x, kernels[2:], **lie)
        rows, gs = w.reshape(kernels[0], -1), g.reshape(images[0], kernels[0], -1)
        assert_bits_equal(y.reshape(gs.shape), rows @ columns)
        back = F.fold(rows.mT @ gs, images[2:], kernels[2:], **lie)
        assert_bits_equal(found[0], back)
        assert_bits_equal(found[1].reshape(kernels[0], -1), chains(gs, columns))


def chains(g: Any, columns: Any) -> Any:
    """Return g @ columns^T in the documented order: chains over a few images, then their sum."""
    images, _, positions = g.shape
    size, total = images_together(images, positions), None
    for i in range(0, images, size):
        left = g[i : i + size].permute(1, 0, 2).reshape(g.shape[1], -1)
        right = columns[i : i + size].permute(1, 0, 2).reshape(columns.shape[1], -1)
        part = left @ right.mT
        total = part if total is None else total + part
    return total


def test_groups_of_narrow_images_are_convolutions_of_their_own() -> None:
    x, w = random(6, 12, 6, 6, grad=True), random(8, 6, 3, 3, grad=True)

    def run(x: Any, w: Any, groups: int) -> list[Any]:
        y = dg.conv2d(x, w, padding=2, dilation=2, groups=groups)
        return [y, *dg.autograd.grad((y * y).sum(), [x, w])]

    whole = run(x, w, 2)
    parts = [run(x[:, i : i + 6], w[j : j + 4], 1) for i, j in ((0, 0), (6, 4))]
    for found, axis, pair in zip(whole, (1, 1, 0), zip(*parts, strict=True), strict=True):
        assert_bits_equal(found, dg.cat(pair, axis))


def test_threads_change_no_bit() -> None:
    """The items of a routine are shared out; eager runs them on one thread."""
    x, w = random(4, 32, 28, 28, grad=True), random(24, 32, 3, 3, grad=True)

    def step(x: Any, w: Any) -> Any:
        y = F.max_pool2d(dg.conv2d(x, w, padding=1), 2)
        z = F.avg_pool2d(F.interpolate(y, scale_factor=2.0, mode="bilinear"), 3, 1, 1)
        return z, *dg.autograd.grad((z * z).sum(), [x, w])

    expected = step(x, w)
    before = dg.get_num_threads()
    try:
        for threads in (1, 3):
            dg.set_num_threads(threads)
            assert_bits_equal(dg.compile(step)(x, w), expected)
    finally:
        dg.set_num_threads(before)


def test_same_padding_of_an_even_kernel() -> None:
    """The odd zero comes behind."""
    x, w = random(2, 3, 7), random(4, 3, 4)
    expected = dg.conv1d(F.pad(x, (1, 2)), w)
    assert_bits_equal(dg.conv1d(x, w, padding="same"), expected)


# --- pools --------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "best", "place"),
    [
        ([1.0, 3.0, 3.0, 2.0], 3.0, 1),
        ([1.0, NAN, 5.0, 2.0], NAN, 1),
        ([-INF, -INF, -INF, -INF], -INF, 0),
        ([0.0, -0.0, -1.0, -2.0], 0.0, 0),
    ],
)
def test_ties_and_special_values(values: list[float], best: float, place: int) -> None:
    """The first of equals, NaN before all, -inf where there is nothing else; also compiled."""
    x = dg.tensor([[values]], requires_grad=True)

    def pool(x: Any) -> Any:
        found, at = F.max_pool1d(x, 4, return_indices=True)
        return found, at, *dg.autograd.grad(found.sum(), [x])

    found, at, g = pool(x)
    assert_bits_equal(found, np.array([[[best]]], np.float32))
    assert at.tolist() == [[[place]]]
    assert g.tolist() == [[[float(i == place) for i in range(4)]]]
    assert_bits_equal(dg.compile(pool)(x), [found, at, g])
    padded, at = F.max_pool1d(x, 7, 1, padding=3, return_indices=True)  # each window has them all
    assert_bits_equal(padded, np.full((1, 1, 4), best, np.float32))
    assert at.tolist() == [[[place] * 4]]


def test_indices_of_a_pool_name_the_elements() -> None:
    """They count within the plane of a channel, in every window."""
    x = random(2, 3, 7, 8)
    for found, at in (
        F.max_pool2d(x, 3, 2, 1, return_indices=True),
        F.max_pool2d(x, (2, 3), 1, 0, (3, 2), return_indices=True),
        F.adaptive_max_pool2d(x, (3, 5), return_indices=True),
    ):
        assert at.dtype is dg.int64
        flat = x.reshape(2, 3, -1).gather(2, at.reshape(2, 3, -1))
        assert_bits_equal(flat.reshape(found.shape), found)


def test_the_mean_of_all_is_the_mean() -> None:
    """One window over everything is a reduction."""
    x = random(2, 3, 4, 5)
    assert_bits_equal(F.adaptive_avg_pool2d(x, 1), x.mean((2, 3), keepdim=True))


def test_unpooling_to_a_given_size() -> None:
    """A plane that the windows did not fill is asked for by its size."""
    x = random(1, 2, 5, 7)
    found, at = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(found, at, 2, output_size=(5, 7))
    assert_bits_equal(
        back.reshape(1, 2, -1).gather(2, at.reshape(1, 2, -1)), found.reshape(1, 2, -1)
    )
    assert int((back != 0).sum().item()) == found.numel()


TWICE: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, 1, 1), (1, 2, 3, 4)),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2, 1), (1, 2, 3, 4)),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, (2, 3)), (1, 2, 3, 4)),
    "unfold": (lambda x: F.unfold(x, 2, padding=1), (1, 2, 3, 4)),
    "fold": (lambda x: F.fold(x, (3, 4), 2), (1, 8, 6)),
    "bicubic": (lambda x: F.interpolate(x, size=(4, 3), mode="bicubic"), (1, 2, 3, 4)),
    "pad": (lambda x: F.pad(x, (1, 2), mode="reflect"), (2, 3, 4)),
    "unpool": (lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2), (2, 3, 4)),
}


@pytest.mark.parametrize("name", TWICE)
def test_second_derivative_of_a_linear_map(name: str) -> None:
    """The gradient of its gradient: between two squares, against finite differences."""
    f, shape = TWICE[name]
    x = random(*shape, dtype="float64").numpy()
    v, u = np.random.default_rng(1).normal(size=(2, *shape))

    def slope(at: np.ndarray, more: bool = False) -> tuple[Any, Any]:
        leaf = dg.tensor(at, requires_grad=True)
        (g,) = dg.autograd.grad(f(leaf * leaf).square().sum(), leaf, create_graph=more)
        return leaf, (g * dg.tensor(v)).sum()

    leaf, first = slope(x, True)
    (second,) = dg.autograd.grad(first, leaf)
    h = 1e-6
    expected = (slope(x + h * u)[1].item() - slope(x - h * u)[1].item()) / (2 * h)
    assert np.sum(array_of(second) * u) == pytest.approx(expected, rel=1e-6, abs=1e-6)


HALVES: dict[str, Callable[..., Any]] = {
    "conv2d": lambda x: dg.conv2d(x, x[:1, :, :2, :2], x[0, 0, 0, :1]),
    "max_pool2d": lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "interpolate": lambda x: F.interpolate(x, size=(3, 7), mode="bilinear"),
    "pad": lambda x: F.pad(F.pad(x, (1, 2), value=0.5), (1, 1, 2, 1), mode="reflect"),
    "grid_sample": lambda x: F.grid_sample(x, x[..., :2]),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "layer_norm": lambda x: F.layer_norm(x, (4,)),
    "normalize": lambda x: F.normalize(x),
}


@pytest.mark.parametrize("name", HALVES)
def test_float16_computes_in_float32(name: str) -> None:
    """And rounds the result."""
    x = random(2, 2, 4, 4).half()
    out, wide = HALVES[name](x), HALVES[name](x.float())
    assert_bits_equal(out, wide.half())


# --- state --------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [F.batch_norm, F.instance_norm])
def test_running_statistics_are_state(norm: Any) -> None:
    """In place in both frontends; the variance has n - 1 in its denominator."""
    x = random(4, 3, 5)
    states = [[dg.zeros(3), dg.ones(3)] for _ in range(2)]

    def run(step: Any, held: list[Any]) -> list[Any]:
        return [step(x * k, *held) for k in (1.0, 2.0, 3.0)]

    def step(x: Any, mean: Any, var: Any) -> Any:
        return norm(x, mean, var, None, None, True, 0.5)

    eager, compiled = run(step, states[0]), run(dg.compile(step), states[1])
    assert_bits_equal(compiled, eager)
    assert_bits_equal(states[1], states[0])
    means, spreads = np.zeros(3), np.ones(3)
    axes = (0, 2) if norm is F.batch_norm else (2,)
    for k in (1.0, 2.0, 3.0):
        now = array_of(x).astype(np.float64) * k
        means = 0.5 * means + 0.5 * now.mean(axes).reshape(-1, 3).mean(0)
        spreads = 0.5 * spreads + 0.5 * now.var(axes, ddof=1).reshape(-1, 3).mean(0)
    np.testing.assert_allclose(array_of(states[0][0]), means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(array_of(states[0][1]), spreads, rtol=1e-5)


def test_running_statistics_of_a_closure() -> None:
    """Captured buffers are read at call time and written back."""
    mean, var = dg.zeros(3), dg.ones(3)
    step = dg.compile(lambda x: F.batch_norm(x, mean, var, training=True))
    step(random(4, 3))
    once = mean.tolist()
    step(random(4, 3))
    assert mean.tolist() != once != [0.0, 0.0, 0.0]
    assert len(step.traces) == 1


def test_normalizing_zeros() -> None:
    """A row of zeros stays one, and its gradient is that of a division by eps."""
    x = dg.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    y = F.normalize(x, eps=0.5)
    assert_bits_equal(y, np.array([[0.0, 0.0], [0.6, 0.8]], np.float32))
    (g,) = dg.autograd.grad(y[0].sum(), x)
    assert g.tolist() == [[2.0, 2.0], [0.0, 0.0]]


def test_integers_are_resized_by_the_nearest() -> None:
    """No weight is needed, and none is there."""
    x = dg.tensor([[[1, 2, 3]]])
    assert F.interpolate(x, scale_factor=2.0).tolist() == [[[1, 1, 2, 2, 3, 3]]]


WARM = """
import numpy as np, dualgraph as dg
from dualgraph.targets.cpu.toolchain.native import stats
F = dg.nn.functional
x = dg.tensor(np.ones((1, 2, 6, 6), np.float32), requires_grad=True)
y = F.interpolate(F.avg_pool2d(F.max_pool2d(dg.conv2d(x, x[:1, :, :2, :2]), 2, 1), 2), size=3)
y.sum().backward()
print(stats.compiled, stats.loaded)
"""


def test_kernels_load_warm() -> None:
    """A second process takes the machine code of the first; none of it may need to raise."""
    environment = {**os.environ, "DUALGRAPH_CACHE": str(settings.cache_dir)}
    command = [sys.executable, "-c", WARM]
    said = [subprocess.check_output(command, env=environment, text=True) for _ in range(2)]
    compiled, loaded = map(int, said[1].split())
    assert compiled == 0
    assert loaded > 5
    kernels = list(settings.cache_dir.glob("*.o"))
    assert kernels
    assert not [k.name for k in kernels if RAISES.encode() in k.read_bytes()]
