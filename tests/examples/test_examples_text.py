"""The examples on text and on trees: the same bits in both modes, and better than counting."""

import hashlib
import math
import runpy
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"


def fingerprint(model: Any) -> str:
    """Return the hash of every name and every bit of a model's state."""
    found = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        found.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()


def run_in_both_modes(name: str, **sizes: Any) -> tuple[Any, ...]:
    """Return the figures of an example, after they and the trained model were compared."""
    main = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]
    (*eager, eager_model), (*compiled, model) = main(eager=True, **sizes), main(**sizes)
    assert eager == compiled
    assert fingerprint(eager_model) == fingerprint(model)
    return tuple(compiled)


def test_the_gpt_learns_and_writes_the_same_bits() -> None:
    sizes = {"steps": 150, "context": 32, "width": 32, "heads": 2, "layers": 2, "count": 40}
    losses, unseen, sample = run_in_both_modes("char_gpt", **sizes)
    assert math.log(70) < losses[0] < math.log(80)  # 75 characters
    assert losses[-1] < 2.7  # characters alone: 3.05
    assert unseen < 2.7
    assert len(sample) == 41


def test_the_lstm_learns_the_same_bits_and_beats_counting_pairs() -> None:
    sizes = {"epochs": 2, "width": 64, "layers": 1, "characters_used": 60_000}
    losses, perplexity, (ones, pairs) = run_in_both_modes("lstm_language_model", **sizes)
    assert len(losses) == 2 * 105
    assert perplexity < pairs < ones


def test_trees_of_any_shape_train_the_same_bits() -> None:
    losses, accuracy = run_in_both_modes("tree_rnn", count=1500, leaves=4)
    assert sum(losses[-100:]) / 100 < 0.1
    assert accuracy > 0.98


def test_trees_by_levels_train_the_same_bits() -> None:
    losses, accuracy = run_in_both_modes("tree_rnn", batched=True, count=512, leaves=5, epochs=10)
    assert losses[-1] < 0.1
    assert accuracy > 0.95
