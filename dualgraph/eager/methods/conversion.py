"""Conversion of dtypes and devices, and tensors like another."""

from typing import Any

from ...core.dtypes import Device
from ...core.types import numpy_dtype
from ...errors import ArgumentError
from ...ops.arguments import check_device, check_options
from ...ops.build import as_dtype, is_tensor, sizes
from ...ops.create import creation
from ...ops.elementwise import pointwise as elementwise

_DEVICES = frozenset({"cpu", "cuda", "mps", "xpu", "meta", "hip", "xla"})


def _is_device(x: Any) -> bool:
    name = x.partition(":")[0] if isinstance(x, str) else ""
    return isinstance(x, Device) or name in _DEVICES


class ConversionMethods:
    """Conversion of dtypes and devices, and tensors like another."""

    value: Any

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        copy: bool = False,
        **options: Any,
    ) -> Any:
        """Return the tensor in a dtype, given by itself, with a device, or by another tensor.

        The tensor itself when nothing changes, unless ``copy=True``. The only device is the CPU:
        raises `ArgumentError` for others.
        """
        check_options("to", device, options)
        for arg in args:
            if isinstance(arg, bool) or arg is None:
                continue  # PyTorch's non_blocking and copy, by position
            if is_tensor(arg):
                dtype = arg.value.dtype
            elif _is_device(arg):
                check_device("to", arg)
            else:
                dtype = arg
        copy = copy or (len(args) > 1 and args[-1] is True and args[-2] in (True, False))
        out = self if dtype is None else as_dtype(self, numpy_dtype(dtype))
        return elementwise.clone(out) if copy and out is self else out

    def type(self, dtype: Any) -> Any:
        """Return the tensor in another dtype (itself when it already has it)."""
        return as_dtype(self, numpy_dtype(dtype))

    def type_as(self, other: Any) -> Any:
        """Return the tensor in the dtype of another."""
        return as_dtype(self, other.value.dtype)

    def float(self) -> Any:
        """Return the tensor as float32."""
        return self.to("float32")

    def double(self) -> Any:
        """Return the tensor as float64."""
        return self.to("float64")

    def half(self) -> Any:
        """Return the tensor as float16."""
        return self.to("float16")

    def bfloat16(self) -> Any:
        """Raise `DTypeError`: NumPy has no such dtype."""
        return self.to("bfloat16")

    def int(self) -> Any:
        """Return the tensor as int32."""
        return self.to("int32")

    def short(self) -> Any:
        """Return the tensor as int16."""
        return self.to("int16")

    def char(self) -> Any:
        """Return the tensor as int8."""
        return self.to("int8")

    def byte(self) -> Any:
        """Return the tensor as uint8."""
        return self.to("uint8")

    def bool(self) -> Any:
        """Return where the tensor is not zero."""
        return self.to("bool")

    def cpu(self) -> Any:
        """Return the tensor itself: all memory is the CPU's."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> Any:
        """Raise `ArgumentError`: there is no such device."""
        raise ArgumentError("cuda(): device 'cuda' does not exist; only 'cpu' does")

    @property
    def device(self) -> Device:
        """Where the memory lies: always the CPU."""
        return Device()

    @property
    def is_cpu(self) -> Any:
        """True."""
        return True

    @property
    def is_cuda(self) -> Any:
        """False."""
        return False

    def get_device(self) -> Any:
        """Return -1: the memory is the CPU's."""
        return -1

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, **options: Any) -> Any:
        """Return a new tensor filled with a number, in the tensor's dtype unless one is named."""
        return creation.full(size, fill_value, dtype=dtype or self.value.dtype, **options)

    def new_zeros(self, *size: Any, dtype: Any = None, **options: Any) -> Any:
        """Return new zeros, in the tensor's dtype unless one is named."""
        return self.new_full(sizes(size), 0, dtype=dtype, **options)

    def new_ones(self, *size: Any, dtype: Any = None, **options: Any) -> Any:
        """Return new ones, in the tensor's dtype unless one is named."""
        return self.new_full(sizes(size), 1, dtype=dtype, **options)

    def new_empty(self, *size: Any, dtype: Any = None, **options: Any) -> Any:
        """Return new memory, in the tensor's dtype unless one is named; it holds zeros."""
        return self.new_full(sizes(size), 0, dtype=dtype, **options)
