"""The CNN, the autoencoder and L-BFGS: the same bits in both modes, parameters included."""

import runpy
from pathlib import Path
from typing import Any

import dualgraph as dg
from tests.bits import assert_bits_equal

EXAMPLES = Path(__file__).parents[2] / "examples"


def both_modes(name: str) -> Any:
    """Run an example in both modes; return (figures, what else it returned when compiled).

    Figures, parameters, buffers and what is left of the random stream must be equal.
    """
    main = runpy.run_path(str(EXAMPLES / name))["main"]
    results, states, streams = [], [], []
    for eager in (True, False):
        dg.manual_seed(1)
        figures, model, *rest = main(eager=eager)
        results.append((figures, *rest))
        states.append(dict(model.state_dict()))
        streams.append(dg.get_rng_state())
    assert_bits_equal(states[1], states[0], name)
    assert_bits_equal(streams[1], streams[0], "random stream")
    assert results[1][0] == results[0][0]
    return results[1]


def test_cnn_classifies_digits_and_traces_each_mode_once() -> None:
    (loss, tested, in_training), predict = both_modes("digits_cnn.py")
    assert loss < 0.05
    assert tested > 0.98
    assert in_training > 0.95
    assert [t.reason for t in predict.traces] == [
        "first call",
        "attribute 'training' of Net changed",
    ]


def test_autoencoder_reaches_its_bound() -> None:
    ((loss, divergence),) = both_modes("digits_vae.py")
    assert loss < 19.0
    assert 4.0 < divergence < 8.0


def test_logistic_regression_converges() -> None:
    ((loss, norm, accuracy, evaluations),) = both_modes("digits_lbfgs.py")
    assert loss < 0.12
    assert norm < 1e-7
    assert accuracy > 0.97
    assert evaluations < 100
