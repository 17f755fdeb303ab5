"""The compiled functions of the examples and of the models in `tests/models`.

Each is run for a few steps, and what it passes to `dualgraph.compile` is recorded with the
arguments and the bits of its calls. Only the public interface is used, so that the same file serves
any version of the package.
"""

import contextlib
import hashlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import dualgraph as dg
from tests.models import load

EXAMPLES = Path(__file__).parent.parent / "examples"
Names = dict[str, Any]

RUNS: dict[str, tuple[str, Names, Names]] = {  # file, its constants, the arguments of main
    "black_scholes": ("black_scholes", {}, {}),
    "char_gpt": ("char_gpt", {}, {"steps": 3, "count": 2}),
    "digits_cnn": ("digits_cnn", {"EPOCHS": 1}, {}),
    "digits_lbfgs": ("digits_lbfgs", {}, {}),
    "digits_logistic": ("digits_logistic", {"EPOCHS": 2}, {}),
    "digits_mlp": ("digits_mlp", {"EPOCHS": 1}, {}),
    "digits_vae": ("digits_vae", {"EPOCHS": 1}, {}),
    "lstm_language_model": ("lstm_language_model", {}, {"epochs": 1, "characters_used": 8000}),
    "pendulum": ("pendulum", {"EPOCHS": 3}, {}),
    "tour": ("tour", {}, {}),
    "tree_rnn": ("tree_rnn", {}, {"count": 64}),
    "tree_rnn_levels": ("tree_rnn", {}, {"count": 64, "batched": True}),
}
MODELS: dict[str, tuple[str, Names]] = {
    "nano_gpt": ("nano_gpt", {}),
    "nano_gpt_by_hand": ("nano_gpt", {"flash": False, "bias": True}),
    "resnet": ("resnet", {}),
    "lstm_tagger": ("lstm_tagger", {}),
}


def digest(value: Any) -> str:
    """Return a hash of the bits of all tensors and numbers in a result; any NaN is one NaN."""
    found = hashlib.sha256()
    _hash(value, found)
    return found.hexdigest()[:16]


def _hash(value: Any, into: Any) -> None:
    if isinstance(value, dg.Tensor):
        array = np.ascontiguousarray(value.detach().numpy())
        if array.dtype.kind == "f":
            array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
        into.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    elif isinstance(value, list | tuple):
        for item in value:
            _hash(item, into)
    elif isinstance(value, float | int | str | None):
        into.update(repr(value).encode())
    else:
        raise SystemExit(f"cannot hash the bits of a {type(value).__name__}")


class Recorded:
    """A compiled function with the bits of its calls and the arguments of the last one."""

    def __init__(self, name: str, compiled: Any) -> None:
        self.name = name
        self.compiled = compiled
        self.bits: list[str] = []
        self.arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self.grad_enabled = True

    def eager(self) -> Any:
        """Run the function itself on the arguments of the last call."""
        args, kwargs = self.arguments
        return self.compiled.__wrapped__(*args, **kwargs)

    def again(self) -> Any:
        """Repeat the last call."""
        args, kwargs = self.arguments
        return self.compiled(*args, **kwargs)

    def prepared(self) -> Any:
        """Return a new trace, compiled for the arguments of the last call and its grad mode."""
        args, kwargs = self.arguments
        with dg.set_grad_enabled(self.grad_enabled):
            return dg.compile(self.compiled.__wrapped__).prepare(*args, **kwargs)


class Recorder:
    """Notes the calls of compiled functions, each under the name ``unit/function``.

    It hangs on the class and leaves the objects alone: guards would see what is stored on them.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.records: list[Recorded] = []
        self._within = False  # a call: what is called in there is part of a trace

    def call(self, compiled: Any, *args: Any, **kwargs: Any) -> Any:
        """Make a call and note it."""
        if self._within:
            return _CALL(compiled, *args, **kwargs)
        record = self._record(compiled)
        record.arguments, record.grad_enabled = (args, kwargs), dg.is_grad_enabled()
        self._within = True
        try:
            result = _CALL(compiled, *args, **kwargs)
        finally:
            self._within = False
        record.bits.append(digest(result))
        return result

    def _record(self, compiled: Any) -> Recorded:
        for record in self.records:
            if record.compiled is compiled:
                return record
        name = f"{self.unit}/{compiled.__name__.strip('_')}"
        times = sum(r.name.partition(" ")[0] == name for r in self.records)
        self.records.append(Recorded(f"{name} {times + 1}" if times else name, compiled))
        return self.records[-1]


_CALL = dg.CompiledFunction.__call__


@contextlib.contextmanager
def recording(unit: str) -> Iterator[list[Recorded]]:
    """Record the calls of compiled functions meanwhile; raise `SystemExit` if there are none."""
    recorder = Recorder(unit)

    def call(compiled: Any, *args: Any, **kwargs: Any) -> Any:
        return recorder.call(compiled, *args, **kwargs)

    with mock.patch.object(dg.CompiledFunction, "__call__", call):
        yield recorder.records
    if not recorder.records:
        raise SystemExit(f"{unit}: no call of a compiled function was seen")


def example(unit: str) -> list[Recorded]:
    """Run one of the examples, and return what it compiled."""
    file, constants, arguments = RUNS[unit]
    path = EXAMPLES / f"{file}.py"
    names: Names = {"__name__": file, "__file__": str(path)}
    with recording(unit) as records, warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.errors.RetraceWarning)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(path.read_text(), str(path), "exec"), names)
            names.update(constants)
            if "main" in names:
                names["main"](**arguments)
    return records


def model(unit: str) -> list[Recorded]:
    """Run two steps of one of the models, and return the compiled step."""
    file, options = MODELS[unit]
    dg.manual_seed(0)
    training = load(file).Training(dg.float32, **options)
    step = dg.compile(training.step)
    with recording(unit) as records:
        for i in range(2):
            training.before(i)
            step(*training.batch(np.random.default_rng(i)))
    return records


def recorded(unit: str) -> list[Recorded]:
    """Run an example or a model, and return what it compiled."""
    return example(unit) if unit in RUNS else model(unit)


def refuse_forgotten() -> None:
    """Raise `SystemExit` when an example is in none of the `RUNS`."""
    forgotten = {p.stem for p in EXAMPLES.glob("*.py")} - {file for file, _, _ in RUNS.values()}
    if forgotten:
        raise SystemExit(f"no run of {', '.join(sorted(forgotten))} in bench/workloads.py")
