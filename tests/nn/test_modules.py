"""Every row of the module table: one result in both frontends, PyTorch's names, prints, values."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import assert_bits_equal
from tests.nn.module_row import ModuleRow, made, module_of
from tests.nn.module_table import ROWS

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
            drawn = rng.uniform(0.05, 0.95, given) if row.positive else rng.normal(size=given)
            made[given] = drawn.astype(dtype)
    return [made[g] if isinstance(g, tuple) else _as(g, dtype) for g in row.inputs]


def _as(array: np.ndarray, dtype: str) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def tensors(found: list[np.ndarray], make: Any) -> list[Any]:
    """Return one tensor for each array, the same one for the same array."""
    known = {id(a): make(a, requires_grad=a.dtype.kind == "f") for a in found}
    return [known[id(a)] for a in found]


def keywords(row: ModuleRow, space: Any, dtype: str) -> dict[str, Any]:
    """Return the arguments by keyword; a tuple of arrays becomes one of tensors."""
    found = {}
    for name, value in row.given.items():
        parts = value if isinstance(value, tuple) else (value,)
        parts = tuple(made(space, _as(v, dtype)) if isinstance(v, np.ndarray) else v for v in parts)
        found[name] = parts if isinstance(value, tuple) else parts[0]
    return found


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


@pytest.mark.parametrize("at", range(len(ROWS)), ids=NAMES)
def test_both_frontends_agree_in_every_bit(at):
    row = ROWS[at]
    for training in row.modes:
        dg.manual_seed(at)
        eager = module_of(dg, row).train(training)
        compiled = copy.deepcopy(eager)
        runs = []
        for module in (eager, compiled):
            given = keywords(row, dg, "float32")

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
@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("at", range(len(ROWS)), ids=NAMES)
def test_a_module_is_pytorchs(at):
    row = ROWS[at]
    theirs, ours = module_of(torch, row).double(), module_of(dg, row).double()
    assert repr(ours) == repr(theirs)
    shapes = {k: tuple(v.shape) for k, v in theirs.state_dict().items()}
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == shapes
    assert list(ours.state_dict()) == list(shapes)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    for training in () if row.draws else (False,) if row.random else (True, False):
        found = arrays(row, "float64")
        pairs = []
        for module, space in ((ours.train(training), dg), (theirs.train(training), torch)):
            inputs = tensors(found, space.tensor)
            used = [x.clone() if row.options.get("inplace") else x for x in inputs]
            outs = results(module(*used, **keywords(row, space, "float64")))
            module.zero_grad()
            total(outs, space).backward()
            grads = [x.grad for x in inputs if x.requires_grad]
            grads += [p.grad for p in module.parameters()]
            pairs.append([x for x in outs + grads + list(module.buffers()) if x is not None])
        for a, b in zip(*pairs, strict=True):
            np.testing.assert_allclose(
                a.detach().numpy(), b.detach().numpy(), rtol=1e-7 if row.why else 1e-9, atol=1e-10
            )


@pytest.mark.parametrize("at", range(len(ROWS)), ids=NAMES)
def test_a_module_copies_and_pickles(at):
    module = module_of(dg, ROWS[at])
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert type(twin) is type(module)
        assert repr(twin) == repr(module)
        assert_bits_equal(twin.state_dict(), module.state_dict())
        held = {id(p) for p in (*module.parameters(), *module.buffers())}
        assert not held & {id(p) for p in (*twin.parameters(), *twin.buffers())}
