"""Tensors while a function is traced: symbols for nodes, slots for what comes from outside."""

from ..core.op import Op, Static
from ..core.tensor import Always, TensorBase
from ..eager.frontend import LEAKED, READ_ONLY, EagerFrontend
from ..errors import GradError, TraceError
from ..grad.saved import count_in
from ..ir.graph import Node
from .capture import Argument, Held
from .recording import Recording
from .slots import Slot
from .views import Shown, refuse_doubtful


class Symbols(Recording):
    """The values of tensors: what is read from outside becomes an input of the graph."""

    def __init__(self, arguments: list[TensorBase] | None = None) -> None:
        super().__init__()
        self.arguments = arguments or []  # flattened, those of the first call; let go when it ends
        self.slots: dict[TensorBase, Slot] = {}
        self.read: dict[Node, Slot] = {}  # tensors from outside whose value was used, by input
        self.counts: dict[TensorBase, list[int]] = {}  # changes of memory from outside, in here

    def symbol(self, node: Node) -> TensorBase:
        """Wrap a node in a tensor."""
        out = object.__new__(EagerFrontend.tensor_class)
        out.value = node
        return out

    def argument(self, position: int, tensor: TensorBase) -> TensorBase:
        """Return the symbol that stands for a tensor argument."""
        origin = Argument(position)
        node = self.add_input(origin, tensor.value)
        out = self.symbol(node)
        out.tracked = tensor.tracked
        out.hooks, out.after_hooks = tensor.hooks, tensor.after_hooks
        slot = Slot(out, origin, node, tracked=tensor.tracked)
        self.slots[out] = self.slots[tensor] = self.read[node] = slot
        return out

    def lift(self, tensor: TensorBase) -> Node:
        """Return the node of a tensor: its own, a constant, or a captured input."""
        if type(tensor.via) is Shown:
            self._refresh(tensor, tensor.via)
        value = tensor.value
        if isinstance(value, Node):
            if value not in self.known:
                raise TraceError(LEAKED)
            return value
        if tensor.constant is not None:
            return self.add_constant(tensor)
        slot = self.slots.get(tensor)
        now = None if slot is None or slot.tensor is not tensor else slot.now
        return self._capture(tensor) if now is None else now

    def _capture(self, tensor: TensorBase) -> Node:
        if tensor.grad_fn is not None:
            raise TraceError(
                f"the traced function uses a tensor of shape {tuple(tensor.value.shape)} that "
                f"was computed outside of it with gradients ({tensor.grad_fn.name()}): pass it "
                "as an argument, or detach() it"
            )
        slot = self._outside(tensor)  # there is one where its .grad came first
        assert slot is not None, "it holds an array"
        slot.input = self.add_input(slot.origin, tensor.value)
        slot.tracked = tensor.tracked
        self.read[slot.input] = slot
        return slot.input

    def _outside(self, x: TensorBase) -> Slot | None:
        """Return the slot of a tensor from outside; None when it was made inside of the trace."""
        slot = self.slots.get(x)
        if slot is None:
            if isinstance(x.value, Node):
                return None
            slot = self.slots[x] = Slot(x, Held(x))
        if slot.tensor is not x:
            raise TraceError(
                f"a tensor of shape {tuple(x.value.shape)} is an argument of the traced "
                "function and is also used through a closure or attribute: use one of the two"
            )
        return slot

    def _set(self, x: TensorBase, node: Node) -> None:
        if isinstance(x.value, Node):
            x.value = node
        elif x.constant is not None:
            raise GradError(READ_ONLY)
        else:
            self.lift(x)
            self.slots[x].changed = node
        count_in(self.counts, x)[0] += 1

    # --- views ---

    def _note_view(
        self, out: TensorBase, source: TensorBase, op: Op | None, static: Static
    ) -> None:
        base = source if source.base is None else source.base
        out.base = base
        out.taped = Always() if op is None else base.taped
        out.via = via = Shown(source, op, static)
        via.counter = count_in(self.counts, out)
        via.version = via.counter[0]

    def _refresh(self, view: TensorBase, via: Shown) -> None:
        """Make a view again when the memory behind it has changed since."""
        if via.counter[0] == via.version:
            return
        refuse_doubtful(via)
        via.version = via.counter[0]
        value = self.lift(via.source)
        view.value = value if via.op is None else self.append(via.op, (value,), via.static)

    # --- arguments ---

    def position_of(self, tensor: TensorBase) -> int | None:
        """Return the argument position of a symbol, or None for any other tensor."""
        slot = self.slots.get(tensor)
        if slot is None or slot.tensor is not tensor or not isinstance(slot.origin, Argument):
            return None
        return slot.origin.position

    def forget_arguments(self) -> None:
        """Let go of the tensors of the first call: the trace outlives them."""
        for tensor in self.arguments:
            slot = self.slots.pop(tensor, None)
            if slot is not None:
                slot.tensor.held_grad = None
        self.arguments = []
