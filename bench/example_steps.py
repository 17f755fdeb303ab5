"""Steps of the digits examples: ours eager and compiled, and PyTorch's eager where it is installed.

Run: ``python -m bench.example_steps``. Medians of interleaved rounds, CPU time of one thread. The
examples' own files run on PyTorch with other imports (tests in `tests/examples` compare).
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dualgraph
from dualgraph.datasets import digits_split

from .ops import interleaved, report

EXAMPLES = Path(__file__).parent.parent / "examples"
IMPORTS = (
    ("from dualgraph.datasets import digits_split\n", ""),
    ("import dualgraph as dg", "import torch as dg"),
    ("from dualgraph", "from torch"),
)
Names = dict[str, Any]


def names_of(example: str, framework: Any) -> Names:
    """Run an example's file with a framework and return its names."""
    source = (EXAMPLES / f"{example}.py").read_text()
    for ours, theirs in IMPORTS if framework is not dualgraph else ():
        source = source.replace(ours, theirs)
    names: Names = {"__name__": example}
    exec(compile(source, example, "exec"), names)
    names["digits_split"] = lambda: [framework.tensor(t.numpy()) for t in digits_split()]
    return names


def cnn_step(names: Names) -> Callable[..., Any]:
    """Return one training step of the CNN on 32 images."""
    model, (images, labels, *_) = names["Net"](), names["digits_split"]()
    optimizer, F = names["optim"].Adam(model.parameters(), lr=1e-2), names["F"]
    x, y = images[:32], labels[:32]

    def step() -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def cnn_scores(names: Names) -> Callable[..., Any]:
    """Return the classification of the 360 test images."""
    model, images = names["Net"]().eval(), names["digits_split"]()[2]
    no_grad = names["dg"].no_grad

    def scores() -> Any:
        with no_grad():
            return model(images)

    return scores


def vae_step(names: Names) -> Callable[..., Any]:
    """Return one training step of the autoencoder on 64 images."""
    model, x = names["VAE"](), names["binarized_digits"]()[0][:64]
    optimizer, loss = names["optim"].Adam(model.parameters(), lr=3e-3), names["negative_elbo"]

    def step() -> None:
        optimizer.zero_grad()
        bce, kld = loss(model, x)
        (bce + kld).backward()
        optimizer.step()

    return step


def lbfgs_closure(names: Names) -> Callable[..., Any]:
    """Return loss and gradient of the logistic regression on all 1437 images, float64."""
    images, y, *_ = names["digits_split"]()
    model = names["nn"].Linear(64, 10, dtype=names["dg"].float64)
    x, F = images.double(), names["F"]

    def closure() -> Any:
        model.zero_grad()
        loss = F.cross_entropy(model(x), y) + 1e-4 * model.weight.square().sum()
        loss.backward()
        return loss

    return closure


CASES = {
    "CNN step": ("digits_cnn", cnn_step),
    "CNN scores": ("digits_cnn", cnn_scores),
    "VAE step": ("digits_vae", vae_step),
    "L-BFGS closure": ("digits_lbfgs", lbfgs_closure),
}


def main() -> None:
    """Print one line for each step."""
    dualgraph.set_num_threads(1)
    torch = __import__("torch") if find_spec("torch") else None
    for name, (example, make) in CASES.items():
        names = names_of(example, dualgraph)
        found = {"eager": make(names), "compiled": dualgraph.compile(make(names))}
        if torch:
            torch.set_num_threads(1)
            found["torch"] = make(names_of(example, torch))
        print(report(name, interleaved(found)), flush=True)


if __name__ == "__main__":
    main()
