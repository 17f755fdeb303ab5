"""The command line: the main job, a user's own function, what is refused, and how it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import cli, nn, optim
from dualgraph.compare import benchmark, run
from dualgraph.compare.benchmark import Timing, ops_dispatched, paired_rounds, peak_bytes
from dualgraph.compare.jobs import DigitsOptions, digits_job
from dualgraph.compare.twins import differing_bits, reachable
from dualgraph.config import settings
from dualgraph.core.dispatch import state
from dualgraph.core.op import REGISTRY
from dualgraph.errors import MissingExtraError
from dualgraph.extras import load
from dualgraph.numerics.facts.elementwise import Elementwise

pytest.importorskip("typer")
pytest.importorskip("rich")

MODEL = """
import signal
import dualgraph as dg
from dualgraph import nn, optim

at_module_level = nn.Linear(2, 2)

def small():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, (dg.rand(4, 2), dg.rand(4, 1))

def two_shapes():
    step, arguments = small()
    return step, [arguments, (dg.rand(3, 2), dg.rand(3, 1))]

def without_gradients():
    def step(x):
        with dg.no_grad():
            return at_module_level(x)
    return step, (dg.ones(1, 2),)

def raises():
    raise ValueError("no data here")

def returns_three():
    return 3

def returns_no_tuple():
    return (lambda x: x), dg.ones(1)

def too_many():
    return (lambda x: x), (1, 2)

def step_raises():
    def step(x):
        return undefined(x)
    return step, (dg.ones(2),)

def reads_values():
    def step(x):
        return x if x.sum() > 0 else -x
    return step, (dg.ones(2),)

def wrong_shape():
    model = nn.Sequential(nn.Linear(3, 2))
    return (lambda x: model(x)), (dg.ones(2, 5),)

def unseeded():
    import numpy
    return (lambda x: x * 2.0), (dg.tensor(numpy.random.default_rng().normal(size=3)),)

def interrupted():
    def step(x):
        signal.raise_signal(signal.SIGINT)
    return step, (dg.ones(2),)
