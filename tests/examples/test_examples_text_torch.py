"""The examples on text and trees are ordinary PyTorch: with other imports they run there too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualgraph as dg

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = 20
TEXT = {"epochs": 1, "width": 32, "characters_used": 14_000}
CASES = {
    "char_gpt": ("GPT", {"steps": STEPS, "context": 16, "width": 32, "heads": 2, "layers": 2}),
    "lstm_language_model": ("LanguageModel", TEXT),
    "tree_rnn": ("TreeRNN", {"count": STEPS}),
    "tree_rnn, by levels": ("TreeRNN", {"batched": True, "count": 32 * STEPS}),
}


def loaded(name: str, library: Any) -> dict[str, Any]:
    """Run an example's file with a library, and return its names."""
    path = EXAMPLES / f"{name}.py"
    source = path.read_text()
    if library is not dg:  # all that is changed
        source = source.replace("import dualgraph as dg", "import torch as dg")
        source = source.replace("import dualgraph.nn", "import torch.nn")
        source = source.replace("from dualgraph", "from torch")
    names: dict[str, Any] = {"__name__": name, "__file__": str(path)}
    exec(compile(source, name, "exec"), names)
    return names


def losses_of(
    name: str, library: Any, kind: str, weights: dict[str, np.ndarray], sizes: dict[str, Any]
) -> list[float]:
    """Return the losses of an eager run that starts with some weights (and adds them if new)."""
    names = loaded(name, library)

    class Model(names[kind]):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            for key, tensor in self.state_dict().items():
                weights.setdefault(key, tensor.numpy().copy())
            self.load_state_dict({k: library.from_numpy(v.copy()) for k, v in weights.items()})

    def batches(data: Any, context: int, generator: Any) -> Iterator[Any]:
        rng = np.random.default_rng(0)
        while True:
            starts = rng.integers(0, len(data) - context, 4).tolist()
            yield tuple(
                library.stack([data[i + shift : i + shift + context] for i in starts])
                for shift in (0, 1)
            )

    names[kind] = Model
    if "batches" in names:  # drawn by each library in a way of its own
        names["batches"] = batches
    return names["main"](eager=True, **sizes)[0]


@pytest.mark.parametrize("case", CASES)
def test_the_same_program_takes_the_same_steps(case: str) -> None:
    torch = pytest.importorskip("torch")
    kind, sizes = CASES[case]
    name = case.partition(",")[0]
    if name != "tree_rnn":
        sizes = {**sizes, "dropout": 0.0}  # masks differ
    if name == "char_gpt":
        sizes["count"] = 2
    weights: dict[str, np.ndarray] = {}
    ours = losses_of(name, dg, kind, weights, sizes)
    theirs = losses_of(name, torch, kind, weights, sizes)
    assert len(ours) == len(theirs) >= STEPS
    np.testing.assert_allclose(ours[:STEPS], theirs[:STEPS], rtol=0, atol=1e-4)
