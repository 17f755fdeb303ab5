"""Adaptive softmax, fractional pools, pretrained tables, PyTorch's names in ``nn.modules``."""

import copy
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, AxisError, DualgraphError, ShapeError
from dualgraph.nn import functional as F
from dualgraph.nn.modules.batchnorm import _BatchNorm
from dualgraph.nn.modules.conv import _ConvNd
from dualgraph.nn.modules.utils import _pair, _triple
from tests.bits import assert_bits_equal


def numbers(*shape: int) -> dg.Tensor:
    return dg.tensor(np.random.default_rng(0).normal(size=shape).astype("float32"))


# --- adaptive softmax ----------------------------------------------------------------------------


def adaptive() -> nn.AdaptiveLogSoftmaxWithLoss:
    dg.manual_seed(0)
    return nn.AdaptiveLogSoftmaxWithLoss(16, 12, [3, 7], div_value=2.0)


def test_all_classes_of_an_adaptive_softmax() -> None:
    torch = pytest.importorskip("torch")
    ours = adaptive().double()
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 12, [3, 7], div_value=2.0).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    x = numbers(40, 16).double() * 3
    expected = theirs.log_prob(torch.tensor(x.numpy()))
    np.testing.assert_allclose(ours.log_prob(x).detach().numpy(), expected.detach().numpy(), 1e-10)
    assert ours.predict(x).tolist() == theirs.predict(torch.tensor(x.numpy())).tolist()
    np.testing.assert_allclose(np.exp(ours.log_prob(x).detach().numpy()).sum(1), 1.0, 1e-12)


def test_an_adaptive_softmax_draws_anew_and_compiles_once_for_all_targets() -> None:
    net, x = adaptive(), numbers(4, 16)
    before = net.head.weight.detach().clone()
    net.reset_parameters()
    assert not dg.equal(net.head.weight, before)
    run = dg.compile(lambda x, y: tuple(net(x, y)))
    for y in ([0, 1, 2, 0], [3, 6, 7, 11], [11, 0, 5, 2]):
        assert_bits_equal(run(x, dg.tensor(y)), tuple(net(x, dg.tensor(y))))
    assert len(run.traces) == 1
    for call in (net, run):
        for wrong in (12, -1):
            with pytest.raises(AxisError, match="out of range"):
                call(x, dg.tensor([0, 1, 2, wrong]))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [7, 3]), r"increasing ints .* got \[7, 3\]"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 12]), r"1 and n_classes - 1 = 11"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, []), r"got \[\]"),
        (
            lambda: adaptive()(dg.ones(3, 16), dg.tensor([1])),
            r"\(3, 16\) and target of shape \(1,\)",
        ),
        (lambda: F.fractional_max_pool2d(dg.ones(1, 4, 4), 2), "one of output_size and output_rat"),
        (lambda: F.fractional_max_pool2d(dg.ones(1, 4, 4), 2, 4), r"\(4, 4\) windows of \(2, 2\)"),
        (lambda: F.fractional_max_pool3d(dg.ones(4, 4), 2, 2), "expected 4 or 5 dimensions"),
        (
            lambda: F.fractional_max_pool2d(dg.ones(1, 4, 4), 2, output_ratio=1.5),
            "output_ratio must lie between 0 and 1",
        ),
        (
            lambda: F.fractional_max_pool2d(dg.ones(1, 4, 4), 2, 2, None, False, dg.ones(1, 2)),
            r"expected \(1, 1, 2\)",
        ),
        (lambda: F.pdist(dg.ones(3)), r"needs a matrix \(N, M\), got shape \(3,\)"),
        (lambda: F.pdist(dg.ones(3, 2), -1), "p must not be negative"),
        (
            lambda: F.linear_cross_entropy(dg.ones(2, 3), dg.ones(4, 2), dg.tensor([0, 1])),
            r"input \(2, 3\), linear_weight \(4, 2\) and linear_bias \(4,\) do not fit",
        ),
        (
            lambda: F.linear_cross_entropy(
                *(dg.ones(2, 3), dg.ones(4, 3), dg.ones(2, 4)), ignore_index=1
            ),
            "ignore_index is for class indices",
        ),
        (lambda: nn.LinearCrossEntropyLoss(2, 3, options=1), "options=None"),
        (lambda: nn.Embedding.from_pretrained(dg.ones(3)), r"expected a table .* got shape \(3,\)"),
        (lambda: nn.Embedding(4, 2, _weight=dg.ones(3, 2)), "is not 4 rows of 2"),
    ],
)
def test_wrong_arguments_are_named(call: Any, text: str) -> None:
    with pytest.raises(DualgraphError, match=text) as found:
        call()
    assert isinstance(found.value, ArgumentError | ShapeError)


