"""`Function`: an op whose forward and backward are written by the user, in tensors."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, cast

from ..core.dispatch import state
from ..core.op import refuse, tape_op
from ..core.tensor import TensorBase
from ..errors import ArgumentError, DTypeError, GradError, ShapeError
from ..grad.inplace import snapshot
from ..grad.saved import TWICE, Packed, count_here
from ..grad.tape import Arrived, Cotangents, Form, TapeNode, WideNode, gradient_edge
from ..ops.build import as_dtype, is_tensor
from .frontend import note_new_history
from .gradients import moved
from .modes import no_grad


def _unchanged(g: TensorBase) -> TensorBase:
    return g


_FUNCTION = tape_op("Function", _unchanged)
_ONCE = tape_op(
    "OnceDifferentiable",
    refuse("the backward of this Function is marked once_differentiable"),
)


class Context:
    """What ``forward`` hands to ``backward``: saved tensors, and attributes of the user's own."""

    def __init__(self, needs: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs
        self.kept: tuple[Any, ...] = ()
        self.unpack: list[Callable[[], Any]] | None = []
        self.fixed: tuple[Any, ...] = ()  # outputs without derivative
        self.dirty: tuple[Any, ...] = ()
        self.materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for ``backward``; a later in-place change of one is noticed."""
        for t in tensors:
            if t is not None and not is_tensor(t):
                raise DTypeError(
                    f"save_for_backward keeps tensors and None, not {type(t).__name__}: set "
                    "other values as attributes of ctx"
                )
        self.kept = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept. Raises `GradError` when it was freed or changed."""
        if self.unpack is None:
            raise GradError(TWICE)
        return tuple(unpack() for unpack in self.unpack)

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say that these outputs have no derivative."""
        self.fixed = outputs

    def mark_dirty(self, *inputs: Any) -> None:
        """Say that ``forward`` changed these inputs in place; it must return them."""
        self.dirty = inputs

    def set_materialize_grads(self, value: bool) -> None:
        """Choose whether an absent gradient reaches ``backward`` as zeros (True) or as None."""
        self.materialize = value


class _Kind(Protocol):
    """The class of a `Function`, as far as its node needs it."""

    __name__: str

    def backward(self, ctx: Context, *grad_outputs: Any) -> Any:
        """Return the gradients of the inputs."""
        ...


class FunctionNode(WideNode):
    """The tape node of one call; the cotangents of all inputs are computed together."""

    __slots__ = ("context", "inputs", "kind", "results")
    may_stop = True

    def __init__(
        self, kind: _Kind, context: Context, args: tuple[object, ...], outputs: list[object]
    ) -> None:
        edges = [gradient_edge(a) if is_tensor(a) and a.tracked else None for a in args]
        shapes = tuple(a.value.shape if is_tensor(a) else () for a in args)
        avals = [_form(out) for out in outputs]
        super().__init__(_FUNCTION, edges, shapes, {}, {0: context}, avals)
        self.wide = True  # so that each visit brings a list of its own: see `cotangent`
        self.kind = kind
        self.context = context
        self.inputs = [_form(a) for a in args]
        self.results: tuple[Arrived, Cotangents] | None = None

    def name(self) -> str:
        return f"{self.kind.__name__}Backward"

    def __getattr__(self, name: str) -> Any:
        if name in ("context", "notes"):
            raise AttributeError(name)
        return getattr(self.context, name)  # ctx.k is grad_fn.k

    def cotangent(self, index: int, g: Arrived) -> TensorBase | None:
        """Return the gradient of one input; ``backward`` runs once for each visit of the walk."""
        if self.saved is None:
            raise GradError(TWICE)
        assert isinstance(g, list), "the node is wide"
        if self.results is None or self.results[0] is not g:
            self.results = g, self._backward(g)
        return self.results[1][index]

    def _backward(self, g: list[TensorBase | None]) -> Cotangents:
        given = [self._absent(k) if one is None else one for k, one in enumerate(g)]
        found = self.kind.backward(self.context, *given)
        return self._checked(list(_as_tuple(found)))

    def _checked(self, found: list[object]) -> Cotangents:
        count = len(self.edges)
        while len(found) > count and found[-1] is None:
            found.pop()
        if len(found) != count:
            raise ArgumentError(
                f"{self.kind.__name__}.backward returned {len(found)} gradients for "
                f"{count} inputs of forward: one for each, None where there is none"
            )
        return tuple(self._fitting(i, g) for i, g in enumerate(found))

    def _fitting(self, index: int, g: object) -> TensorBase | None:
        """Return the gradient of one input in its dtype; say what is wrong with one."""
        if g is None:
            return None
        what = f"{self.kind.__name__}.backward: gradient {index}"
        aval = self.inputs[index]
        if not is_tensor(g):
            raise DTypeError(f"{what} is {type(g).__name__}: a tensor or None is needed")
        if aval is None:
            raise ArgumentError(f"{what} must be None: that input of forward is not a tensor")
        if self.edges[index] is None:
            return None
        if not _reducible(g.value.shape, aval[0]):
            raise ShapeError(
                f"{what} has shape {tuple(g.value.shape)}, the input had {tuple(aval[0])}"
            )
        return g if g.value.dtype == aval[1] else as_dtype(g, aval[1])

    def _absent(self, position: int) -> TensorBase | None:
        wanted = self.outputs[position] is not None and self.context.materialize
        return self.zeros(position) if wanted else None

    def release(self) -> None:
        super().release()
        self.context.unpack = None
        self.results = None


def _form(x: object) -> Form | None:
    return (x.value.shape, x.value.dtype) if is_tensor(x) else None


def _as_tuple(found: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", found) if isinstance(found, tuple) else (found,)


def _reducible(shape: tuple[int, ...], goal: tuple[int, ...]) -> bool:
    """Tell whether summing over broadcast axes leads from one shape to the other."""
    return len(shape) >= len(goal) and all(
        want in (1, have) for have, want in zip(shape[len(shape) - len(goal) :], goal, strict=True)
    )


class Function:
    """An op with a gradient rule of your own: subclass it, and call ``YourFunction.apply(...)``.

    ``forward(ctx, *args)`` computes (nothing is recorded inside), ``backward(ctx, *grad_outputs)``
    returns one gradient (or None) for each argument. With ``setup_context(ctx, inputs, output)``
    defined, ``forward(*args)`` gets no context. Works in traced functions as eagerly.

    >>> import dualgraph as dg
    >>> class Cube(dg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x * x
    >>> x = dg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    setup_context: Any = None

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; to be overridden."""
        raise NotImplementedError("a Function needs a static method forward")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradients of the inputs; to be overridden."""
        raise NotImplementedError("a Function needs a static method backward")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and put it on the tape as one node; ``kwargs`` are not differentiated."""
        enabled = state.grad_enabled
        needs = tuple(enabled and is_tensor(a) and a.tracked for a in args)
        context = Context(needs)
        with no_grad():
            result = cls._forward(context, args, kwargs)
        _check_dirty(cls, context, result)
        if not any(needs):
            return result
        outputs = [_own(out, args, context) for out in _as_tuple(result)]
        node = FunctionNode(cls, context, args, outputs)
        context.unpack = _packed(context, outputs, result, node)
        for position, out in enumerate(outputs):
            _put_on_tape(out, node, position, context)
        return tuple(outputs) if isinstance(result, tuple) else outputs[0]

    @classmethod
    def _forward(cls, context: Context, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if cls.setup_context is None:
            return cls.forward(context, *args, **kwargs)
        result = cls.forward(*args, **kwargs)
        cls.setup_context(context, args, result)
        return result


def _check_dirty(kind: Any, context: Context, result: Any) -> None:
    several = isinstance(result, tuple | list)
    outputs = cast("tuple[Any, ...]", result) if several else (result,)
    if not all(any(d is out for out in outputs) for d in context.dirty):
        raise GradError(f"{kind.__name__}.forward marked an input dirty and did not return it")


def _own(out: Any, args: tuple[Any, ...], context: Context) -> Any:
    """Return an output; an input that is returned unchanged is another tensor on its memory."""
    same = is_tensor(out) and any(out is a for a in args)
    dirty = any(out is d for d in context.dirty)
    return state.frontend.alias(out) if same and not dirty else out


def _put_on_tape(out: Any, node: FunctionNode, position: int, context: Context) -> None:
    if not is_tensor(out) or out.value.dtype.kind != "f" or any(out is f for f in context.fixed):
        return
    if any(out is d for d in context.dirty):
        whole = out if out.base is None else out.base
        if whole.grad_fn is None and whole.tracked:
            raise GradError("a leaf that requires grad was marked dirty")
        if out.base is not None:  # the tensor that it is a view of changes
            new = snapshot(out)
            new.grad_fn, new.output_nr, new.tracked = node, position, True
            state.frontend.replace(out, new)
            return
        note_new_history(out)
    out.grad_fn, out.output_nr, out.tracked = node, position, True
    moved(out)


def _packed(
    context: Context, outputs: list[Any], result: Any, node: FunctionNode
) -> list[Callable[[], Any]]:
    """Return what gives the saved tensors back; an output is kept as its values only."""
    made = _as_tuple(result)
    kept, context.kept = context.kept, ()
    return [_pack(t, next((k for k, o in enumerate(made) if o is t), -1), node) for t in kept]


def _pack(tensor: Any, position: int, node: FunctionNode) -> Callable[[], Any]:
    if tensor is None:
        return lambda: None
    counter = count_here(tensor)
    version = counter[0]
    kept = tensor if position < 0 else tensor.value
    hooks = state.saved_hooks
    if hooks is not None:
        packed = Packed(tensor if position < 0 else state.frontend.alias(tensor), hooks)
        return _unpacking(packed, position, node, counter)

    def unpack() -> Any:
        if counter[0] != version:
            raise GradError(node.modified(kept, counter[0], version))
        return kept if position < 0 else node.output(position, kept, counter)

    return unpack


def _unpacking(
    packed: Packed, position: int, node: FunctionNode, counter: list[int]
) -> Callable[[], Any]:
    def unpack() -> Any:
        kept = packed.unpacked()
        return kept if position < 0 else node.output(position, kept.value, counter)

    return unpack


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that cannot be differentiated again: doing so is an error."""

    @wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            found = backward(ctx, *grads)
        if not (state.grad_enabled and any(g is not None and g.tracked for g in grads)):
            return found
        return tuple(_refusing(x, grads) for x in _as_tuple(found))

    return wrapper


def _refusing(x: Any, grads: tuple[Any, ...]) -> Any:
    """Put a gradient on the tape behind a node that refuses to be differentiated."""
    if x is None:
        return None
    source: TensorBase = next(g for g in grads if g is not None and g.tracked)
    out = state.frontend.alias(x)
    out.grad_fn = TapeNode(_ONCE, [gradient_edge(source)], (source.value.shape,), {}, {})
    out.tracked = True
    return out
