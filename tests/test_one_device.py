"""What programs say of devices, determinism and mixed precision before they train on the CPU."""

import importlib

import pytest

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.errors import ArgumentError

from .bits import assert_bits_equal


def test_the_usual_lines_choose_the_cpu() -> None:
    usual = dg.device("cuda" if dg.cuda.is_available() else "cpu")
    mps = "mps" if dg.backends.mps.is_available() else "cpu"
    newest = dg.accelerator.current_accelerator() if dg.accelerator.is_available() else "cpu"
    assert usual == dg.device(mps) == dg.device(str(newest)) == dg.get_default_device()
    assert dg.cuda.device_count() == dg.accelerator.device_count() == 0
    x = dg.ones(2, device=usual)
    assert (x.is_cpu, x.is_cuda, x.get_device()) == (True, False, -1)


def test_seeds_of_devices_leave_the_stream_alone() -> None:
    dg.manual_seed(0)
    first = dg.rand(3)
    dg.manual_seed(0)
    dg.cuda.manual_seed(1)
    dg.cuda.manual_seed_all(1)
    dg.cuda.empty_cache()
    assert_bits_equal(dg.rand(3), first)
    assert dg.cuda.memory_allocated() == dg.cuda.max_memory_allocated() == 0


def test_switches_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    cudnn = importlib.import_module("dualgraph.backends.cudnn")
    monkeypatch.setattr(cudnn, "benchmark", True)
    monkeypatch.setattr(dg.backends.cuda.matmul, "allow_tf32", True)
    dg.use_deterministic_algorithms(True, warn_only=True)
    assert dg.are_deterministic_algorithms_enabled()
    dg.set_float32_matmul_precision("high")
    assert dg.get_float32_matmul_precision() == "highest"
    dg.set_default_device("cpu")


def test_what_does_not_exist_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="the only device is 'cpu'"):
        dg.set_default_device("cuda")
    with pytest.raises(ArgumentError, match="expected 'highest', 'high' or 'medium', got 'low'"):
        dg.set_float32_matmul_precision("low")
    for made in (dg.autocast, dg.amp.GradScaler):
        with pytest.raises(ArgumentError, match="for 'cpu' is not there: say enabled=False"):
            made("cpu")
        with pytest.warns(UserWarning, match="there is no device 'cuda', so it does nothing"):
            made("cuda")


def test_a_step_with_a_scaler_that_is_off_in_both_modes() -> None:
    def trained(compiled: bool) -> dict:
        dg.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        scaler = dg.cuda.amp.GradScaler(enabled=False)

        def step(x: dg.Tensor) -> None:
            optimizer.zero_grad()
            with dg.autocast("cuda", dtype=dg.float16, enabled=False):
                loss = model(x).square().mean()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()

        step = dg.compile(step) if compiled else step
        for _ in range(3):
            step(dg.ones(4, 3))
        scaler.load_state_dict(scaler.state_dict())
        assert (scaler.get_scale(), scaler.is_enabled()) == (1.0, False)
        return dict(model.state_dict())

    assert_bits_equal(trained(True), trained(False))
