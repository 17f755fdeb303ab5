"""What every layer knows of a tensor: its value, its place on the tape, the memory that it shows.

`eager.tensor.Tensor`, the class that users hold, adds methods and operators to `TensorBase`. Its
attributes have defaults in the class, so that a new tensor costs one object and one assignment.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ..errors import Described
from .hooks import Hooks, RemovableHandle
from .op import Op, Static
from .types import DType, Shape, Size, public_dtype


class Value(Protocol):
    """What is known of any value: an array, or a node of a graph while a function is traced."""

    @property
    def shape(self) -> Shape: ...

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def ndim(self) -> int: ...

    @property
    def size(self) -> int: ...


class GradFn(Protocol):
    """What stands behind a tensor on the tape: a `grad.tape.TapeNode`."""

    wide: bool  # has several outputs: a tensor says by its ``output_nr`` which one it is

    def hooks_of(self, output_nr: int) -> Hooks:
        """Return the hooks that see, and may replace, the cotangent of an output."""
        ...

    def name(self) -> str:
        """Return the name in PyTorch's form, such as ``MulBackward0``."""
        ...

    @property
    def metadata(self) -> dict[Any, Any]:
        """Anything that the user wants to keep with the node."""
        ...

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Return (node, output index) of each input; a leaf shows as ``AccumulateGrad``."""
        ...

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grad_inputs, grad_outputs)`` after the node's rules."""
        ...

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grad_outputs)`` before the node's rules."""
        ...


class Always:
    """The history of a view that is outside of the tape: up to date, whatever happens to others."""

    def __eq__(self, other: object) -> bool:
        return True

    def __add__(self, other: int) -> "Always":
        return self

    __hash__ = object.__hash__


class Via(NamedTuple):
    """How a view was made; ``op`` is None for a detached tensor."""

    source: "TensorBase"
    op: Op | None
    static: Static


class Call(NamedTuple):
    """An op and what it is to be called with."""

    op: Op
    tensors: tuple["TensorBase", ...]
    static: Static


if TYPE_CHECKING:
    _Methods = Any  # methods and operators, which `eager.tensor.Tensor` has
else:
    _Methods = object


class TensorBase(Described, _Methods):
    """A tensor as the layers below the frontends know it; nobody makes one of this very class."""

    value: Value
    tracked: bool = False  # what `requires_grad` gives, to be read without a check
    grad_fn: GradFn | None = None
    output_nr: int = 0  # which output of that node this is
    held_grad: "TensorBase | None" = None  # what ``.grad`` gives outside of traces
    base: "TensorBase | None" = None  # the tensor whose memory this one views
    via: Via | None = None  # of a view: how it was made
    taped: int | Always = 0  # of a base: in-place ops on the tape; of a view: how many it has seen
    counter: list[int] | None = None  # in-place changes, made when somebody needs to know
    hooks: Hooks | None = None  # of a leaf: see and may replace its gradient
    after_hooks: Hooks | None = None  # of a leaf: called once .grad holds the gradient
    retaining: RemovableHandle | None = None  # of a tensor that is not a leaf: what fills .grad
    accumulator: Callable[[], object] | None = None  # a weak reference: see `next_functions`
    shared: bool = False  # a literal: never written to
    constant: bool | int | float | None = None  # the Python number that a literal stands for

    @property
    def shape(self) -> Size:
        return Size(self.value.shape)

    @property
    def dtype(self) -> DType:
        return public_dtype(self.value.dtype)


def owned(x: TensorBase) -> TensorBase:
    """Return a view of a tensor that nobody else holds, the tape included, as one of its own."""
    x.base, x.taped, x.via = None, 0, None
    return x


def is_stale(x: TensorBase) -> bool:
    """Tell whether the base of a view got another place on the tape since the view was made."""
    return x.base is not None and x.taped != x.base.taped
