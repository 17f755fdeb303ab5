"""Training steps of whole models: compiled against our eager and against PyTorch's eager step.

Run: ``python -m bench.models [name ...]``. The models are those of ``tests/models``, written for
PyTorch, at sizes at which people train on a CPU. One thread, paired rounds; eager and compiled
are verified bit for bit and PyTorch's loss to 1e-3 before anything is timed.
"""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import dualgraph
from dualgraph.compare.benchmark import paired_rounds
from tests.models import load

from .mlp_step import report

SIZES: dict[str, dict[str, int]] = {
    "nano_gpt": {
        "n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "vocab_size": 65,
        "batch_size": 12,
    },
    "resnet": {"width": 16, "batch_size": 32},
    "lstm_tagger": {"embedding_dim": 64, "hidden_dim": 128, "length": 32, "batch_size": 32},
}  # fmt: skip


def made(name: str, library: Any = dualgraph) -> tuple[Any, tuple[Any, Any]]:
    """Return a model's training and a batch."""
    library.manual_seed(0)
    training = load(name, library).Training(library.float32, **SIZES[name])
    return training, training.batch(np.random.default_rng(0))


def pytorch_step(name: str, ours: Any) -> Callable[[], Any]:
    """Return PyTorch's step from the weights of ours, its first loss compared."""
    torch = __import__("torch")
    torch.set_num_threads(1)
    theirs, batch = made(name, torch)
    theirs.model.load_state_dict(
        {k: torch.from_numpy(v.numpy().copy()) for k, v in ours.model.state_dict().items()}
    )
    loss, expected = ours.step(*made(name)[1]), theirs.step(*batch)
    np.testing.assert_allclose(loss.item(), expected.item(), 1e-3)
    return lambda: theirs.step(*batch)


def main(names: list[str]) -> None:
    """Verify, then time."""
    dualgraph.set_num_threads(1)
    for name in names or SIZES:
        eager, batch = made(name)
        print(f"{name}:", dualgraph.verify(made(name)[0].step, *batch, steps=3).message)
        step = dualgraph.compile(made(name)[0].step)
        trace = step.prepare(*batch)
        print(f"compile: {sum(trace.timings.values()):.2f} s")
        compare = {"dualgraph eager": lambda e=eager, b=batch: e.step(*b)}
        if find_spec("torch"):
            compare["torch eager"] = pytorch_step(name, made(name)[0])
        for label, other in compare.items():
            report(label, paired_rounds(other, lambda s=step, b=batch: s(*b), seconds=0.1))


if __name__ == "__main__":
    main(sys.argv[1:])
