"""A tensor that a module owns and an optimizer updates."""

from typing import Any

from ..eager.tensor import Tensor
from ..errors import DTypeError, at_user_line
from ..grad.tape import version_counter


class Parameter(Tensor):
    """A leaf tensor that requires grad and that a `Module` registers when it is assigned to one.

    Shares memory with ``data``, a tensor. Raises `DTypeError` for anything else, and for integer
    data unless ``requires_grad=False``.

    >>> import dualgraph as dg
    >>> Parameter(dg.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Tensor, requires_grad: bool = True) -> None:
        if not isinstance(data, Tensor):
            raise DTypeError(
                at_user_line(
                    f"Parameter: expected a Tensor, got {type(data).__name__}; "
                    "convert arrays and lists with dualgraph.tensor(...)"
                )
            )
        self.value: Any = data.value.copy() if data.shared else data.value
        if not data.shared:  # one memory, one count of its changes
            self.counter = version_counter(data)
        if requires_grad:
            self.requires_grad_()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        out = super().__deepcopy__(memo)
        out.held_grad = None  # a copied model starts without gradients
        return out

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
