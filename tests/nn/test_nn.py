"""Modules, layers and losses: the tree, its guards, and values against PyTorch and NumPy."""

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.core.dispatch import state
from dualgraph.core.scope import current_path, scopes
from dualgraph.errors import ArgumentError, AxisError, DTypeError, ShapeError
from dualgraph.nn import functional as F


class Block(nn.Module):
    """A linear map, a buffer and a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.register_buffer("count", dg.tensor([1.0]))
        self.register_buffer("cache", dg.tensor([5.0]), persistent=False)
        self.factor = 2.0

    def forward(self, x):
        return self.fc(x) * self.factor


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), Block())


# --- the tree ------------------------------------------------------------------------------------


def test_parameters_buffers_and_modules_are_found_by_path():
    net = model()
    assert [n for n, _ in net.named_parameters()] == [
        "0.weight",
        "0.bias",
        "2.fc.weight",
        "2.fc.bias",
    ]
    assert [n for n, _ in net.named_buffers()] == ["2.count", "2.cache"]
    assert [n for n, _ in net.named_modules()] == ["", "0", "1", "2", "2.fc"]
    assert list(net.state_dict()) == [
        "0.weight",
        "0.bias",
        "2.count",
        "2.fc.weight",
        "2.fc.bias",
    ]
    assert net.get_submodule("2.fc") is net[2].fc


def test_shared_parts_are_listed_once_and_saved_under_each_name():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    assert len(list(net.parameters())) == 2
    assert len(list(net.modules())) == 2
    assert len(net.state_dict()) == 4


def test_train_eval_and_requires_grad_reach_every_part():
    net = model().eval()
    assert not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_zero_grad_drops_or_clears():
    net = nn.Linear(2, 1)
    net(dg.ones(3, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert np.array_equal(net.weight.grad.numpy(), np.zeros((1, 2), np.float32))
    net.zero_grad()
    assert net.weight.grad is None


def test_double_converts_values_gradients_and_buffers_in_place():
    net = model()
    weight = net[0].weight
    net(dg.ones(2, 4)).sum().backward()
    net.double()
    assert net[0].weight is weight
    for tensor in (weight, weight.grad, net[2].count, net(dg.ones(2, 4, dtype="float64"))):
        assert tensor.dtype.name == "float64"
    with pytest.raises(DTypeError, match="floating dtype"):
        net.to("int64")


def test_a_tape_from_before_a_conversion_refuses_to_go_on():
    net = nn.Linear(2, 1)
    out = net(dg.ones(3, 2, requires_grad=True)).sum()
    net.double()
    with pytest.raises(dg.errors.GradError, match="modified in place"):
        out.backward()


def test_apply_visits_children_first():
    seen = []
    nn.Sequential(nn.Linear(1, 1), nn.ReLU()).apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "ReLU", "Sequential"]


def test_modules_copy_and_pickle_with_their_values():
    net = model()
    x = dg.ones(2, 4)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert np.array_equal(twin(x).detach().numpy(), net(x).detach().numpy())
        assert isinstance(twin[0].weight, nn.Parameter)
        assert twin[0].weight is not net[0].weight
        assert twin[0].weight.requires_grad


# --- attribute changes: what a compiled function guards on ---------------------------------------


def test_every_attribute_change_is_counted():
    net = Block()
    version, epoch = net._version, nn.Module._epoch[0]
    net.factor = 3.0
    assert (net._version, nn.Module._epoch[0]) == (version + 1, epoch + 1)
    net.factor = net.factor  # identical: nothing changed
    net.train()
    assert (net._version, nn.Module._epoch[0]) == (version + 1, epoch + 1)
    net.eval()  # the block and its layer
    assert (net._version, nn.Module._epoch[0]) == (version + 2, epoch + 3)
    del net.factor
    assert (net._version, nn.Module._epoch[0]) == (version + 3, epoch + 4)


def test_counters_of_instances_are_apart():
    one, two = Block(), Block()
    before = two._version
    one.factor = 9.0
    assert two._version == before


def test_deleting_a_buffer_forgets_its_name():
    net = Block()
    del net.count
    assert [n for n, _ in net.named_buffers()] == ["cache"]


def test_a_plain_tensor_cannot_replace_a_parameter():
    net = nn.Linear(2, 2)
    with pytest.raises(DTypeError, match="cannot assign a plain Tensor as parameter 'weight'"):
        net.weight = dg.ones(2, 2)
    net.bias = None
    assert [n for n, _ in net.named_parameters()] == ["weight"]


def test_register_functions_check_what_they_get():
    net = nn.Module()
    with pytest.raises(DTypeError, match="expected a Parameter"):
        net.register_parameter("w", dg.ones(1))
    with pytest.raises(DTypeError, match="expected a Tensor"):
        net.register_buffer("b", 3.0)
    with pytest.raises(ArgumentError, match="cannot name a part"):
        net.register_module("a.b", nn.ReLU())


def test_parameter_takes_floating_tensors():
    assert nn.Parameter(dg.ones(2), requires_grad=False).requires_grad is False
    assert nn.Parameter(dg.tensor([1]), requires_grad=False).dtype.name == "int64"
    with pytest.raises(DTypeError, match="only floating"):
        nn.Parameter(dg.tensor([1]))
    with pytest.raises(DTypeError, match="expected a Tensor, got list"):
        nn.Parameter([1.0])
    data = dg.ones(2)
    assert nn.Parameter(data).value is data.value


# --- calls ---------------------------------------------------------------------------------------


def test_paths_are_pushed_only_while_tracing():
    paths = []

    class Spy(nn.Module):
        def forward(self, x):
            paths.append(current_path())
            return x

    inner = Spy()
    net = nn.Sequential(nn.Sequential(inner), Spy())
    net(1.0)
    state.tracing, scopes.seen = True, []
    try:
        net(1.0)
        seen = scopes.seen
    finally:
        state.tracing, scopes.seen = False, None
    assert paths == ["", "", "Sequential.0.0", "Sequential.1"]
    assert seen == [net, net[0], inner, net[1]]
    assert current_path() == ""


def test_an_error_names_the_layer_and_its_path():
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(5, 2)))
    with pytest.raises(ShapeError, match=r"\(3, 4\) does not fit a weight.*must be 5") as caught:
        net(dg.ones(3, 4))
    note = caught.value.__notes__[0]
    assert note == "in module Sequential.1.0: Linear(in_features=5, out_features=2, bias=True)"
    assert "test_nn.py" in str(caught.value)


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        nn.Module()()


# --- Sequential and printing ---------------------------------------------------------------------


def test_sequential_indexing_and_names():
    net = nn.Sequential(OrderedDict(a=nn.Linear(2, 2), b=nn.ReLU()))
    assert net.a is net[0]
    assert net.b is net[-1]
    assert len(net[:1]) == 1
    assert net.append(nn.Tanh())[2].__class__ is nn.Tanh
    with pytest.raises(IndexError, match="out of range"):
        net[3]
    with pytest.raises(ArgumentError, match="part 0 is a type"):
        nn.Sequential(nn.ReLU)


def test_repr_is_pytorchs():
    net = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Dropout(0.1), nn.GELU()))
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): Dropout(p=0.1, inplace=False)\n"
        "    (1): GELU(approximate='none')\n"
        "  )\n"
        ")"
    )


# --- state dicts ---------------------------------------------------------------------------------


def test_state_dict_round_trip_keeps_every_bit():
    one, two = model(), model()
    two.load_state_dict(one.state_dict())
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert a.value is not b.value
        assert np.array_equal(a.detach().numpy(), b.detach().numpy())


def test_load_names_everything_that_does_not_fit_and_changes_nothing():
    net = nn.Linear(3, 2)
    before = net.weight.detach().numpy().copy()
    with pytest.raises(ArgumentError, match=r"(?s)missing.*bias.*unexpected.*extra"):
        net.load_state_dict({"weight": dg.zeros(2, 3), "extra": dg.zeros(1)})
    with pytest.raises(ShapeError, match=r"weight: \(2, 3\) in the module, \(3, 2\)"):
        net.load_state_dict({"weight": dg.zeros(3, 2), "bias": dg.zeros(2)})
    assert np.array_equal(net.weight.detach().numpy(), before)
    keys = net.load_state_dict({"weight": dg.zeros(2, 3)}, strict=False)
    assert keys == (["bias"], [])
    assert not net.weight.detach().numpy().any()


# --- starting values -----------------------------------------------------------------------------


def test_linear_starts_within_pytorchs_bounds_and_from_the_seed():
    dg.manual_seed(5)
    first = nn.Linear(100, 50)
    dg.manual_seed(5)
    second = nn.Linear(100, 50)
    weight = first.weight.detach().numpy()
    assert np.array_equal(weight, second.weight.detach().numpy())
    assert 0.0995 < np.abs(weight).max() <= 0.1
    assert abs(weight.mean()) < 0.005
    assert np.abs(first.bias.detach().numpy()).max() <= 0.1


def test_init_functions():
    w = dg.zeros(400, 300)
    assert abs(nn.init.normal_(w, 1.0, 2.0).numpy().std() - 2.0) < 0.02
    assert np.abs(nn.init.xavier_uniform_(w).numpy()).max() <= (6 / 700) ** 0.5
    assert nn.init.ones_(w).numpy().all()
    with pytest.raises(ShapeError, match="two axes"):
        nn.init.kaiming_uniform_(dg.zeros(3))


# --- layers and losses against NumPy and PyTorch -------------------------------------------------


def test_dropout_scales_what_it_keeps_and_rests_in_evaluation():
    dg.manual_seed(1)
    layer = nn.Dropout(0.25)
    out = layer(dg.ones(4000)).numpy()
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((out == 0).mean() - 0.25) < 0.03
    x = dg.ones(3)
    assert layer.eval()(x) is x
    assert not F.dropout(x, 1.0).numpy().any()
    with pytest.raises(ArgumentError, match=r"\[0, 1\]"):
        nn.Dropout(1.5)


def _both(torch, array):
    ours = dg.tensor(array, requires_grad=array.dtype.kind == "f")
    theirs = torch.tensor(array, requires_grad=array.dtype.kind == "f")
    return ours, theirs


def _agree(ours, theirs, inputs, tolerance=1e-12):
    """Compare values, and gradients of a weighted sum, with PyTorch's."""
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance
    )
    ours.sum().backward()
    theirs.sum().backward()
    for a, b in inputs:
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("ignore", [None, 2])
@pytest.mark.parametrize("shape", [(6, 4), (4,), (3, 4, 5)])
def test_cross_entropy_is_pytorchs(reduction, weighted, smoothing, ignore, shape):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, x_torch = _both(torch, rng.normal(size=shape))
    axis = 1 if len(shape) > 1 else 0
    classes = rng.integers(0, 4, size=shape[:axis] + shape[axis + 1 :])
    if not classes.ndim:
        classes = np.array(1)  # PyTorch's mean over nothing is NaN: keep the class counted
    target, target_torch = _both(torch, classes)
    weight = rng.uniform(0.5, 2.0, size=4) if weighted else None
    ours = F.cross_entropy(
        x,
        target,
        dg.tensor(weight) if weighted else None,
        ignore_index=-100 if ignore is None else ignore,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    theirs = torch.nn.functional.cross_entropy(
        x_torch,
        target_torch,
        torch.tensor(weight) if weighted else None,
        ignore_index=-100 if ignore is None else ignore,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    assert ours.shape == tuple(theirs.shape)
    _agree(ours, theirs, [(x, x_torch)])


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "gelu", "gelu_tanh"])
def test_activations_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    x, x_torch = _both(torch, np.random.default_rng(1).normal(size=(5, 7)) * 3)
    options = {"approximate": "tanh"} if name == "gelu_tanh" else {}
    function = name.partition("_")[0]
    theirs = getattr(torch.nn.functional, function)(x_torch, **options)
    _agree(getattr(F, function)(x, **options), theirs, [(x, x_torch)])


