"""Lazy layers: the number of input features or channels follows from the first input."""

from inspect import signature
from typing import Any, ClassVar

from ..core.dispatch import state
from ..eager.modes import no_grad
from ..errors import TraceError
from .convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from .hooks import Hook, add_hook
from .layers import Linear
from .module import Module
from .normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from .parameter import (
    UninitializedBuffer,
    UninitializedParameter,
    UninitializedTensorMixin,
    is_lazy,
)
from .saving import LOAD_PRE, own_buffers, own_parameters


class _Lazy(Module):
    """What all share: they take a layer's arguments but the first, and become that layer.

    The first call counts an axis of its input, makes the parameters (the same objects, which an
    optimizer may hold already) and draws their starting values. Loading a state dict makes them
    too. A first call inside a traced function is a `TraceError`.
    """

    cls_to_become: ClassVar[type[Module]]
    axis: ClassVar[int]  # of the first input, which is counted
    defaults: ClassVar[dict[str, Any]] = {}  # those that differ from the layer's

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        full = signature(cls.cls_to_become)
        parameters = list(full.parameters.values())[1:]
        own = [p.replace(default=cls.defaults.get(p.name, p.default)) for p in parameters]
        cls.__signature__ = full.replace(parameters=own)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature(type(self)).bind(*args, **kwargs)
        bound.apply_defaults()
        super().__init__(0, *bound.args, **bound.kwargs)  # type: ignore[call-arg]
        self._arguments = bound.arguments
        for name, parameter in list(own_parameters(self)):
            delattr(self, name)
            setattr(self, name, UninitializedParameter(dtype=parameter.dtype))
        for name, buffer in list(own_buffers(self)):
            if buffer.value.ndim:
                setattr(self, name, UninitializedBuffer(dtype=buffer.dtype))
        add_hook(self, Hook(LOAD_PRE, _take_shapes), to="_state_hooks")

    def reset_parameters(self) -> None:
        """Do nothing: there are no parameters yet."""

    def has_uninitialized_params(self) -> bool:
        """Return whether a parameter or buffer has no shape yet."""
        return any(is_lazy(t) for _, t in (*own_parameters(self), *own_buffers(self)))

    def initialize_parameters(self, input: Any) -> None:
        """Become the layer that fits an input; values that were loaded stay."""
        if state.tracing:
            raise TraceError(
                f"{type(self).__name__} has no parameters before its first call, which cannot "
                "be traced: call the model once eagerly, then compile it"
            )
        drawn = self.has_uninitialized_params()
        count, training = input.shape[self.axis], self.training
        held = dict((*own_parameters(self), *own_buffers(self)))
        layer = self.cls_to_become
        layer.__init__(self, count, **self._arguments)  # type: ignore[misc]
        self.training = training
        for name, tensor in held.items():
            if isinstance(tensor, UninitializedTensorMixin):
                made = vars(self)[name]
                tensor.materialize(made.shape)
                with no_grad():
                    tensor.copy_(made)
            vars(self)[name] = tensor
        del self._arguments
        self._state_hooks = tuple(h for h in self._state_hooks if h.function is not _take_shapes)
        object.__setattr__(self, "__class__", layer)
        if drawn:
            self.reset_parameters()

    def forward(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        """Become the layer that fits the input, and run it."""
        self.initialize_parameters(input)
        return self.forward(input, *args, **kwargs)


def _take_shapes(module: Any, state_dict: dict[str, Any], prefix: str, *ignored: Any) -> None:
    """Before loading: give tensors without a shape those of a state dict."""
    for name, tensor in (*own_parameters(module), *own_buffers(module)):
        given = state_dict.get(prefix + name)
        if isinstance(tensor, UninitializedTensorMixin) and given is not None:
            tensor.materialize(given.shape)


class LazyLinear(_Lazy, Linear):
    """A `Linear` whose ``in_features`` is the last extent of its first input.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer(dg.ones(3, 4)).shape, layer
    ((3, 2), Linear(in_features=4, out_features=2, bias=True))
    """

    cls_to_become, axis = Linear, -1


class LazyConv1d(_Lazy, Conv1d):
    """A `Conv1d` whose ``in_channels`` are those of its first input."""

    cls_to_become, axis = Conv1d, -2


class LazyConv2d(_Lazy, Conv2d):
    """A `Conv2d` whose ``in_channels`` are those of its first input."""

    cls_to_become, axis = Conv2d, -3


class LazyConv3d(_Lazy, Conv3d):
    """A `Conv3d` whose ``in_channels`` are those of its first input."""

    cls_to_become, axis = Conv3d, -4


class LazyConvTranspose1d(_Lazy, ConvTranspose1d):
    """A `ConvTranspose1d` whose ``in_channels`` are those of its first input."""

    cls_to_become, axis = ConvTranspose1d, -2


class LazyConvTranspose2d(_Lazy, ConvTranspose2d):
    """A `ConvTranspose2d` whose ``in_channels`` are those of its first input."""

    cls_to_become, axis = ConvTranspose2d, -3


class LazyConvTranspose3d(_Lazy, ConvTranspose3d):
    """A `ConvTranspose3d` whose ``in_channels`` are those of its first input."""

    cls_to_become, axis = ConvTranspose3d, -4


class LazyBatchNorm1d(_Lazy, BatchNorm1d):
    """A `BatchNorm1d` whose ``num_features`` are the channels of its first input."""

    cls_to_become, axis = BatchNorm1d, 1


class LazyBatchNorm2d(_Lazy, BatchNorm2d):
    """A `BatchNorm2d` whose ``num_features`` are the channels of its first input."""

    cls_to_become, axis = BatchNorm2d, 1


class LazyBatchNorm3d(_Lazy, BatchNorm3d):
    """A `BatchNorm3d` whose ``num_features`` are the channels of its first input."""

    cls_to_become, axis = BatchNorm3d, 1


_TRACKING = {"affine": True, "track_running_stats": True}  # as in PyTorch


class LazyInstanceNorm1d(_Lazy, InstanceNorm1d):
    """An `InstanceNorm1d` whose ``num_features`` are the channels of its first input."""

    cls_to_become, axis, defaults = InstanceNorm1d, -2, _TRACKING


class LazyInstanceNorm2d(_Lazy, InstanceNorm2d):
    """An `InstanceNorm2d` whose ``num_features`` are the channels of its first input."""

    cls_to_become, axis, defaults = InstanceNorm2d, -3, _TRACKING


class LazyInstanceNorm3d(_Lazy, InstanceNorm3d):
    """An `InstanceNorm3d` whose ``num_features`` are the channels of its first input."""

    cls_to_become, axis, defaults = InstanceNorm3d, -4, _TRACKING
