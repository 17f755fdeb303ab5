"""The Tensor that users hold: a value (array, or node while traced) and its place on the tape."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..core.dispatch import state
from ..core.frontend import ASKED_TRACKED, HOOK_ADDED
from ..core.hooks import Hooks, RemovableHandle
from ..core.tensor import TensorBase
from ..core.types import Size, category
from ..errors import (
    ArgumentTypeError,
    AxisError,
    DTypeError,
    GradError,
    ShapeError,
    described,
)
from ..grad.inplace import keep_old_values, pack_saved
from ..grad.saved import count_here
from ..grad.tape import mark
from ..ops.build import as_dtype, normal_axis
from ..ops.elementwise import elementary, pointwise as elementwise
from ..ops.shape import views as shaping
from .formatting import format_tensor
from .frontend import EagerFrontend, made_without_grad
from .gradients import retain, run_backward
from .indexing import getitem, setitem
from .methods import (
    ArithmeticMethods,
    BitwiseMethods,
    ContractMethods,
    ConversionMethods,
    ElementwiseMethods,
    IndexingMethods,
    RandomMethods,
    RecordedMethods,
    ReductionMethods,
    SelectionMethods,
    ShapeMethods,
    SortingMethods,
    SpecialMethods,
)


class Tensor(
    ElementwiseMethods,
    SpecialMethods,
    ArithmeticMethods,
    BitwiseMethods,
    SelectionMethods,
    ReductionMethods,
    SortingMethods,
    ShapeMethods,
    IndexingMethods,
    ContractMethods,
    ConversionMethods,
    RandomMethods,
    RecordedMethods,
    TensorBase,
):
    """An n-dimensional array that remembers how it was computed.

    Make one with `dualgraph.tensor`. Attributes and methods carry PyTorch's names.
    """

    value: Any  # numpy.ndarray, or a graph node while a function is traced
    held_grad: "Tensor | None"
    base: "Tensor | None"
    new_tensor: Any  # of `dualgraph.eager.construct`

    __array_priority__ = 1000

    # --- facts ---

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def is_leaf(self) -> bool:
        """True when no recorded op produced this tensor."""
        return self.grad_fn is None

    @property
    def requires_grad(self) -> bool:
        """Whether gradients of this tensor are recorded; see `requires_grad_`."""
        state.frontend.note(self, ASKED_TRACKED)
        return self.tracked

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self.requires_grad_(requires_grad)

    @property
    def retains_grad(self) -> bool:
        """True when `retain_grad` was called on a tensor that is not a leaf."""
        return self.retaining is not None

    @property
    def grad(self) -> "Tensor | None":
        """The gradient that backward has accumulated, or None."""
        return state.frontend.read_grad(self)

    @grad.setter
    def grad(self, grad: "Tensor | None") -> None:
        if grad is not None:
            self._check_grad(grad)
        state.frontend.write_grad(self, grad)

    @grad.deleter
    def grad(self) -> None:
        state.frontend.write_grad(self, None)

    def _check_grad(self, grad: Any) -> None:
        if not isinstance(grad, Tensor):
            raise ArgumentTypeError(f"grad must be a tensor or None, not {described(grad)}")
        if grad is self:
            raise GradError("a tensor cannot be its own grad")
        if grad.value.shape != self.value.shape:
            raise ShapeError(f"grad of shape {grad.shape} does not fit a tensor of {self.shape}")
        if grad.value.dtype != self.value.dtype:
            raise DTypeError(f"grad of {grad.dtype} does not fit a tensor of {self.dtype}")

    @property
    def data(self) -> "Tensor":
        """The same memory outside of the tape; backward does not notice a change through it."""
        return state.frontend.alias(self, uncounted=True)

    @data.setter
    def data(self, data: "Tensor") -> None:
        if not isinstance(data, Tensor):
            raise ArgumentTypeError(f"data must be a tensor, not {described(data)}")
        if self.tracked and data.value.dtype.kind != "f":
            raise DTypeError(f"data of {data.dtype} for a tensor that requires grad")
        state.frontend.set_data(self, data)

    @property
    def _version(self) -> int:
        return count_here(self)[0]

    @property
    def T(self) -> "Tensor":
        return shaping.permute(self, *reversed(range(self.value.ndim)))

    @property
    def mT(self) -> "Tensor":
        return shaping.transpose(self, -2, -1)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the extent of one axis."""
        if dim is None:
            return Size(self.value.shape)
        return (
            self.value.shape[normal_axis(dim, self.value.ndim)] if self.value.ndim else _no_axis()
        )

    def dim(self) -> int:
        """Return the number of axes."""
        return self.value.ndim

    ndimension = dim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.value.size

    nelement = numel

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.value.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.value.size * self.value.dtype.itemsize

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self.value.dtype.itemsize

    def is_floating_point(self) -> bool:
        """Return whether the dtype is float32 or float64."""
        return self.value.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Return False: there are no complex dtypes."""
        return False

    def __len__(self) -> int:
        if not self.value.ndim:
            raise DTypeError("len() of a 0-d tensor")
        return self.value.shape[0]

    # --- the way to NumPy and Python ---

    def numpy(self) -> np.ndarray:
        """Return the array itself (shared memory); refused while gradients are attached."""
        if self.tracked:
            raise GradError("numpy() of a tensor that requires grad: call detach().numpy()")
        return state.frontend.concrete(self, "numpy()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy if copy is not None else None)

    def item(self) -> bool | int | float:
        """Return the only element as a Python number."""
        array = state.frontend.concrete(self, "item()")
        if array.size != 1:
            raise ShapeError(f"item() needs exactly one element, the shape is {self.shape}")
        return array.item()

    def tolist(self) -> Any:
        """Return nested lists of Python numbers."""
        return state.frontend.concrete(self, "tolist()").tolist()

    def __bool__(self) -> bool:
        array = state.frontend.concrete(self, "bool()")
        if array.size != 1:
            raise ShapeError(
                f"the truth of a tensor of shape {self.shape} is ambiguous: use .any() or .all()"
            )
        return bool(array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.value.dtype.kind == "f":
            raise DTypeError("only an integer tensor can be used as an index")
        return int(self.item())

    def __repr__(self) -> str:
        return format_tensor(self)

    def __format__(self, spec: str) -> str:
        """Return the number of a 0-d tensor in this format; other tensors take no format."""
        plain = type(self) is Tensor and not self.value.ndim
        if plain and (spec or isinstance(self.value, np.ndarray)):
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __iter__(self) -> Any:
        return iter(shaping.unbind(self, 0))

    def __deepcopy__(self, memo: dict) -> "Tensor":
        if not self.is_leaf:
            raise GradError("only leaf tensors can be deep-copied: detach() first")
        out = object.__new__(type(self))
        out.value = state.frontend.concrete(self, "deepcopy()").copy()
        if self.tracked:
            out.tracked = True
        if self.held_grad is not None:
            out.held_grad = self.held_grad.clone().detach()
        memo[id(self)] = out
        return out

    def __reduce_ex__(self, protocol: Any) -> tuple:
        if not self.is_leaf:
            raise GradError("only leaf tensors can be pickled: detach() first")
        array = state.frontend.concrete(self, "pickle")
        return _rebuild, (type(self), np.array(array, order="C", copy=None), self.tracked)

    # --- autograd ---

    def backward(
        self,
        gradient: "Tensor | None" = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to ``.grad`` of every leaf that requires grad.

        ``gradient`` is the cotangent; a scalar needs none. With ``inputs`` only those tensors get
        a ``.grad``, leaves or not. Raises `GradError` for a non-scalar
        without it, for a second call without ``retain_graph``, and when nothing requires grad.
        """
        run_backward([self], [gradient], retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[["Tensor"], Any]) -> RemovableHandle:
        """Call ``hook(gradient)`` whenever a gradient with respect to this tensor is computed.

        A tensor that it returns replaces the gradient; hooks run in the order of registration.
        Raises `GradError` for a tensor that does not require grad.

        >>> import dualgraph as dg
        >>> x = dg.tensor(1.0, requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> (x * 2).backward()
        >>> x.grad
        tensor(20.)
        """
        self._check_requires_grad("register_hook")
        if self.grad_fn is not None:
            return self.grad_fn.hooks_of(self.output_nr).add(hook)
        state.frontend.note(self, HOOK_ADDED)
        self.hooks = self.hooks or Hooks()
        return self.hooks.add(hook)

    def register_post_accumulate_grad_hook(
        self, hook: Callable[["Tensor"], Any]
    ) -> RemovableHandle:
        """Call ``hook(tensor)`` after ``.grad`` of this leaf was accumulated."""
        self._check_requires_grad("register_post_accumulate_grad_hook")
        if self.grad_fn is not None:
            raise GradError("post accumulate grad hooks are for leaf tensors only")
        state.frontend.note(self, HOOK_ADDED)
        self.after_hooks = self.after_hooks or Hooks()
        return self.after_hooks.add(hook)

    def _check_requires_grad(self, name: str) -> None:
        if not self.tracked:
            raise GradError(f"{name} needs a tensor that requires grad")

    def retain_grad(self) -> None:
        """Keep ``.grad`` of a tensor that is not a leaf; it is accumulated at every backward."""
        self._check_requires_grad("retain_grad")
        if self.grad_fn is not None and self.retaining is None:
            retain(self)

    def requires_grad_(self, requires_grad: bool = True) -> "Tensor":
        """Ask for gradients of this leaf (or stop asking); floating tensors only."""
        if requires_grad and self.value.dtype.kind != "f":
            raise DTypeError(f"only floating tensors can require grad, not {self.dtype}")
        if not requires_grad and not self.is_leaf:
            raise GradError("only leaf tensors can stop requiring grad: detach()")
        self.tracked = requires_grad
        return self

    def detach(self) -> "Tensor":
        """Return the same memory outside of the tape; in-place changes are seen by both."""
        return state.frontend.alias(self)

    def detach_(self) -> "Tensor":
        """Take this tensor off the tape. Raises `GradError` for a view: use ``detach()``."""
        if self.base is not None and self.grad_fn is not None:
            raise GradError("a view cannot be detached in place: use detach()")
        self.grad_fn, self.output_nr, self.tracked, self.retaining = None, 0, False, None
        return self

    # --- changing in place ---

    def _inplace(self, compute: Any) -> "Tensor":
        self._check_inplace()
        start = mark()
        hooks, state.saved_hooks = state.saved_hooks, None  # they see what is kept in the end
        try:
            out = compute(self)
        finally:
            state.saved_hooks = hooks
        if out.value.shape != self.value.shape:
            raise ShapeError(
                f"in-place: the result has shape {out.shape}, the tensor {self.shape}; "
                "an in-place op cannot grow its tensor"
            )
        if category(out.value.dtype) > category(self.value.dtype):
            raise DTypeError(f"in-place: a {out.dtype} result does not fit into {self.dtype}")
        out = as_dtype(out, self.value.dtype)
        if out.tracked:
            keep_old_values(out, self, start)
            if hooks is not None:
                pack_saved(out, start, hooks)
        state.frontend.replace(self, out)
        return self

    def _check_inplace(self) -> None:
        if not state.grad_enabled:
            return
        if self.tracked and self.is_leaf:
            raise GradError(
                "a leaf that requires grad cannot be changed in place while gradients are "
                "recorded: wrap the change in no_grad()"
            )
        if self.base is not None and not self.tracked and made_without_grad(self):
            raise GradError(
                "a view that was taken under no_grad, of a tensor that requires grad, cannot "
                "be changed in place while gradients are recorded: take it outside of the "
                "block, or change it inside"
            )
        if self.base is not None and self.tracked and self.base.is_leaf:
            raise GradError(
                "a view of a leaf that requires grad cannot be changed in place while "
                "gradients are recorded: wrap the change in no_grad()"
            )

    def copy_(self, src: Any) -> "Tensor":
        """Overwrite with the (broadcast, converted) values of another tensor or a number."""
        return self._inplace(lambda x: elementwise.overwrite(x, src))

    def fill_(self, value: bool | int | float) -> "Tensor":
        """Overwrite every element with a number."""
        return self.copy_(value)

    def zero_(self) -> "Tensor":
        """Overwrite every element with zero."""
        return self.copy_(0)

    # --- operators ---

    def __radd__(self, other: Any) -> "Tensor":
        return elementwise.add(other, self)

    def __rsub__(self, other: Any) -> "Tensor":
        return elementwise.sub(other, self)

    def __rmul__(self, other: Any) -> "Tensor":
        return elementwise.mul(other, self)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return elementwise.div(other, self)

    def __rpow__(self, other: Any) -> "Tensor":
        return elementary.pow(other, self)

    def __getitem__(self, index: Any) -> "Tensor":
        return getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Overwrite the part that an index names; see `dualgraph.eager.indexing`."""
        self._check_inplace()
        setitem(self, index, value)


def _no_axis() -> NoReturn:
    raise AxisError("size(): a 0-d tensor has no axes")


def _rebuild(kind: type, array: np.ndarray, requires_grad: bool) -> Tensor:
    out = object.__new__(kind)
    out.value = array
    if requires_grad:
        out.tracked = True
    return out


EagerFrontend.tensor_class = Tensor
