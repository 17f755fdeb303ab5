"""Tensors that a module owns: parameters, which an optimizer updates, and buffers."""

from ..eager.tensor import Tensor
from ..errors import DTypeError, at_user_line
from ..grad.tape import version_counter
from ..ops.creation import empty


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
            at_user_line(
                f"{type(made).__name__}: expected a Tensor, got {type(data).__name__}; "
                "convert arrays and lists with dualgraph.tensor(...)"
            )
        )
    made.value = data.value.copy() if data.shared else data.value
    if not data.shared:  # one memory, one count of its changes
        made.counter = version_counter(data)
