"""The rest of Module: paths, iterators and their options, conversion, state dicts, parameters."""

import copy
import pickle

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, DTypeError, ShapeError
from tests.bits import assert_bits_equal


class Tied(nn.Module):
    """Two layers that share a weight, and a normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight
        self.norm = nn.BatchNorm1d(2)
        self.again = self.norm

    def forward(self, x):
        return self.norm(self.b(self.a(x)))


def test_iterators_take_pytorchs_options():
    net = Tied()
    assert [n for n, _ in net.named_parameters()] == [
        *("a.weight", "a.bias", "norm.weight", "norm.bias"),
    ]
    names = [n for n, _ in net.named_parameters("m", remove_duplicate=False)]
    assert names[:3] == ["m.a.weight", "m.a.bias", "m.b.weight"]
    assert "m.again.bias" in names
    assert list(net.named_parameters(recurse=False)) == []
    assert [n for n, _ in net.named_modules()] == ["", "a", "b", "norm"]
    assert [n for n, _ in net.named_modules(prefix="m", remove_duplicate=False)][-1] == "m.again"
    assert [n for n, _ in net.named_modules(memo={net.a})] == ["", "b", "norm"]
    assert len(list(net.buffers())) == 3
    assert list(net.buffers(recurse=False)) == []
    assert next(iter(net.state_dict(prefix="p."))) == "p.a.weight"
    assert net.state_dict(keep_vars=True)["a.weight"] is net.a.weight


def test_parts_are_found_by_path():
    net = nn.Sequential(Tied())
    assert net.get_parameter("0.a.weight") is net[0].a.weight
    assert net.get_buffer("0.norm.running_var") is net[0].norm.running_var
    with pytest.raises(ArgumentError, match=r"no parameter '0\.a\.scale'"):
        net.get_parameter("0.a.scale")
    with pytest.raises(ArgumentError, match=r"no buffer '0\.a\.weight'"):
        net.get_buffer("0.a.weight")
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'wieght'"):
        _ = net[0].a.wieght


def test_conversion_takes_pytorchs_forms():
    net = Tied()
    assert net.half().a.weight.dtype is dg.float16
    assert net.norm.num_batches_tracked.dtype is dg.int64
    assert net.to("cpu", dg.float64).a.weight.dtype is dg.float64
    assert net.to(dg.ones(1)).a.weight.dtype is dg.float32
    assert net.to(device="cpu") is net
    assert net.cpu().type(dg.float64).norm.running_mean.dtype is dg.float64
    for move in (lambda: net.to("cuda"), net.cuda):
        with pytest.raises(ArgumentError, match="'cuda' does not exist"):
            move()
    with pytest.raises(DTypeError, match="bfloat16"):
        net.bfloat16()


def test_one_error_lists_all_that_does_not_fit():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    given = {k: v.numpy() for k, v in net.state_dict().items()}
    given["0.weight"] = np.zeros((3, 4), "float32")
    given["2.weight"] = given.pop("1.running_mean")
    with pytest.raises(ArgumentError) as caught:
        net.load_state_dict(given)
    for part in (
        "missing in the state dict: 1.running_mean",
        "unexpected in the state dict: 2.weight",
        "0.weight: (3, 2) in the module, (3, 4) in the state dict",
    ):
        assert part in str(caught.value)
    with pytest.raises(ShapeError, match="shapes differ"):
        net.load_state_dict(given, strict=False)


def test_state_dicts_of_arrays_load():
    one, two = nn.LSTM(2, 3, 2, bidirectional=True), nn.LSTM(2, 3, 2, bidirectional=True)
    two.load_state_dict({k: v.numpy() for k, v in one.state_dict().items()})
    x = dg.ones(4, 1, 2)
    assert_bits_equal(one(x)[0], two(x)[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2d(1, 2, 2),
        lambda: nn.MaxPool2d(2),
        lambda: nn.BatchNorm2d(1),
        lambda: nn.utils.weight_norm(nn.Conv2d(1, 2, 2)),
    ],
)
def test_layers_copy_and_pickle(make):
    dg.manual_seed(0)
    net, x = make(), dg.ones(2, 1, 4, 4)
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    expected = net(x)
    for twin in twins:
        assert repr(twin) == repr(net)
        assert_bits_equal(twin(x), expected)


def test_options_are_bound_as_arguments_are():
    assert nn.MaxPool2d(3, padding=1).stride == 3
    assert nn.ELU(alpha=0.5).alpha == 0.5
    for wrong in (lambda: nn.MaxPool2d(), lambda: nn.ELU(beta=1.0), lambda: nn.GLU(1, 2)):
        with pytest.raises(TypeError, match="argument"):
            wrong()


def test_changed_options_retrace():
    layer = nn.LeakyReLU(0.5)
    run, x = dg.compile(layer), dg.tensor([-2.0, 2.0])
    assert run(x).tolist() == [-1.0, 2.0]
    layer.negative_slope = 0.25
    assert run(x).tolist() == [-0.5, 2.0]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "cannot both be cut into 2 groups"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "kernel_size must be an int or 2 ints"),
        (lambda: nn.Conv1d(3, 4, 3, padding_mode="mirror"), "padding_mode is one of zeros"),
        (lambda: nn.GroupNorm(2, 3), "3 channels cannot be cut into 2 groups"),
        (lambda: nn.GRU(2, 0), "hidden_size must be positive"),
        (lambda: nn.LSTM(2, 3, proj_size=3), "proj_size 3 must be below hidden_size"),
        (lambda: nn.RNN(2, 3, nonlinearity="sin"), "tanh or relu, not 'sin'"),
        (lambda: nn.MultiheadAttention(8, 3), "8 cannot be cut into 3 heads"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="elu"), "relu, gelu or a function"),
    ],
)
def test_wrong_arguments_of_constructors(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


@pytest.mark.parametrize(
    ("module", "shapes", "text"),
    [
        (lambda: nn.LSTM(3, 4), [(5, 2, 2)], r"the last one 3, got shape \(5, 2, 2\)"),
        (lambda: nn.GRU(3, 4), [(5, 2, 3), (1, 2, 3)], r"expected a state of shape \(1, 2, 4\)"),
        (lambda: nn.GRUCell(3, 4), [(2, 2)], r"expected an input of shape \(N, 3\)"),
        (lambda: nn.BatchNorm2d(3), [(2, 3, 4)], "expected 4 dimensions"),
        (lambda: nn.InstanceNorm1d(3, affine=True), [(2, 4, 5)], "has 4 channels, not 3"),
        (lambda: nn.MultiheadAttention(8, 2), [(3, 2, 8), (4, 2, 8), (3, 2, 8)], "do not fit"),
    ],
)
def test_wrong_shapes_name_the_layer(module, shapes, text):
    layer = module()
    with pytest.raises(ShapeError, match=text) as caught:
        layer(*(dg.ones(*s) for s in shapes))
    assert f"in module {type(layer).__name__}" in caught.value.__notes__[0]


# --- parameters in containers --------------------------------------------------------------------


def test_parameter_lists():
    held = nn.ParameterList([dg.ones(2), dg.zeros(3)])
    held.append(nn.Parameter(dg.ones(1)))
    held += [dg.ones(4)]
    assert [p.shape[0] for p in held] == [2, 3, 1, 4]
    assert len(list(held.parameters())) == len(held) == 4
    held[1] = dg.ones(5)
    assert [p.shape[0] for p in held] == [2, 5, 1, 4]
    assert held[-1].shape == (4,)
    assert len(held[1:3]) == 2
    with pytest.raises(IndexError, match="out of range"):
        held[4]
    with pytest.raises(ArgumentError, match="expected a list"):
        nn.ParameterList(dg.ones(2))
    assert repr(nn.ParameterList([dg.ones(2, 3)])) == (
        "ParameterList(\n  (0): Parameter containing: [dualgraph.float32 of size 2x3]\n)"
    )


def test_parameter_dicts():
    held = nn.ParameterDict({"a": dg.ones(2)})
    held["b"] = dg.zeros(3)
    assert held.keys() == ["a", "b"]
    assert "b" in held
    assert held.pop("a").shape == (2,)
    assert held.get("a") is None
    assert [n for n, _ in held.named_parameters()] == ["b"]
    assert [(k, v.shape) for k, v in held.items()] == [("b", (3,))]
    with pytest.raises(KeyError):
        held["a"]
    with pytest.raises(ArgumentError, match="'keys' cannot name"):
        held["keys"] = dg.ones(1)
    del held["b"]
    held.clear()
    assert len(held) == 0
    assert repr(held) == "ParameterDict()"


def test_a_layer_norm_may_have_no_bias_and_batch_norm_counts():
    assert nn.LayerNorm(3, bias=False).bias is None
    norm = nn.BatchNorm1d(2, momentum=None)
    batches = [dg.tensor(np.random.default_rng(i).normal(size=(4, 2))).float() for i in range(3)]
    for batch in batches:
        norm(batch)
    means = np.mean([b.numpy().mean(0) for b in batches], 0)
    np.testing.assert_allclose(norm.running_mean.numpy(), means, rtol=1e-5)
    assert norm.num_batches_tracked.item() == 3
    norm.reset_running_stats()
    assert norm.num_batches_tracked.item() == 0
    assert norm.running_var.tolist() == [1.0, 1.0]