"""


@pytest.fixture
def model_file(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture
def dualgraph(monkeypatch, capsys):
    """Run the command line in this process; return (exit code, stdout, stderr)."""
    monkeypatch.setattr(settings, "num_threads", settings.num_threads)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dualgraph", *arguments])
        monkeypatch.setenv("COLUMNS", "120")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return command


# --- the main job --------------------------------------------------------------------------------

KEYS = {
    "differing_bits",
    "steps_verified",
    "test_accuracy",
    "eager_step_seconds",
    "compiled_step_seconds",
    "speedup",
    "breakeven_steps",
    "compile_seconds",
}


def test_the_main_job_learns_verifies_and_reports(dualgraph, tmp_path):
    out_json, picture = tmp_path / "out.json", tmp_path / "out.png"
    pytest.importorskip("matplotlib")
    options = ["--rounds", "3", "--json", str(out_json), "--plot", str(picture)]
    code, out, err = dualgraph("compare", *options)
    assert (code, err) == (0, "")
    assert "comparing bits: 600 of 600" in out
    assert "equal: 600 steps, 0 differing bits" in out
    for text in ("speed-up", "break-even", "peak memory", "fused ops", "compile: LLVM"):
        assert text in out
    report = json.loads(out_json.read_text())
    assert set(report) >= KEYS
    assert report["differing_bits"] == 0
    assert report["steps_verified"] == 600
    assert report["test_accuracy"] > 0.95
    assert report["eager_step_seconds"] > report["compiled_step_seconds"] > 0
    assert report["compiled_losses"] == report["eager_losses"]
    assert set(report["compile_seconds"]) == {"trace", "optimise", "codegen", "llvm", "load"}
    assert report["passes"][0]["before"] >= report["passes"][-1]["after"]
    assert report["tape_ops"] > report["kernels"]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_variant_of_the_main_job_is_equal(dualgraph, optimizer, dtype):
    options = ["--steps", "30", "--rounds", "1", "--optimizer", optimizer, "--dtype", dtype]
    code, out, _ = dualgraph("compare", *options, "--threads", "1", "--seed", "3")
    assert code == 0
    assert f"{optimizer}, {dtype}, batch 32" in out
    assert "equal: 30 steps, 0 differing bits" in out


def test_equal_options_give_equal_jobs():
    one, two = (digits_job(DigitsOptions(steps=2, seed=5)) for _ in range(2))
    assert [a[0].numpy().tobytes() for a in one.batches] == [
        b[0].numpy().tobytes() for b in two.batches
    ]
    for a, b in zip(reachable(one.step).values(), reachable(two.step).values(), strict=True):
        assert a is not b
        assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


# --- a user's own function -----------------------------------------------------------------------


def test_a_users_function_is_compared_dropout_included(dualgraph, model_file):
    code, out, err = dualgraph("compare", "model.py:small", "--steps", "12", "--rounds", "1")
    assert (code, err) == (0, "")
    assert "model.py:small" in out
    assert "equal: 12 steps" in out


def test_batches_of_several_shapes_are_used_in_turn(dualgraph, model_file):
    code, out, _ = dualgraph("compare", "model.py:two_shapes", "--steps", "6", "--rounds", "1")
    assert code == 0
    assert "traces" in out


def test_a_model_at_module_level_is_loaded_twice_from_one_seed(dualgraph, model_file):
    target = "model.py:without_gradients"
    assert dualgraph("compare", target, "--steps", "3", "--rounds", "1")[0] == 0


@pytest.mark.parametrize(
    ("target", "texts"),
    [
        ("model.py", ["names no function", "model.py:main"]),
        ("modle.py:small", ["modle.py does not exist", "did you mean model.py?"]),
        (".:small", ["is not a file"]),
        ("model.py:smal", ["no function 'smal' (did you mean small?)", "returns_three, "]),
        ("model.py:raises", ["raises() in model.py raised ValueError: no data", "model.py:32"]),
        ("model.py:returns_three", ["returned a int; it must return (step, arguments)"]),
        ("model.py:returns_no_tuple", ["returned a Tensor as arguments"]),
        ("model.py:too_many", ["does not take these arguments: too many positional"]),
        ("model.py:step_raises", ["NameError: name 'undefined'", "at model.py:45"]),
        ("model.py:reads_values", ["not known while the function is traced", "model.py:50"]),
        ("model.py:wrong_shape", ["must be 3", "in module Sequential.0: Linear(in_features=3"]),
        ("model.py:unseeded", ["do not start equal (argument 0 of batch 0", "seed every random"]),
    ],
)
def test_bad_targets_are_explained_without_a_traceback(dualgraph, model_file, target, texts):
    code, _, err = dualgraph("compare", target, "--steps", "2", "--rounds", "1")
    assert code == 2
    for text in texts:
        assert text in err
    assert "Traceback" not in err


def test_a_file_that_cannot_be_loaded(dualgraph, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("x = (\n")
    code, _, err = dualgraph("compare", f"{path}:main")
    assert code == 2
    assert "raised SyntaxError: '(' was never closed" in err
    path.write_text("import sys\nsys.exit(4)\n")
    code, _, err = dualgraph("compare", f"{path}:main")
    assert code == 2
    assert "raised SystemExit: 4" in err


# --- options, files, and the ways to end ---------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--optimizer", "lbfgs"], "--optimizer is one of sgd, adam, not 'lbfgs'"),
        (["--dtype", "float16"], "--dtype is one of float32, float64"),
        (["--steps", "0"], "--steps"),
        (["--batch-size", "5000"], "--batch-size"),
        (["--json", "/nowhere/out.json"], "--json /nowhere/out.json: cannot write there"),
        (["--plot", "/"], "--plot /: cannot write there"),
        (["model.py:small", "--dtype", "float64"], "--dtype is for the digits only"),
    ],
)
def test_bad_options_are_refused_before_the_training(dualgraph, options, text):
    code, out, err = dualgraph("compare", *options)
    assert code == 2
    assert text in err
    assert "comparing" not in out


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Handle an interrupt as Python does, also where the shell started pytest to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_is_one_line_and_exit_code_130(dualgraph, model_file, tmp_path):
    target = tmp_path / "out.json"
    code, out, err = dualgraph("compare", "model.py:interrupted", "--json", str(target))
    assert code == 130
    assert err == "interrupted (before the first step); nothing was written\n"
    assert out == ""
    assert not target.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Wrong:
    """A compiled step that changes one bit of one weight in its fourth call."""

    def __init__(self, step: Any) -> None:
        self.compiled = dg.compile(step)
        self.model = dict(zip(step.__code__.co_freevars, step.__closure__, strict=True))["model"]
        self.calls = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        out = self.compiled(*arguments)
        if self.calls == 4:
            self.model.cell_contents[0].weight.value.view(np.uint32)[1, 0] ^= 1
        return out

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compiled, name)


def test_one_wrong_bit_stops_everything_and_no_speed_up_is_shown(
    dualgraph, model_file, monkeypatch, tmp_path
):
    monkeypatch.setattr(run, "compile", Wrong)
    out_json = tmp_path / "out.json"
    code, out, _ = dualgraph("compare", "model.py:small", "--json", str(out_json))
    assert code == 1
    assert "NOT EQUAL: step 4: model.0.weight[1, 0] is" in out
    assert "not shown: the modes differ" in out
    report = json.loads(out_json.read_text())
    assert report["speedup"] is report["breakeven_steps"] is report["eager_step_seconds"] is None
    assert report["differing_bits"] == 1
    assert report["steps_verified"] == 3


def test_a_wrong_kernel_is_named_with_its_node_and_line(dualgraph, model_file, monkeypatch):
    """The compiled tanh is a little off; eager's is not."""
    op = REGISTRY["tanh"]
    right = op.lower
    try:
        object.__setattr__(op, "lower", Elementwise("tanh_{s}({x}) * {s}(1.001)", "t->t"))
        code, out, _ = dualgraph("compare", "model.py:small")
    finally:
        object.__setattr__(op, "lower", right)
    assert code == 1
    assert "NOT EQUAL: step 1: " in out
    assert "first node: compiled code: " in out
    assert "= tanh(" in out
    assert "model.py:14 Sequential.1" in "".join(out.split("\n"))


