"""What `dualgraph compare` runs: the digits classifier, or a function from a user's file."""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from traceback import extract_tb
from types import FunctionType, ModuleType
from typing import Any

from ..datasets.digits import digits_split, shuffled
from ..eager.construct import tensor
from ..eager.modes import no_grad
from ..eager.streams import manual_seed
from ..eager.tensor import Tensor
from ..errors import ModelPathError
from ..nn.activation import ReLU
from ..nn.containers import Sequential
from ..nn.layers import Linear
from ..nn.losses import CrossEntropyLoss
from ..ops.build import need
from ..ops.reduce.reductions import argmax
from ..optim.adam import Adam
from ..optim.optimizer import Optimizer
from ..optim.sgd import SGD

Batches = list[tuple[Any, ...]]
MOST_BATCHES = 2_000  # longer runs use them again: memory does not grow with the steps
OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda parameters: SGD(parameters, lr=0.05, momentum=0.9),
    "adam": lambda parameters: Adam(parameters, lr=2e-3),
}


@dataclass(frozen=True, slots=True)
class Job:
    """A training step, the arguments of its calls in turn, and how to measure the result."""

    name: str
    step: Callable[..., Any]
    batches: Batches
    accuracy: Callable[[], float] | None = None


@dataclass(frozen=True, slots=True)
class DigitsOptions:
    """The choices of the main job; the defaults are those of the command line."""

    optimizer: str = "sgd"
    dtype: str = "float32"
    batch_size: int = 32
    seed: int = 0
    steps: int = 600


def digits_job(options: DigitsOptions) -> Job:
    """Return an MLP 64-128-128-10 on the UCI digits; equal options give equal bits."""
    images, labels, test_images, test_labels = digits_split()
    manual_seed(options.seed)
    model = Sequential(Linear(64, 128), ReLU(), Linear(128, 128), ReLU(), Linear(128, 10)).to(
        options.dtype
    )
    optimizer = OPTIMIZERS[options.optimizer](model.parameters())
    criterion = CrossEntropyLoss()

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def accuracy() -> float:
        with no_grad():
            predicted = argmax(model(test_images.to(options.dtype)), 1)
        return float((predicted.numpy() == test_labels.numpy()).mean())

    name = (
        f"digits, MLP 64-128-128-10, {options.optimizer}, {options.dtype}, "
        f"batch {options.batch_size}"
    )
    return Job(name, step, digits_batches(images, labels, options), accuracy)


def digits_batches(images: Tensor, labels: Tensor, options: DigitsOptions) -> Batches:
    """Return whole batches, reshuffled for every pass over the data, one per step (to a limit).

    Raises `ArgumentError` when there is not one whole batch.
    """
    need(
        1 <= options.batch_size <= len(labels),
        f"the batch size must lie in 1..{len(labels)}, got {options.batch_size}",
    )
    pixels, classes = images.to(options.dtype).numpy(), labels.numpy()
    batches: Batches = []
    wanted = min(options.steps, MOST_BATCHES)
    for epoch in count():
        order = shuffled(len(classes), options.seed + 1000 * epoch)
        for start in range(0, len(order) - options.batch_size + 1, options.batch_size):
            if len(batches) == wanted:
                return batches
            chosen = order[start : start + options.batch_size]
            batches.append((tensor(pixels[chosen]), tensor(classes[chosen])))
    raise AssertionError("count() does not end")


# --- a user's own function -----------------------------------------------------------------------

_numbers = count()


def user_job(target: str, seed: int) -> Job:
    """Return the job that ``file.py:function`` makes; each call loads the file anew.

    Raises `ModelPathError` for a path that names nothing, a file or function that raises, and a
    function that returns something else than (step, arguments).
    """
    path, name = _split(target)
    manual_seed(seed)
    function = _found(_loaded(path), name, path)
    try:
        made = function()
    except Exception as error:
        raise ModelPathError(f"{name}() in {path} raised {said(error, path)}") from error
    return Job(target, *_checked(made, f"{name}() in {path}"))


def _split(target: str) -> tuple[Path, str]:
    file, _, name = target.rpartition(":")
    if not file or not name:
        raise ModelPathError(
            f"{target!r} names no function: write file.py:function, for example model.py:main"
        )
    path = Path(file)
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        near = get_close_matches(path.name, _python_files(path.parent), 1)
        hint = f"; did you mean {path.with_name(near[0])}?" if near else ""
        raise ModelPathError(f"{path} {what} (looked in {Path.cwd()}){hint}")
    return path, name


def _python_files(folder: Path) -> list[str]:
    return [p.name for p in folder.glob("*.py")] if folder.is_dir() else []


def _loaded(path: Path) -> ModuleType:
    """Run a file as a module of its own; its folder can be imported from meanwhile."""
    spec = importlib.util.spec_from_file_location(f"compared_{next(_numbers)}", path)
    if spec is None or spec.loader is None:
        raise ModelPathError(f"{path} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ModelPathError(f"loading {path} raised {said(error, path)}") from error
    finally:
        sys.path.pop(0)
    return module


def _found(module: ModuleType, name: str, path: Path) -> Callable[[], Any]:
    function = getattr(module, name, None)
    own = [
        n
        for n, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]
    if not callable(function):
        near = get_close_matches(name, own, 1, cutoff=0.4)
        hint = f" (did you mean {near[0]}?)" if near else ""
        listed = ", ".join(own) if own else "none"
        raise ModelPathError(f"{path} has no function {name!r}{hint}; its functions: {listed}")
    return function


def said(error: BaseException, path: Path) -> str:
    """Return an exception in one line, with the innermost line of the user's file."""
    text = f"{type(error).__name__}: {error}".strip()
    line = line_in(error, path)
    return f"{text}\n  at {path}:{line}" if line else text


def line_in(error: BaseException, path: Path) -> int | None:
    """Return the innermost line of a file through which an exception came, if any."""
    names = (str(path), str(path.resolve()))
    lines = [f.lineno for f in extract_tb(error.__traceback__) if f.filename in names]
    return lines[-1] if lines else None


def _checked(made: Any, who: str) -> tuple[Callable[..., Any], Batches]:
    """Return (step, batches) from what the user's function returned."""
    wanted = (
        "must return (step, arguments): a function, and a tuple of its arguments or a list of such "
        "tuples that are used in turn"
    )
    if not (isinstance(made, tuple) and len(made) == 2 and callable(made[0])):
        raise ModelPathError(f"{who} returned {_kind(made)}; it {wanted}")
    step, given = made
    batches = given if isinstance(given, list) else [given]
    if not batches or not all(isinstance(b, tuple) for b in batches):
        raise ModelPathError(f"{who} returned {_kind(given)} as arguments; it {wanted}")
    for batch in batches:
        try:
            inspect.signature(step).bind(*batch)
        except TypeError as error:
            raise ModelPathError(
                f"{who}: the step does not take these arguments: {error}"
            ) from None
    return step, batches


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of ({', '.join(type(v).__name__ for v in value)})"
    return f"a {type(value).__name__}"
