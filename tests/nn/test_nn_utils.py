"""nn.utils: sequences of different lengths, clipping, vectors, normed weights; starting values."""

import copy

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, GradError, ShapeError
from dualgraph.nn.utils import rnn
from tests.bits import assert_bits_equal


def numbers(*shape: int, seed: int = 0) -> dg.Tensor:
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype("float32"))


# --- sequences -----------------------------------------------------------------------------------


def test_padding_packing_and_back():
    given = [numbers(n, 2, seed=n) for n in (2, 4, 1)]
    padded = rnn.pad_sequence(given, padding_value=9.0)
    assert padded.shape == (4, 3, 2)
    assert padded[3, 0, 0].item() == 9.0
    assert rnn.pad_sequence(given, True, 0.0, "left")[2, 0, 0].item() == 0.0
    packed = rnn.pack_sequence(given, enforce_sorted=False)
    assert packed.batch_sizes == (3, 2, 1, 1)
    assert packed.sorted_indices.tolist() == [1, 0, 2]
    back, lengths = rnn.pad_packed_sequence(packed, padding_value=9.0)
    assert_bits_equal(back, padded)
    assert lengths.tolist() == [2, 4, 1]
    for found in (rnn.unpack_sequence(packed), rnn.unpad_sequence(padded, lengths)):
        for a, b in zip(found, given, strict=True):
            assert_bits_equal(a, b)
    assert rnn.pad_packed_sequence(packed, True, total_length=6)[0].shape == (3, 6, 2)


def test_packing_says_what_is_wrong_with_lengths():
    x = numbers(4, 3, 2)
    with pytest.raises(ArgumentError, match="increase somewhere"):
        rnn.pack_padded_sequence(x, [2, 4, 1])
    with pytest.raises(ArgumentError, match="expected 3 lengths from 1 to 4"):
        rnn.pack_padded_sequence(x, [5, 4, 1])
    with pytest.raises(ArgumentError, match="total_length 2 is below"):
        rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [4, 2, 1]), total_length=2)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_packed_batch_is_each_sequence_alone(kind):
    dg.manual_seed(0)
    net = kind(2, 3, 2, bidirectional=True)
    given = [numbers(n, 2, seed=n) for n in (2, 4, 1)]
    out, last = net(rnn.pack_sequence(given, enforce_sorted=False))
    last = last if isinstance(last, tuple) else (last,)
    for i, (x, y) in enumerate(zip(given, rnn.unpack_sequence(out), strict=True)):
        alone, ends = net(x)
        np.testing.assert_allclose(y.detach().numpy(), alone.detach().numpy(), 1e-5, 1e-6)
        for a, b in zip(ends if isinstance(ends, tuple) else (ends,), last, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b[:, i].detach().numpy(), 1e-5, 1e-6)


def test_packed_sequences_compile():
    dg.manual_seed(0)
    net = nn.GRU(2, 3)

    def step(x):
        packed = rnn.pack_padded_sequence(x, [2, 3, 1], enforce_sorted=False)
        out, lengths = rnn.pad_packed_sequence(net(packed)[0])
        return out, lengths, *dg.autograd.grad(out.square().sum(), list(net.parameters()))

    x = numbers(3, 3, 2)
    for a, b in zip(step(x), dg.compile(step)(x), strict=True):
        assert_bits_equal(a, b)


# --- gradients and vectors -----------------------------------------------------------------------


@pytest.mark.parametrize("norm", [2.0, 1.0, float("inf")])
def test_clipping_the_norm(norm):
    w, b = (dg.ones(n, requires_grad=True) for n in (3, 2))
    ((w * numbers(3)).sum() * 5 + (b * numbers(2)).sum()).backward()
    before = np.concatenate([w.grad.numpy(), b.grad.numpy()])
    total = nn.utils.clip_grad_norm_([w, b], 0.5, norm)
    np.testing.assert_allclose(total.item(), np.linalg.norm(before, norm), rtol=1e-6)
    after = np.concatenate([w.grad.numpy(), b.grad.numpy()])
    np.testing.assert_allclose(after, before * 0.5 / (np.linalg.norm(before, norm) + 1e-6), 1e-5)
    nn.utils.clip_grad_value_([w, b], 0.01)
    assert np.abs(w.grad.numpy()).max() <= np.float32(0.01)
    assert nn.utils.clip_grad_norm_([dg.ones(1)], 1.0).item() == 0.0


def test_clipping_refuses_what_is_not_finite_when_asked():
    w = dg.ones(2, requires_grad=True)
    w.grad = dg.tensor([1.0, float("inf")])
    with pytest.raises(GradError, match="nothing was clipped"):
        nn.utils.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)
    assert w.grad.numpy()[0] == 1.0


def test_clipping_in_a_compiled_step():
    dg.manual_seed(0)
    one = nn.Linear(3, 2)
    two = copy.deepcopy(one)
    norms = []
    for net, wrap in ((one, lambda f: f), (two, dg.compile)):
        opt = dg.optim.SGD(net.parameters(), lr=0.5)

        def step(x, net=net, opt=opt):
            opt.zero_grad()
            net(x).square().sum().backward()
            total = nn.utils.clip_grad_norm_(net.parameters(), 0.1)
            nn.utils.clip_grad_value_(net.parameters(), 0.05)
            opt.step()
            return total

        run = wrap(step)
        norms.append([run(numbers(4, 3)) for _ in range(2)])
    for a, b in zip([*norms[0], *one.parameters()], [*norms[1], *two.parameters()], strict=True):
        assert_bits_equal(a, b)


