"""The digits examples are ordinary PyTorch: with other imports they run there, to equal losses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph.datasets import digits_split

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = 20
IMPORTS = (  # all that is changed; the data stay ours
    ("from dualgraph.datasets import digits_split\n", ""),
    ("import dualgraph as dg", "import torch as dg"),
    ("from dualgraph", "from torch"),
)


def loaded(name: str, library: Any) -> dict[str, Any]:
    """Run an example's file with a library, and return its names."""
    source = (EXAMPLES / name).read_text()
    for ours, theirs in IMPORTS if library is not dg else ():
        source = source.replace(ours, theirs)
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source, name, "exec"), names)
    names["digits_split"] = lambda: tuple(
        library.from_numpy(t.numpy().copy()) for t in digits_split()
    )
    return names


def without_chance(names: dict[str, Any], library: Any, model: str, weights: dict) -> None:
    """Take the same batches, first weights and noise in either library; drop nothing out."""
    loader, kind = names["DataLoader"], names[model]

    class Model(kind):
        def __init__(self) -> None:
            super().__init__()
            self.load_state_dict({k: library.from_numpy(v) for k, v in weights.items()})
            for layer in self.modules():
                if isinstance(layer, library.nn.Dropout):
                    layer.p = 0.0

    names[model] = Model
    names["EPOCHS"] = 1
    names["DataLoader"] = lambda data, shuffle, **options: loader(data, **options)


def losses_of(run: Callable[[], Any], library: Any, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Return what `backward` was called on, and let every random normal be a fixed one."""
    found: list[float] = []
    backward = library.Tensor.backward
    normal = np.random.default_rng(0).standard_normal

    def noted(self: Any, *args: Any, **options: Any) -> None:
        found.append(self.item())
        backward(self, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(library.Tensor, "backward", noted)
        patched.setattr(
            library, "randn_like", lambda x: library.from_numpy(normal(x.shape, np.float32))
        )
        run()
    return np.array(found)


@pytest.mark.parametrize(("name", "model"), [("digits_cnn.py", "Net"), ("digits_vae.py", "VAE")])
def test_networks_take_the_same_steps(
    name: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = loaded(name, dg), loaded(name, torch)
    dg.manual_seed(5)
    weights = {k: v.numpy().copy() for k, v in ours[model]().state_dict().items()}
    losses = []
    for names, library in ((ours, dg), (theirs, torch)):
        without_chance(names, library, model, weights)
        losses.append(losses_of(lambda m=names["main"]: m(True), library, monkeypatch))
    assert len(losses[0]) == len(losses[1]) >= STEPS
    np.testing.assert_allclose(losses[0][:STEPS], losses[1][:STEPS], rtol=0, atol=1e-4)


def test_lbfgs_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    mains = [loaded("digits_lbfgs.py", library)["main"] for library in (dg, torch)]
    ours = losses_of(lambda: mains[0](True), dg, monkeypatch)
    theirs = losses_of(lambda: mains[1](True), torch, monkeypatch)
    np.testing.assert_allclose(ours[:STEPS], theirs[:STEPS], rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours[-1], theirs[-1], rtol=0, atol=1e-10)
