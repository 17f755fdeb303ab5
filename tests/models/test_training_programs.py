"""Training programs as people write them for PyTorch: the same bits compiled, PyTorch's losses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.errors import ArgumentError, ArgumentTypeError, CompileOptionWarning, TraceError
from tests.bits import array_of, assert_bits_equal
from tests.models.training_programs import PROGRAMS, Program, Workplace, losses_of


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_compiled_steps(program: Program) -> None:
    """Every loss of every step has the same bits eagerly and compiled."""
    eager = losses_of(program, Workplace(dg, "float32"))
    compiled = losses_of(program, Workplace(dg, "float32", dg.compile))
    assert_bits_equal(compiled, eager, "losses")
    assert len(set(eager)) > 3, "the losses do not move"


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_losses_of_pytorch(program: Program, dtype: str, tolerance: float) -> None:
    """The same weights and batches give PyTorch's losses."""
    torch = pytest.importorskip("torch")
    expected = losses_of(program, Workplace(torch, dtype))
    found = losses_of(program, Workplace(dg, dtype))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# --- an optimizer and a schedule of one's own ----------------------------------------------------


class Momentum(dg.optim.Optimizer):
    """As it is written for PyTorch; ``counting`` keeps a Python number in the state."""

    def __init__(self, params: Any, lr: float = 0.1, counting: bool = False) -> None:
        super().__init__(params, {"lr": lr})
        self.counting = counting

    @dg.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Move along the sum of what came before."""
        for group in self.param_groups:
            for p in group["params"]:
                held = self.state[p]
                if len(held) == 0:
                    held["buffer"] = dg.zeros_like(p)
                if self.counting:
                    held["step"] = held.get("step", 0) + 1
                held["buffer"].mul_(0.5).add_(p.grad)
                p.add_(held["buffer"], alpha=-group["lr"])


def trained(compiled: bool) -> list[dg.Tensor]:
    """Return a parameter after each of six steps; the first is eager, the rate changes twice."""
    p = dg.nn.Parameter(dg.ones(2))
    optimizer = Momentum([p])
    schedule = Halving(optimizer)

    def step() -> dg.Tensor:
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
        return p.detach().clone()

    found = [step()]
    run = dg.compile(step) if compiled else step
    for i in range(5):
        if i % 2:
            schedule.step()
        found.append(run())
    return found


class Halving(dg.optim.lr_scheduler.LRScheduler):
    """As it is written for PyTorch."""

    def get_lr(self) -> list[float]:
        """Return half of the rate before."""
        return [base * 0.5**self.last_epoch for base in self.base_lrs]


def test_optimizers_of_ones_own() -> None:
    """The numbers by hand; a changed rate reaches a compiled step; no warning of the order."""
    eager, compiled = trained(False), trained(True)
    assert eager[0].tolist() == [pytest.approx(0.8)] * 2
    assert eager[1].tolist() == [pytest.approx(0.8 - 0.1 * (1.6 + 0.5 * 2))] * 2
    for one, other in zip(eager, compiled, strict=True):
        assert_bits_equal(array_of(other), array_of(one), "parameter")


def test_their_state_is_saved() -> None:
    """`state_dict` and back, tensors copied, numbers too."""
    p = dg.nn.Parameter(dg.ones(2))
    p.grad = dg.ones(2)
    first, second = Momentum([p], counting=True), Momentum([p], counting=True)
    first.step()
    second.load_state_dict(first.state_dict())
    assert second.state[p]["step"] == 1
    assert second.state[p]["buffer"].tolist() == [1.0, 1.0]
    assert second.state[p]["buffer"] is not first.state[p]["buffer"]


@pytest.mark.parametrize(("counting", "named"), [(False, "'buffer'"), (True, "'step'")])
def test_state_that_a_trace_would_make_once(counting: bool, named: str) -> None:
    """State made, or numbers counted, while a step is traced: a named error; eager goes on."""
    p = dg.nn.Parameter(dg.ones(2))
    p.grad = dg.ones(2)
    optimizer = Momentum([p], counting=counting)
    if counting:
        optimizer.step()
    with pytest.raises(TraceError, match=f"sets {named} while it is traced"):
        dg.compile(lambda: optimizer.step())()
    optimizer.step()


def test_an_optimizer_without_a_step() -> None:
    """Says what is missing."""
    p = dg.nn.Parameter(dg.ones(2))
    p.grad = dg.ones(2)
    with pytest.raises(NotImplementedError, match=r"defines neither step\(\) nor update\(\)"):
        dg.optim.Optimizer([p], {"lr": 0.1}).step()


# --- lines that many programs have ---------------------------------------------------------------


def test_asking_for_gpus() -> None:
    """There are none, and nothing fails for that."""
    device = dg.device("cuda" if dg.cuda.is_available() else "cpu")
    assert dg.ones(2).to(device).device == device
    dg.cuda.manual_seed_all(0)
    dg.backends.cudnn.deterministic = True
    assert not dg.ones(2).is_cuda
    assert dg.cuda.device_count() == 0
    assert not dg.backends.mps.is_available()


def test_options_of_compile() -> None:
    """PyTorch's are taken, with a warning where they do nothing; ``disable`` compiles nothing."""
    with pytest.warns(CompileOptionWarning, match="mode='max-autotune' has no effect"):
        fast = dg.compile(lambda x: x * 2, mode="max-autotune", fullgraph=True, dynamic=False)
    assert fast(dg.ones(2)).tolist() == [2.0, 2.0]
    assert dg.compile(len, disable=True) is len
    assert dg.compile(disable=True)(len) is len


def test_assigning_data() -> None:
    """The parameter stays a leaf that requires grad."""
    p = dg.nn.Parameter(dg.ones(2))
    p.data = p.data.clamp(max=0.5)
    assert p.tolist() == [0.5, 0.5]
    assert p.is_leaf
    assert p.requires_grad
    with pytest.raises(ArgumentTypeError, match=r"must be a tensor, not \[1\]"):
        p.data = [1]  # type: ignore[assignment]


def test_the_gradients_arguments() -> None:
    """``autograd.grad`` takes what PyTorch's takes, in its order."""
    x = dg.ones(2, requires_grad=True)
    (g,) = dg.autograd.grad((x * x).sum(), x, None, True, False, True, True)
    assert g.tolist() == [2.0, 2.0]
    with pytest.raises(ArgumentError, match="is_grads_batched needs grad_outputs"):
        dg.autograd.grad((x * x).sum(), x, is_grads_batched=True)