def test_fractional_pools_draw_from_the_generator() -> None:
    x = numbers(1, 2, 9, 9)
    dg.manual_seed(3)
    first = F.fractional_max_pool2d(x, 2, output_ratio=0.6)
    assert not dg.equal(F.fractional_max_pool2d(x, 2, output_ratio=0.6), first)
    dg.manual_seed(3)
    again, places = F.fractional_max_pool2d(x, 2, output_ratio=0.6, return_indices=True)
    assert_bits_equal(again, first)
    assert_bits_equal(x.flatten(2).gather(2, places.flatten(2)).view(again.shape), again)
    whole = F.fractional_max_pool2d(x, 9, output_size=1)
    assert_bits_equal(whole.flatten(), x.amax((2, 3)).flatten())


# --- tables, names -------------------------------------------------------------------------------


def test_pretrained_tables_are_shared_and_frozen() -> None:
    table = numbers(5, 3)
    layer = nn.Embedding.from_pretrained(table, padding_idx=-1)
    assert np.shares_memory(layer.weight.detach().numpy(), table.numpy())
    assert (layer.weight.requires_grad, layer.padding_idx) == (False, 4)
    assert_bits_equal(layer(dg.tensor([4, 0])), table[[4, 0]])
    bags = nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum")
    assert (bags.weight.requires_grad, bags.mode) == (True, "sum")
    assert_bits_equal(bags(dg.tensor([[1, 2]])).detach(), table[1:2] + table[2:3])


def test_names_by_which_other_code_knows_layers() -> None:
    assert isinstance(nn.BatchNorm2d(1), _BatchNorm)
    assert not isinstance(nn.LayerNorm(1), _BatchNorm)
    assert isinstance(nn.ConvTranspose1d(1, 1, 1), _ConvNd)
    assert nn.modules.module.Module is nn.Module
    assert (_pair(2), _triple([1, 2, 3])) == ((2, 2), (1, 2, 3))
    layer = nn.PReLU(2, 0.5)
    twin = copy.deepcopy(layer)
    nn.init.zeros_(layer.weight)
    layer.reset_parameters()
    assert_bits_equal(layer.weight, twin.weight)


def test_a_gradient_penalty_as_it_is_written() -> None:
    x = numbers(4, 3).requires_grad_()
    net = nn.Linear(3, 1)
    (slope,) = dg.autograd.grad(
        outputs=net(x), inputs=x, grad_outputs=dg.ones(4, 1), create_graph=True,
        retain_graph=True, only_inputs=True,
    )  # fmt: skip
    ((slope.norm(2, dim=1) - 1) ** 2).mean().backward()
    assert net.weight.grad is not None


def test_modes_decorate_with_and_without_parentheses() -> None:
    x = dg.ones(1, requires_grad=True)

    @dg.no_grad
    def bare(x: Any) -> Any:
        return x * 2

    @dg.autograd.no_grad()
    def called(x: Any) -> Any:
        return dg.enable_grad(lambda x: x * 2)(x)

    assert (bare(x).requires_grad, called(x).requires_grad) == (False, True)
    with dg.autograd.detect_anomaly(check_nan=False):
        (x * (x - x) / (x - x)).sum().backward()


# --- attention on given parameters ---------------------------------------------------------------


def parameters_of(net: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments behind query, key and value, as PyTorch's own module gives them."""
    named = ["in_proj_weight", "in_proj_bias", "bias_k", "bias_v"]
    given = [net.embed_dim, net.num_heads, *(getattr(net, n) for n in named), net.add_zero_attn]
    separate = net.in_proj_weight is None
    options = {"use_separate_proj_weight": separate, "training": False}
    options |= {f"{n}_proj_weight": getattr(net, f"{n}_proj_weight") for n in "qkv" if separate}
    return [*given, net.dropout, net.out_proj.weight, net.out_proj.bias], options


@pytest.mark.parametrize(
    ("options", "shapes"),
    [
        ({}, [(3, 2, 8)] * 3),
        ({"bias": False}, [(3, 8)] * 3),
        (
            {"kdim": 6, "vdim": 5, "add_bias_kv": True, "add_zero_attn": True},
            [(3, 2, 8), (4, 2, 6), (4, 2, 5)],
        ),
    ],
)
def test_attention_on_given_parameters_is_that_of_the_module(options: dict, shapes: list) -> None:
    dg.manual_seed(0)
    net = nn.MultiheadAttention(8, 2, **options).eval()
    inputs = [numbers(*shape) for shape in shapes]
    given, more = parameters_of(net)

    def call(q: Any, k: Any, v: Any) -> Any:
        return F.multi_head_attention_forward(q, k, v, *given, **more)

    expected = net(*inputs)
    assert_bits_equal(call(*inputs), expected)
    assert_bits_equal(dg.compile(call)(*inputs), expected)
    with pytest.raises(ShapeError, match=r"do not fit: expected \(L, N, E\)"):
        call(inputs[0][..., :4], *inputs[1:])
    with pytest.raises(ArgumentError, match="static_k and static_v must be None"):
        F.multi_head_attention_forward(*inputs, *given, **more, static_k=inputs[1])
