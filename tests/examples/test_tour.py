"""The tour runs, prints what PyTorch prints, and its functions give equal bits when compiled."""

import contextlib
import io
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import dualgraph as dg
from dualgraph import nn
from tests.bits import assert_bits_equal

TOUR = Path(__file__).parents[2] / "examples" / "tour"
EXPECTED = Path(__file__).parent / "tour_expected"
SNIPPETS = sorted(p.stem for p in TOUR.glob("*.py"))


def masked(text: str) -> str:
    """Replace addresses, which differ from run to run."""
    return re.sub(r"0x[0-9a-f]+", "0x...", text)


def part(name: str) -> dict[str, Any]:
    """Return the names that a snippet defines."""
    return runpy.run_path(str(TOUR / f"{name}.py"))


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_prints_the_stored_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text was printed by PyTorch 2.13."""
    part(name)["main"]()
    assert masked(capsys.readouterr().out) == (EXPECTED / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_prints_what_pytorch_prints(name: str) -> None:
    """Only the import lines are changed."""
    pytest.importorskip("torch")
    source = (TOUR / f"{name}.py").read_text()
    source = source.replace("import dualgraph as torch", "import torch")
    source = source.replace("from dualgraph import", "from torch import")
    assert "dualgraph" not in source
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, name, "exec"), {"__name__": "__main__"})
    assert masked(out.getvalue()) == (EXPECTED / f"{name}.txt").read_text()


def scalars(*numbers: float) -> list[Any]:
    """Return leaves that require grad."""
    return [dg.tensor(v, requires_grad=True) for v in numbers]


def check(function: Any, *inputs: Any, parameters: Any = ()) -> None:
    """Compare a function's result and gradients, eager and compiled."""
    found = []
    leaves = [*(x for x in inputs if x.requires_grad), *parameters]
    for run in (function, dg.compile(function)):
        for leaf in leaves:
            leaf.grad = None
        out = run(*inputs)
        out.sum().backward()
        found.append([out.detach(), *(leaf.grad for leaf in leaves)])
    assert_bits_equal(found[1], found[0])


def test_functions_compiled() -> None:
    """The expressions of the tour, with their gradients."""
    check(part("scalars")["expression"], *scalars(2.0, 3.0))
    check(part("shared")["expression"], *scalars(2.0, 3.0, 1.0))
    w = dg.tensor([0.25, 0.5, -1.0], requires_grad=True)
    check(part("neuron")["neuron"], dg.tensor([1.0, -2.0, 0.5]), w, *scalars(0.75))


def test_models_compiled() -> None:
    """The networks of the tour, with the gradients of their parameters."""
    x = dg.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]])
    for model in (part("mlp")["MLP"](), part("module_list")["Deep"]([3, 3, 3])):
        check(model, x, parameters=model.parameters())
    chooser = part("module_dict")["Chooser"]()
    for kind in ("relu", "tanh", "sigmoid"):
        check(lambda x, k=kind: chooser(x, k), x[:, :2], parameters=chooser.parameters())


def test_training_compiled() -> None:
    """A hundred steps of the regression: the same losses and parameters in every bit."""
    found = []
    x = dg.tensor([[0.0], [1.0], [2.0], [3.0], [4.0]])
    for wrap in (lambda f: f, dg.compile):
        model = nn.Linear(1, 1)
        nn.init.constant_(model.weight, 0.5)
        nn.init.constant_(model.bias, 0.0)
        criterion, optimizer = nn.MSELoss(), dg.optim.SGD(model.parameters(), lr=0.01)

        def step(x: Any, y: Any, model=model, criterion=criterion, optimizer=optimizer) -> Any:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = wrap(step)
        losses = [run(x, 2 * x + 1) for _ in range(100)]
        found.append([*losses, model.weight.detach(), model.bias.detach()])
    assert_bits_equal(found[1], found[0])
