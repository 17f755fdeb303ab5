"""What a trace knows of the tensors that were there before it: one `Slot` for each, in one table.

A tensor hashes by identity, so that it is a key itself, and is kept alive by being one.
"""

from dataclasses import dataclass

from ..core.tensor import TensorBase
from ..ir.graph import Node
from .capture import Origin


@dataclass(slots=True, eq=False)
class Slot:
    """A tensor from outside: where it comes from, its value and ``.grad`` at first and now.

    ``tensor`` is what the traced function sees and the tape holds: the symbol of an argument, and
    any other tensor itself.
    """

    tensor: TensorBase
    origin: Origin
    input: Node | None = None  # the graph's input that reads it, once something used its value
    changed: Node | None = None  # of a captured tensor: the value that the function gave it
    tracked: bool = False  # it required grad when the trace first used its value
    grad: TensorBase | None = None  # as the function sees it, once read or written
    first_grad: TensorBase | None = None  # as it was when the call began, once read
    grad_input: Node | None = None  # the graph's input that reads it
    grad_known: bool = False
    grad_read: bool = False

    @property
    def now(self) -> Node | None:
        """The value that the tensor has now; None where it was not used yet."""
        value = self.tensor.value
        return value if isinstance(value, Node) else self.changed or self.input

    def read_grad(self, grad: TensorBase | None, node: Node | None) -> None:
        """Note the ``.grad`` that the call begins with, and the input that reads it."""
        self.grad, self.first_grad, self.grad_input = grad, grad, node
        self.grad_known = self.grad_read = True

    def write_grad(self, grad: TensorBase | None) -> None:
        """Note a ``.grad`` that the function set."""
        self.grad, self.grad_known = grad, True