def test_help_and_version(dualgraph):
    code, out, _ = dualgraph("compare", "--help")
    assert code == 0
    assert "dualgraph compare model.py:small" in out
    assert dualgraph("--version")[1].startswith("dualgraph ")


def test_python_m_dualgraph_runs_the_same_command():
    command = [sys.executable, "-m", "dualgraph", "compare", "missing.py:f"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "error: missing.py does not exist" in done.stderr


def test_a_missing_package_names_the_extra(dualgraph, monkeypatch):
    monkeypatch.setitem(sys.modules, "typer", None)
    code, _, err = dualgraph("compare")
    assert code == 2
    assert "pip install 'dualgraph[cli]'" in err
    with pytest.raises(MissingExtraError, match=r"needs the package 'typer'.*dualgraph\[cli\]"):
        load("typer", "cli", "this")


# --- what the parts promise ----------------------------------------------------------------------


def test_differing_bits_counts_bits_and_takes_all_nans_as_equal():
    a = np.array([1.0, np.nan, 0.0], np.float32)
    b = a.copy()
    b.view(np.uint32)[1] ^= 1  # another NaN
    assert differing_bits(a, b) == 0
    b[2] = -0.0
    assert differing_bits(a, b) == 1
    assert differing_bits(np.array([1]), np.array([2])) == 2


def test_reachable_finds_what_a_step_can_touch():
    model = nn.Sequential(nn.Linear(2, 1))
    optimizer = optim.SGD(model.parameters(), momentum=0.9)
    kept = {"scale": [dg.ones(1)]}

    def step(x):
        loss = (model(x) * kept["scale"][0]).sum()
        loss.backward()
        optimizer.step()

    step(dg.ones(1, 2))
    assert set(reachable(step)) == {
        "kept['scale'][0]",
        "model.0.weight",
        "model.0.weight.grad",
        "model.0.bias",
        "model.0.bias.grad",
        "optimizer.state[0.0].momentum_buffer",
        "optimizer.state[0.1].momentum_buffer",
    }


def test_a_model_with_methods_is_reached_through_self():
    class Trainer:
        def __init__(self):
            self.weight = dg.ones(2)

        def step(self, x):
            return self.weight * x

    assert list(reachable(Trainer().step)) == ["self.weight"]


def test_paired_rounds_take_turns_and_give_the_median_ratio(monkeypatch):
    clock = {"now": 0.0}
    order = []

    def step(name: str, cost: float):
        def run_it():
            order.append(name)
            clock["now"] += cost

        return run_it

    monkeypatch.setattr(benchmark, "perf_counter", lambda: clock["now"])
    timing = paired_rounds(step("e", 0.5), step("c", 0.125), rounds=3, seconds=0.5)
    assert timing.eager_seconds == 0.5
    assert timing.compiled_seconds == 0.125
    assert timing.speedup == 4.0
    assert "".join(order[-15:]) == "ecccc" + "cccce" + "ecccc"


def test_quartiles_of_ratios():
    assert Timing(1.0, 1.0, (1.0, 2.0, 3.0, 4.0, 5.0)).quartiles == (2.0, 4.0)
    assert Timing(1.0, 1.0, (2.0,)).quartiles == (2.0, 2.0)


def test_peak_bytes_sees_numpy_and_ops_dispatched_counts():
    assert 8_000_000 <= peak_bytes(lambda: np.ones(1_000_000)) < 8_100_000
    x = dg.ones(3, requires_grad=True)
    forward = ops_dispatched(lambda: (x * x).sum())
    assert forward == 2
    assert ops_dispatched(lambda: (x * x).sum().backward()) > forward
    assert state.frontend.__class__.__name__ == "EagerFrontend"
