"""Every row of the module table: one result in both frontends, PyTorch's names, prints, values."""

import copy
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from tests.bits import assert_bits_equal
from tests.module_table import ROWS, ModuleRow

try:
    import torch
except ImportError:
    torch = None
NAMES = [f"{i}-{r.name}" for i, r in enumerate(ROWS)]
with_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def arrays(row: ModuleRow, dtype: str) -> list[np.ndarray]:
    """Return the inputs; equal shapes in a row are one array, as in self-attention."""
    rng = np.random.default_rng(3)
    made: dict[Any, np.ndarray] = {}
    for given in row.inputs:
        if isinstance(given, tuple) and given not in made:
            made[given] = rng.normal(size=given).astype(dtype)
    return [made[g] if isinstance(g, tuple) else g for g in row.inputs]


def tensors(found: list[np.ndarray], make: Any) -> list[Any]:
    """Return one tensor for each array, the same one for the same array."""
    known = {id(a): make(a, requires_grad=a.dtype.kind == "f") for a in found}
    return [known[id(a)] for a in found]


def keywords(row: ModuleRow, make: Any) -> dict[str, Any]:
    return {k: make(v) if isinstance(v, np.ndarray) else v for k, v in row.given.items()}


def results(out: Any) -> list[Any]:
    if isinstance(out, tuple | list):
        return [x for part in out for x in results(part)]
    return [] if out is None else [out]


def total(outs: list[Any], like: Any) -> Any:
    """Return a scalar in which every element of every floating output counts differently."""
    parts = []
    for out in outs:
        if out.dtype not in (like.float32, like.float64):
            continue
        weights = np.cos(np.arange(out.numel(), dtype="float64")).reshape(tuple(out.shape))
        weights = weights.astype(str(out.dtype).rpartition(".")[2])
        parts.append((out * like.tensor(weights)).sum())
    return sum(parts[1:], parts[0])


def module_of(space: Any, row: ModuleRow) -> Any:
    return getattr(space, row.name)(*row.args, **row.options)


@pytest.mark.parametrize("at", range(len(ROWS)), ids=NAMES)
def test_both_frontends_agree_in_every_bit(at):
    row = ROWS[at]
    for training in row.modes:
        dg.manual_seed(at)
        eager = module_of(nn, row).train(training)
        compiled = copy.deepcopy(eager)
        runs = []
        for module in (eager, compiled):
            given = keywords(row, dg.tensor)

            def step(*inputs, module=module, given=given):
                inputs = [x.clone() for x in inputs] if row.options.get("inplace") else inputs
                outs = results(module(*inputs, **given))
                loss = total(outs, dg)
                wanted = [x for x in dict.fromkeys(inputs) if x.requires_grad]
                wanted += list(module.parameters())
                return outs, dg.autograd.grad(loss, wanted, allow_unused=True)

            inputs = tensors(arrays(row, "float32"), dg.tensor)
            run = step if module is eager else dg.compile(step)
            dg.manual_seed(7)
            runs.append((results(run(*inputs)), list(module.buffers())))
        for a, b in zip(*(outs + buffers for outs, buffers in runs), strict=True):
            assert_bits_equal(a, b)


@with_torch
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("at", range(len(ROWS)), ids=NAMES)
def test_a_module_is_pytorchs(at):
    row = ROWS[at]
    theirs, ours = module_of(torch.nn, row).double(), module_of(nn, row).double()
    assert repr(ours) == repr(theirs)
    shapes = {k: tuple(v.shape) for k, v in theirs.state_dict().items()}
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == shapes
    assert list(ours.state_dict()) == list(shapes)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    for training in (False,) if row.random else (True, False):
        found = arrays(row, "float64")
        pairs = []
        for module, space in ((ours.train(training), dg), (theirs.train(training), torch)):
            inputs = tensors(found, space.tensor)
            used = [x.clone() if row.options.get("inplace") else x for x in inputs]
            outs = results(module(*used, **keywords(row, space.tensor)))
            module.zero_grad()
            total(outs, space).backward()
            grads = [x.grad for x in inputs if x.requires_grad]
            grads += [p.grad for p in module.parameters()]
            pairs.append([x for x in outs + grads + list(module.buffers()) if x is not None])
        for a, b in zip(*pairs, strict=True):
            np.testing.assert_allclose(
                a.detach().numpy(), b.detach().numpy(), rtol=1e-7 if row.why else 1e-9, atol=1e-10
            )


@with_torch
def test_every_module_of_pytorch_has_a_row_or_a_reason():
    absent = {
        *["AdaptiveLogSoftmaxWithLoss", "CrossMapLRN2d", "DataParallel", "FractionalMaxPool2d"],
        *["FractionalMaxPool3d", "LinearCrossEntropyLoss", "LinearCrossEntropyOptions"],
        *["NLLLoss2d", "SyncBatchNorm", "Container"],
    }
    modules = {
        n
        for n, v in vars(torch.nn).items()
        if isinstance(v, type) and issubclass(v, torch.nn.Module) and not n.startswith("Lazy")
    }
    assert {n for n in modules if not hasattr(nn, n)} <= absent
