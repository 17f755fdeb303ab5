"""Tensors from Python and NumPy values."""

from typing import Any

import numpy as np

from ..core.dispatch import state
from ..core.types import (
    DType,
    default_float,
    numpy_dtype,
    public_dtype,
    result_type as promoted,
    weak_dtype,
)
from ..errors import DTypeError
from ..ops.arguments import check_device, check_options, need_tensor
from ..ops.build import as_number, need
from .frontend import eager_frontend
from .interchange import from_numpy as from_numpy, viewed
from .tensor import Tensor


def tensor(
    data: Any,
    dtype: Any = None,
    requires_grad: bool = False,
    *,
    device: Any = None,
    **options: Any,
) -> Tensor:
    """Return a new leaf tensor with a copy of ``data`` (numbers, nested lists, an array).

    Python floats get the default dtype, ints int64, bools bool; an array keeps its dtype.
    Raises `DTypeError` for complex numbers, strings and other types.

    >>> import dualgraph as dg
    >>> dg.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    check_options("tensor", device, options)
    if isinstance(data, Tensor):
        data = data.detach().numpy()
    weak = not hasattr(data, "__array__")  # Python's numbers and lists
    array = _array(data)
    if dtype is not None:
        array = array.astype(numpy_dtype(dtype))
    elif weak and array.dtype == np.float64 and not _holds_arrays(data):
        array = array.astype(default_float())
    public_dtype(array.dtype)
    out = eager_frontend.tensor(np.array(array, order="C"))
    out = state.frontend.copied(out, donated=True)  # traced: new at every call
    return out.requires_grad_() if requires_grad else out


def _array(data: Any) -> np.ndarray:
    try:
        return np.asarray(data)
    except ValueError as error:
        raise DTypeError(f"tensor: the nested lists are ragged ({error})") from None


def _holds_arrays(data: Any) -> bool:
    while isinstance(data, tuple | list) and data:
        data = data[0]
    return isinstance(data, np.ndarray | np.generic)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return a tensor without a copy where possible: of tensors, arrays, and through DLPack."""
    check_device("as_tensor", device)
    data = viewed(data)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == numpy_dtype(dtype)):
        return from_numpy(data)
    return tensor(data, dtype)


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of an object: on the same memory where possible, unless ``copy=True``.

    Takes what `as_tensor` takes, and buffers: bytes hold elements of ``dtype`` (by default uint8).
    Raises `ArgumentError` when ``copy=False`` and a copy is needed.
    """
    obj = viewed(obj, dtype, buffers=True)
    if copy:
        found = tensor(obj, dtype, device=device)
    else:
        found = as_tensor(obj, dtype, device)
        value = obj.value if isinstance(obj, Tensor) else obj
        need(copy is None or found.value is value, "asarray: copy=False, but a copy is needed")
        found = found.detach() if requires_grad and isinstance(obj, Tensor) else found
    return found.requires_grad_() if requires_grad else found


def scalar_tensor(s: bool | int | float, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return a 0-d tensor with a number, in the default dtype unless one is named."""
    return tensor(s, dtype or default_float(), **options)


def is_tensor(obj: Any) -> bool:
    """Return whether an object is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the dtype is a floating one."""
    return need_tensor("is_floating_point", input).is_floating_point()


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return need_tensor("numel", input).numel()


def result_type(tensor1: Any, tensor2: Any) -> DType:
    """Return the dtype of an operation on two tensors or numbers, as PyTorch promotes.

    >>> import dualgraph as dg
    >>> dg.result_type(dg.tensor([1, 2]), 1.0)
    dualgraph.float32
    """
    strong, scalars, numbers = [], [], []
    for x in (tensor1, tensor2):
        if isinstance(x, Tensor):
            (strong if x.value.shape else scalars).append(x.value.dtype)
        else:
            numbers.append(weak_dtype(as_number(x)))
    return public_dtype(promoted(strong, scalars, numbers))


def _new_tensor(self: Tensor, data: Any, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return a new leaf with a copy of ``data``, in the tensor's dtype unless one is named."""
    return tensor(data, dtype or self.value.dtype, **options)


Tensor.new_tensor = _new_tensor