def test_parameters_as_a_vector_and_back():
    net = nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(net.parameters())
    nn.utils.vector_to_parameters(vector.detach() * 2, net.parameters())
    assert_bits_equal(nn.utils.parameters_to_vector(net.parameters()), vector.detach() * 2)
    with pytest.raises(ShapeError, match="hold 8 elements"):
        nn.utils.vector_to_parameters(dg.ones(3), net.parameters())


# --- normed weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_normed_weights_agree_in_both_frontends(norm):
    dg.manual_seed(0)
    one = norm(nn.Linear(3, 2))
    two = copy.deepcopy(one)
    found = []
    for net, wrap in ((one, lambda f: f), (two, dg.compile)):

        def step(x, net=net):
            out = net(x)
            return out, *dg.autograd.grad(out.square().sum(), list(net.parameters()))

        run = wrap(step)
        found.append([r for _ in range(2) for r in run(numbers(4, 3))] + list(net.buffers()))
    for a, b in zip(*found, strict=True):
        assert_bits_equal(a, b)


def test_weight_norm_comes_and_goes():
    net = nn.Conv1d(2, 3, 2)
    before = net.weight.detach().clone()
    nn.utils.weight_norm(net)
    assert sorted(net.state_dict()) == ["bias", "weight_g", "weight_v"]
    assert net.weight_g.shape == (3, 1, 1)
    np.testing.assert_allclose(net.weight.detach().numpy(), before.numpy(), rtol=1e-6)
    with pytest.raises(ArgumentError, match="derived already"):
        nn.utils.weight_norm(net)
    nn.utils.remove_weight_norm(net)
    assert sorted(net.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(net.weight.detach().numpy(), before.numpy(), rtol=1e-6)
    with pytest.raises(ArgumentError, match="has no WeightNorm"):
        nn.utils.remove_weight_norm(net)


def test_spectral_norm_makes_the_largest_singular_value_one():
    dg.manual_seed(0)
    net = nn.utils.spectral_norm(nn.Linear(5, 4), n_power_iterations=50)
    net(dg.ones(1, 5))
    assert abs(np.linalg.norm(net.weight.detach().numpy(), 2) - 1) < 1e-3
    vector = net.weight_u.clone()
    net.eval()(dg.ones(1, 5))
    assert_bits_equal(net.weight_u, vector)
    assert sorted(net.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    nn.utils.remove_spectral_norm(net)
    assert sorted(net.state_dict()) == ["bias", "weight"]
    assert not net._hooks


# --- starting values -----------------------------------------------------------------------------

WIDE = (200, 300)  # fan_in 300, fan_out 200
DEVIATIONS = {
    "normal_": ((0.0, 2.0), {}, 2.0),
    "uniform_": ((-3.0, 3.0), {}, 3**0.5),
    "xavier_uniform_": ((2.0,), {}, 2 * (2 / 500) ** 0.5),
    "xavier_normal_": ((), {}, (2 / 500) ** 0.5),
    "kaiming_uniform_": ((), {"nonlinearity": "relu", "mode": "fan_out"}, (2 / 200) ** 0.5),
    "kaiming_normal_": ((1.0,), {}, (1 / 300) ** 0.5),
    "trunc_normal_": ((0.0, 1.0, -1.0, 1.0), {}, 0.5396),
    "sparse_": ((0.75, 1.0), {}, 0.5),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_starting_values_have_their_deviation(name):
    args, options, deviation = DEVIATIONS[name]
    dg.manual_seed(0)
    w = nn.Parameter(dg.zeros(*WIDE))
    assert getattr(nn.init, name)(w, *args, **options) is w
    values = w.detach().numpy()
    assert abs(values.mean()) < 0.02 * deviation
    np.testing.assert_allclose(values.std(), deviation, rtol=0.02)
    assert w.grad_fn is None


def test_starting_values_that_are_not_drawn():
    assert_bits_equal(nn.init.eye_(dg.zeros(2, 3)), dg.eye(2, 3))
    weight = nn.init.dirac_(dg.zeros(4, 2, 3), groups=2)
    x = numbers(1, 4, 5)
    assert_bits_equal(nn.functional.conv1d(x, weight, padding=1, groups=2), x)
    assert nn.init.constant_(dg.zeros(2), 3.0).tolist() == [3.0, 3.0]


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (4, 3, 2)])
def test_orthogonal_rows_or_columns(shape):
    w = nn.init.orthogonal_(dg.zeros(*shape), gain=2.0).numpy().reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)


def test_truncated_values_lie_within_and_sparse_columns_are_sparse():
    values = nn.init.trunc_normal_(dg.zeros(1000), 0.0, 1.0, -0.5, 2.0).numpy()
    assert values.min() >= -0.5
    assert values.max() <= 2.0
    assert ((nn.init.sparse_(dg.zeros(8, 5), 0.5).numpy() == 0).sum(0) == 4).all()


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [("linear", None, 1.0), ("tanh", None, 5 / 3), ("relu", None, 2**0.5), ("selu", None, 0.75),
     ("leaky_relu", None, (2 / 1.0001) ** 0.5), ("leaky_relu", 1.0, 1.0)],
)  # fmt: skip
def test_gains(name, param, gain):
    assert nn.init.calculate_gain(name, param) == pytest.approx(gain)


def test_init_says_what_is_wrong():
    with pytest.raises(ArgumentError, match="calculate_gain knows linear"):
        nn.init.calculate_gain("gelu")
    with pytest.raises(ArgumentError, match="fan_in or fan_out"):
        nn.init.kaiming_normal_(dg.zeros(2, 2), mode="fan")
    with pytest.raises(ShapeError, match="eye_: expected 2 axes"):
        nn.init.eye_(dg.zeros(2))
    with pytest.raises(ShapeError, match="dirac_: expected 3 or 4 or 5"):
        nn.init.dirac_(dg.zeros(2, 2))
