"""Checking gradients against finite differences, as ``torch.autograd.gradcheck``."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..eager.construct import from_numpy
from ..eager.gradients import grad
from ..errors import GradError
from ..ops.build import is_tensor
from ..ops.create.creation import randn_like


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare every entry of the Jacobian with central differences of width ``eps``.

    ``func(*inputs)`` gives a tensor or a tuple of them; float64 inputs that require grad are
    varied. An output that does not require grad must not change. Two backwards may differ by
    ``nondet_tol``. Raises `GradError` naming input, output and the first wrong entry, or returns
    False. The options from ``check_undefined_grad`` on are accepted for PyTorch's sake.

    >>> import dualgraph as dg
    >>> x = dg.tensor([0.3, -0.7], dtype=dg.float64, requires_grad=True)
    >>> dg.autograd.gradcheck(dg.tanh, (x,))
    True
    """
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    varied = [x for x in given if is_tensor(x) and x.requires_grad]
    _check_inputs(varied)
    outputs = _outputs(func(*given))
    for i, x in enumerate(varied):
        numeric = _differences(func, given, x, eps)
        for k, y in enumerate(outputs):
            found = _rows(y, x)
            problem = _problem(i, k, found, numeric[k], rtol, atol)
            problem = problem or _unsteady(i, k, found, _rows(y, x), nondet_tol)
            if problem and raise_exception:
                raise GradError(problem)
            if problem:
                return False
    return True


def _problem(
    i: int, k: int, found: np.ndarray, numeric: np.ndarray, rtol: float, atol: float
) -> str:
    wrong = ~np.isclose(found, numeric, rtol=rtol, atol=atol, equal_nan=True)
    return _mismatch(i, k, found, numeric, wrong) if wrong.any() else ""


def _unsteady(i: int, k: int, first: np.ndarray, second: np.ndarray, tolerance: float) -> str:
    apart = ~np.isclose(first, second, rtol=0.0, atol=tolerance, equal_nan=True)
    if not apart.any():
        return ""
    return (
        f"gradcheck: two backwards of output {k} give different gradients of input {i}, by up to "
        f"{float(np.abs(first - second).max())}: the backward is not deterministic"
    )


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    gen_non_contig_grad_outputs: bool = False,
    **options: Any,
) -> bool:
    """Check second derivatives: `gradcheck` of the gradients as functions of inputs and cotangents.

    Cotangents are drawn at random unless ``grad_outputs`` gives them. ``options`` are those of
    `gradcheck`; ``gen_non_contig_grad_outputs`` is accepted for PyTorch's sake.
    """
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    outputs = [y for y in _outputs(func(*given)) if y.requires_grad]
    if grad_outputs is None:
        cotangents = [randn_like(y).requires_grad_() for y in outputs]
    else:
        cotangents = (
            list(grad_outputs) if isinstance(grad_outputs, tuple | list) else [grad_outputs]
        )

    def first(*both: Any) -> Any:
        xs, gs = both[: len(given)], both[len(given) :]
        wanted = [x for x in xs if is_tensor(x) and x.requires_grad]
        ys = [y for y in _outputs(func(*xs)) if y.requires_grad]
        return grad(ys, wanted, list(gs), create_graph=True, materialize_grads=True)

    return gradcheck(first, (*given, *cotangents), **options)


def _check_inputs(varied: list[Any]) -> None:
    if not varied:
        raise GradError("gradcheck: none of the inputs requires grad")
    for x in varied:
        if x.value.dtype != np.float64:
            raise GradError(
                f"gradcheck: inputs must be float64 (finite differences of "
                f"{x.value.dtype.name} say nothing); use .double()"
            )


def _outputs(result: Any) -> list[Any]:
    found = list(result) if isinstance(result, tuple | list) else [result]
    return [y for y in found if is_tensor(y) and y.value.dtype.kind == "f"]


def _rows(y: Any, x: Any) -> np.ndarray:
    """Return the Jacobian of y in x, one backward a row."""
    if not y.requires_grad:
        return np.zeros((y.value.size, x.value.size))
    rows = []
    for at in range(y.value.size):
        seed = np.zeros(y.value.size)
        seed[at] = 1.0
        cotangent = from_numpy(seed.reshape(y.value.shape))
        (g,) = grad(y, x, cotangent, retain_graph=True, allow_unused=True)
        rows.append(np.zeros(x.value.size) if g is None else np.ravel(g.detach().numpy()))
    return np.array(rows).reshape(y.value.size, x.value.size)


def _differences(func: Callable[..., Any], given: tuple, x: Any, eps: float) -> list[np.ndarray]:
    """Return the numeric Jacobian of every output in x."""
    columns: list[list[np.ndarray]] = []
    values = x.detach().numpy()
    for at in np.ndindex(values.shape):
        kept = values[at]
        values[at] = kept + eps
        above = _values(func, given)
        values[at] = kept - eps
        below = _values(func, given)
        values[at] = kept
        columns.append([(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)])
    if not columns:
        return [np.zeros((y.size, 0)) for y in _values(func, given)]
    return [np.array(c).T for c in zip(*columns, strict=True)]


def _values(func: Callable[..., Any], given: tuple) -> list[np.ndarray]:
    """Return the flat outputs; copies, for an output may be a view of an input."""
    result = func(*given)
    return [np.ravel(y.detach().numpy()).copy() for y in _outputs(result)]


def _mismatch(i: int, k: int, found: np.ndarray, numeric: np.ndarray, wrong: np.ndarray) -> str:
    row, column = (int(v) for v in np.argwhere(wrong)[0])
    return (
        f"gradcheck: the Jacobian of output {k} in input {i} is wrong in {int(wrong.sum())} of "
        f"{wrong.size} entries, first at [{row}, {column}]: backward says "
        f"{float(found[row, column])!r}, finite differences {float(numeric[row, column])!r}"
    )
