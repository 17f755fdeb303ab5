"""Weights that are computed from other parameters whenever they are read.

A module with such a weight holds the parameters that it is made of, and a rule in its table of
derived attributes; nothing computed is stored, so traced functions and copies need no care.
"""

from typing import Any

from ...eager.modes import no_grad
from ...ops.build import need
from ...ops.contract.matmul import matmul
from ...ops.create.creation import randn
from ...ops.elementwise.pointwise import div, mul
from ...ops.linalg.matrix_norms import vector_norm
from ...ops.reduce.reductions import sum as sum_
from ...ops.shape.views import permute, reshape
from ..functional import normalize
from ..hooks import FORWARD_PRE, Hook, add_hook
from ..module import Module
from ..parameter import Parameter


class _Rule:
    """How one attribute is derived."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = dim

    def __call__(self, module: Module) -> Any:
        """Return the value of the attribute."""
        raise NotImplementedError


def _replace(module: Module, name: str, parts: dict[str, Any], rule: _Rule) -> None:
    """Put parameters and a rule in the place of a parameter."""
    delattr(module, name)
    for part, value in parts.items():
        setattr(module, part, value)
    module._derived = {**module._derived, name: rule}


def _weight_of(module: Module, name: str) -> Any:
    weight = getattr(module, name, None)
    need(
        isinstance(weight, Parameter) and name not in module._derived,
        f"{type(module).__name__} has no parameter {name!r}, or it is derived already",
    )
    return weight


def _rule_of(module: Module, name: str, kind: type) -> Any:
    rule = module._derived.get(name)
    need(isinstance(rule, kind), f"{name!r} of {type(module).__name__} has no {kind.__name__[1:]}")
    return rule


def _settle(module: Module, name: str, parts: tuple[str, ...]) -> Module:
    """Make a derived weight a parameter again, with the value that it has now."""
    with no_grad():
        value = getattr(module, name).detach().clone()
    module._derived = {k: v for k, v in module._derived.items() if k != name}
    for part in parts:
        delattr(module, part)
    setattr(module, name, Parameter(value))
    return module


# --- weight norm ---------------------------------------------------------------------------------


class _WeightNorm(_Rule):
    def __call__(self, module: Module) -> Any:
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return mul(v, div(g, norms(v, self.dim)))


def norms(v: Any, dim: int | None) -> Any:
    """Return the norms of the slices along one axis, kept for broadcasting; of all for None."""
    if dim is None:
        return vector_norm(v)
    axes = tuple(a for a in range(v.value.ndim) if a != dim % v.value.ndim)
    return vector_norm(v, 2, axes, True)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Replace a parameter by its length ``name_g`` and its direction ``name_v``; return the module.

    The length is that of each slice along ``dim``, or of the whole for None. Source: Salimans and
    Kingma 2016.

    >>> from dualgraph import nn
    >>> sorted(nn.utils.weight_norm(nn.Linear(2, 3)).state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    weight = _weight_of(module, name)
    dim = None if dim == -1 else dim
    with no_grad():
        length = norms(weight.detach(), dim).clone()
    parts = {f"{name}_g": Parameter(length), f"{name}_v": Parameter(weight.detach().clone())}
    _replace(module, name, parts, _WeightNorm(name, dim))
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Undo `weight_norm`: the weight is a parameter again."""
    _rule_of(module, name, _WeightNorm)
    return _settle(module, name, (f"{name}_g", f"{name}_v"))


def as_matrix(weight: Any, dim: int) -> Any:
    """Return a weight as a matrix, one row for each index of an axis."""
    axes = [dim, *(a for a in range(weight.value.ndim) if a != dim)]
    return reshape(permute(weight, axes) if dim else weight, (weight.value.shape[dim], -1))


# --- spectral norm -------------------------------------------------------------------------------


class _SpectralNorm(_Rule):
    """The weight divided by its largest singular value, found by power iteration."""

    def __init__(self, name: str, dim: int, iterations: int, eps: float) -> None:
        super().__init__(name, dim)
        self.iterations = iterations
        self.eps = eps

    def matrix(self, weight: Any) -> Any:
        return as_matrix(weight, self.dim or 0)

    def parts(self, module: Module) -> tuple[Any, Any, Any]:
        return tuple(getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))

    def iterate(self, module: Module, args: Any = None) -> None:
        """Move the singular vectors, in place; a forward pre-hook."""
        if not module.training:
            return
        weight, u, v = self.parts(module)
        with no_grad():
            matrix = self.matrix(weight.detach())
            for _ in range(self.iterations):
                v.copy_(normalize(matmul(matrix.t(), u), dim=0, eps=self.eps))
                u.copy_(normalize(matmul(matrix, v), dim=0, eps=self.eps))

    def __call__(self, module: Module) -> Any:
        weight, u, v = self.parts(module)
        sigma = sum_(mul(u.clone(), matmul(self.matrix(weight), v.clone())))
        return div(weight, sigma)


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a parameter by its largest singular value whenever it is read; return the module.

    It is kept as ``name_orig``, its singular vectors as the buffers ``name_u`` and ``name_v``: each
    call in training mode moves them by ``n_power_iterations``. ``dim`` is the axis of outputs (1
    for transposed convolutions, else 0). Source: Miyato et al. 2018.
    """
    need(n_power_iterations > 0, "spectral_norm: n_power_iterations must be positive")
    weight = _weight_of(module, name)
    outputs = axis_of_outputs(module) if dim is None else dim
    rule = _SpectralNorm(name, outputs, n_power_iterations, eps)
    rows, columns = rule.matrix(weight.detach()).value.shape
    _replace(module, name, {f"{name}_orig": Parameter(weight.detach())}, rule)
    for part, count in (("u", rows), ("v", columns)):
        vector = normalize(randn(count, dtype=weight.dtype), dim=0, eps=eps)
        module.register_buffer(f"{name}_{part}", vector)
    add_hook(module, Hook(FORWARD_PRE, rule.iterate))
    return module


def axis_of_outputs(module: Module) -> int:
    """Return the axis of a layer's weight that counts its outputs."""
    return int(bool(getattr(type(module), "transposed", False)))


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undo `spectral_norm`: the weight, divided, is a parameter again."""
    rule = _rule_of(module, name, _SpectralNorm)
    module._hooks = tuple(h for h in module._hooks if h.function != rule.iterate)
    return _settle(module, name, tuple(f"{name}_{part}" for part in ("orig", "u", "v")))