def test_linear_layer_norm_and_mse_are_pytorchs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    pairs = [_both(torch, rng.normal(size=s)) for s in ((2, 6, 5), (3, 5), (3,), (5,), (5,))]
    (x, xt), (w, wt), (b, bt), (scale, scale_t), (shift, shift_t) = pairs
    target, target_t = _both(torch, rng.normal(size=(2, 6, 3)))
    f = torch.nn.functional
    ours = F.linear(F.layer_norm(x, (5,), scale, shift), w, b)
    theirs = f.linear(f.layer_norm(xt, (5,), scale_t, shift_t), wt, bt)
    _agree(F.mse_loss(ours, target), f.mse_loss(theirs, target_t), pairs)


def test_modules_call_their_functions():
    x, target = dg.tensor([[1.0, -2.0, 0.5]]), dg.tensor([2])
    weight = dg.tensor([1.0, 2.0, 3.0])
    pairs = [
        (nn.ReLU(), F.relu(x)),
        (nn.Tanh(), F.tanh(x)),
        (nn.Sigmoid(), F.sigmoid(x)),
        (nn.GELU("tanh"), F.gelu(x, "tanh")),
        (nn.Identity(), x),
        (nn.Flatten(0), x.flatten()),
        (nn.LayerNorm(3), F.layer_norm(x, (3,))),
    ]
    for module, expected in pairs:
        assert np.array_equal(module(x).detach().numpy(), expected.numpy())
    loss = nn.CrossEntropyLoss(weight, reduction="sum", label_smoothing=0.2)
    expected = F.cross_entropy(x, target, weight, reduction="sum", label_smoothing=0.2)
    assert loss(x, target).item() == expected.item()
    assert nn.MSELoss(reduction="sum")(x, x).item() == 0.0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x, t: F.cross_entropy(x, t[:2]), ShapeError, r"\(3, 4\) do not fit targets"),
        (lambda x, t: F.cross_entropy(x, x[:2]), DTypeError, "integer class indices"),
        (lambda x, t: F.cross_entropy(x, t, dg.ones(3)), ShapeError, r"expected \(4,\)"),
        (lambda x, t: F.cross_entropy(x, t + 3), AxisError, "index 4 is out of range"),
        (lambda x, t: F.cross_entropy(x, t - 102), AxisError, "index -10. is out of range"),
        (lambda x, t: F.cross_entropy(x, t, reduction="avg"), ArgumentError, "not 'avg'"),
        (lambda x, t: F.mse_loss(x, x[:2]), ShapeError, "cannot be broadcast"),
        (lambda x, t: F.gelu(x, "erf"), ArgumentError, "none or tanh"),
        (lambda x, t: F.layer_norm(x, (3,)), ShapeError, r"does not end in \(3,\)"),
    ],
)
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call(dg.ones(3, 4), dg.tensor([1, 0, 1]))
