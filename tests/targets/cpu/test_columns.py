"""Windows as columns: written and added by lines, or as one run where lines follow each other."""

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.nn import functional as F
from tests.bits import assert_bits_equal

# image, window, padding, dilation, stride; the outputs of all but the last are as wide as the image
CASES = [
    ((5, 7), (3, 3), (1, 1), (1, 1), (1, 1)),
    ((6, 5), (5, 3), (0, 1), (1, 1), (1, 1)),
    ((5, 6), (3, 5), (4, 2), (1, 1), (1, 1)),
    ((4, 3), (3, 3), (4, 4), (4, 4), (1, 1)),
    ((2, 1), (3, 3), (3, 1), (1, 1), (1, 1)),
    ((1, 9), (1, 3), (0, 1), (1, 1), (1, 1)),
    ((3, 2), (3, 5), (3, 4), (3, 2), (1, 1)),
    ((8, 8), (1, 1), (0, 0), (1, 1), (1, 1)),
    ((7, 9), (3, 3), (1, 1), (1, 1), (2, 2)),
]


def unfolded(x: np.ndarray, case: tuple) -> np.ndarray:
    """Return the columns by the definition."""
    _, (kh, kw), (ph, pw), (dh, dw), (sh, sw) = case
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    oh = (padded.shape[2] - dh * (kh - 1) - 1) // sh + 1
    ow = (padded.shape[3] - dw * (kw - 1) - 1) // sw + 1
    parts = [
        padded[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return np.stack([p[:, :, :oh, :ow] for p in parts], 2).reshape(len(x), -1, oh * ow)


def sample(case: tuple, channels: int) -> np.ndarray:
    """Return an image with every kind of number."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, channels, *case[0])).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = -0.0
    return x


@pytest.mark.parametrize("case", CASES, ids=str)
def test_columns_are_those_of_the_definition(case: tuple) -> None:
    x = sample(case, 3)
    _, kernel, padding, dilation, stride = case
    columns = F.unfold(dg.tensor(x), kernel, dilation, padding, stride)
    assert_bits_equal(columns, unfolded(x, case))


@pytest.mark.parametrize("special", [0.0, np.inf], ids=["finite", "infinite"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_convolution_is_a_product_with_columns(case: tuple, special: float) -> None:
    x, rng = sample(case, 3), np.random.default_rng(1)
    size, kernel, padding, dilation, stride = case
    x[0, 1, 0, 0] = special
    weight = rng.standard_normal((4, 3, *kernel)).astype(np.float32)
    image, wide = dg.tensor(x, requires_grad=True), dg.tensor(weight)
    out = F.conv2d(image, wide, None, stride, padding, dilation)
    flat = wide.reshape(4, -1)
    assert_bits_equal(out, (flat @ dg.tensor(unfolded(x, case))).reshape(*out.shape), "forward")
    g = dg.tensor(rng.standard_normal(tuple(out.shape)).astype(np.float32))
    g[0, 1, 0, 0] = special
    columns = flat.T @ g.reshape(2, 4, -1)
    out.backward(g)
    expected = F.fold(columns, size, kernel, dilation, padding, stride)
    assert_bits_equal(image.grad, expected, "gradient of the input")


def test_columns_of_many_blocks() -> None:
    """A block of windows may begin in the middle of a line."""
    x = np.random.default_rng(0).standard_normal((1, 40, 33, 37)).astype(np.float32)
    case = ((33, 37), (3, 3), (1, 1), (1, 1), (1, 1))
    weight = np.random.default_rng(1).standard_normal((2, 40, 3, 3)).astype(np.float32)
    out = F.conv2d(dg.tensor(x), dg.tensor(weight), padding=1)
    columns = dg.tensor(unfolded(x, case))
    assert_bits_equal(out, (dg.tensor(weight).reshape(2, -1) @ columns).reshape(*out.shape))
