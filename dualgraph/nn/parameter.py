"""Tensors that a module owns: parameters, which an optimizer updates, and buffers."""

from typing import Any

from ..eager.tensor import Tensor
from ..errors import ArgumentError, DTypeError
from ..grad.saved import version_counter
from ..ops.create.creation import empty, zeros


class Parameter(Tensor):
    """A leaf tensor that requires grad and that a `Module` registers when it is assigned to one.

    Shares memory with ``data``, a tensor (None: one without elements). Raises `DTypeError` for
    anything else, and for integer data unless ``requires_grad=False``.

    >>> import dualgraph as dg
    >>> Parameter(dg.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        _share(self, data)
        if requires_grad:
            self.requires_grad_()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        out = super().__deepcopy__(memo)
        out.held_grad = None  # a copied model starts without gradients
        return out

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that a `Module` registers as a buffer when it is assigned to one.

    Shares memory with ``data``; ``persistent=False`` keeps it out of state dicts.
    """

    persistent: bool = True

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        _share(self, data)
        self.persistent = persistent


def _share(made: Tensor, data: Tensor | None) -> None:
    """Give a new tensor the memory of another, and its count of changes."""
    if data is None:
        data = empty(0)
    if not isinstance(data, Tensor):
        raise DTypeError(
            f"{type(made).__name__}: expected a Tensor, got {type(data).__name__}; "
            "convert arrays and lists with dualgraph.tensor(...)"
        )
    made.value = data.value.copy() if data.shared else data.value
    if not data.shared:  # one memory, one count of its changes
        made.counter = version_counter(data)


class UninitializedTensorMixin(Tensor):
    """A tensor of a lazy module before its shape is known."""

    becomes: type[Tensor]

    @property
    def shape(self) -> Any:
        raise ArgumentError(_UNSHAPED)

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Take a shape, and elements that are zero; the object stays the same."""
        made = zeros(tuple(shape), dtype=self.value.dtype if dtype is None else dtype)
        self.value = made.value
        object.__setattr__(self, "__class__", self.becomes)

    def detach(self) -> Tensor:
        """Return this tensor: it has no elements yet."""
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


_UNSHAPED = (
    "a parameter or buffer of a lazy module has no shape before the first call of the module: "
    "call the model once on inputs of the right shape, or load a state dict"
)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape follows from the first input of its lazy module."""

    becomes = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(empty(0, dtype=dtype, device=device), requires_grad)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape follows from the first input of its lazy module."""

    becomes = Tensor

    def __init__(
        self,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> None:
        super().__init__(empty(0, dtype=dtype, device=device), persistent=persistent)
        self.requires_grad = requires_grad


def is_lazy(param: Any) -> bool:
    """Return whether a parameter or buffer has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)
