"""Tensors from Python and NumPy values."""

from typing import Any

import numpy as np

from ..core.dispatch import state
from ..core.types import float32, numpy_dtype, public_dtype
from ..errors import DTypeError, at_user_line
from .frontend import eager_frontend
from .tensor import Tensor


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new leaf tensor with a copy of ``data`` (numbers, nested lists, an array).

    Python floats become float32, ints int64, bools bool; an array keeps its dtype.
    Raises `DTypeError` for complex numbers, strings and other types.

    >>> import dualgraph as dg
    >>> dg.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    if isinstance(data, Tensor):
        data = data.detach().numpy()
    weak = not isinstance(data, np.ndarray | np.generic)
    array = _array(data)
    if dtype is not None:
        array = array.astype(numpy_dtype(dtype))
    elif weak and array.dtype == np.float64 and not _holds_arrays(data):
        array = array.astype(float32)
    public_dtype(array.dtype)
    out = eager_frontend.tensor(np.array(array, order="C"))
    return state.frontend.fresh(out, requires_grad)  # traced: new at every call


def _array(data: Any) -> np.ndarray:
    try:
        return np.asarray(data)
    except ValueError as error:
        raise DTypeError(at_user_line(f"tensor: the nested lists are ragged ({error})")) from None


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, tuple | list) and data:
        data = data[0]
    return isinstance(data, np.ndarray | np.generic)


def from_numpy(array: np.ndarray) -> Tensor:
    """Return a tensor on the memory of a NumPy array: changes are seen by both.

    Raises `DTypeError` for dtypes that dualgraph does not have.
    """
    if not isinstance(array, np.ndarray):
        raise DTypeError(at_user_line(f"from_numpy: got {type(array).__name__}, not an ndarray"))
    public_dtype(array.dtype)
    regular = array.dtype.isnative and array.flags.aligned
    whole = all(s % array.itemsize == 0 for s in array.strides)
    return eager_frontend.tensor(array if regular and whole else np.array(array))


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """Return a tensor without a copy where possible."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and dtype is None:
        return from_numpy(data)
    return tensor(data, dtype)


def manual_seed(seed: int) -> Any:
    """Start the default random stream anew and return its generator."""
    return eager_frontend.default_generator.manual_seed(seed)
