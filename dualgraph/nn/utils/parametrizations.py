"""Ready-made parametrizations: weights of a length, of spectral norm 1, with orthogonal rows."""

from typing import Any

from ...core.types import int32
from ...eager.modes import no_grad
from ...eager.tensor import Tensor
from ...errors import ArgumentError, ShapeError
from ...ops.build import as_dtype, need
from ...ops.contract.matmul import matmul
from ...ops.contract.products import diagonal, matrix_exp
from ...ops.create.creation import randn, zeros
from ...ops.create.ranges import eye
from ...ops.elementwise.pointwise import add, div, mul, sign, sub
from ...ops.linalg.factorizations import qr
from ...ops.linalg.solving import solve
from ...ops.reduce.reductions import sum as sum_
from ...ops.shape.diagonals import tril
from ...ops.shape.views import cat, narrow, transpose, unsqueeze
from ..functional import normalize
from ..hooks import Hook, add_hook
from ..module import Module
from ..saving import LOAD_PRE
from .parametrize import register_parametrization
from .weights import as_matrix, axis_of_outputs, norms


def _tensor_of(module: Module, name: str) -> Tensor:
    found = getattr(module, name, None)
    if not isinstance(found, Tensor):
        kind = type(module).__name__
        raise ArgumentError(f"{kind} has no parameter or buffer {name!r}")
    return found


# --- weight norm ---------------------------------------------------------------------------------


class _WeightNorm(Module):
    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = None if dim == -1 else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return mul(weight_v, div(weight_g, norms(weight_v, self.dim)))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norms(weight, self.dim).clone(), weight.detach().clone()


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Make a parameter the product of its length and direction; return the module.

    They are ``parametrizations.<name>.original0`` and ``original1``; the length is that of each
    slice along ``dim``, or of the whole for None. State dicts of `nn.utils.weight_norm` load.
    Source: Salimans and Kingma 2016.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    add_hook(module, Hook(LOAD_PRE, _OldNames(name)), to="_state_hooks")
    return module


class _OldNames:
    """Renames the two parts of a weight in a state dict, before it is loaded."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Any, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for i, part in enumerate("gv"):
            old = f"{prefix}{self.name}_{part}"
            if old in state_dict:
                new = f"{prefix}parametrizations.{self.name}.original{i}"
                state_dict[new] = state_dict.pop(old)


# --- spectral norm -------------------------------------------------------------------------------

_FIRST = 15  # iterations with which the singular vectors start


class _SpectralNorm(Module):
    """The weight divided by its largest singular value, found by power iteration when read."""

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        ndim = weight.ndim
        need(-ndim <= dim < ndim, f"spectral_norm: dim {dim} does not exist, there are {ndim}")
        need(n_power_iterations > 0, "spectral_norm: n_power_iterations must be positive")
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            with no_grad():
                matrix = as_matrix(weight.detach(), self.dim)
                for name, count in zip(("_u", "_v"), matrix.shape, strict=True):
                    start = randn(count, dtype=weight.dtype)
                    self.register_buffer(name, normalize(start, dim=0, eps=eps))
                self._iterate(matrix, _FIRST)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        """Move the singular vectors, in place."""
        with no_grad():
            for _ in range(times):
                self._u.copy_(normalize(matmul(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(normalize(matmul(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return div(weight, sum_(mul(u, matmul(matrix, v))))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a parameter by its largest singular value whenever it is read; return the module.

    The singular vectors are buffers of the parametrization; each reading in training mode moves
    them by ``n_power_iterations``. ``dim`` is the axis of outputs (1 for transposed convolutions,
    else 0). A vector is divided by its length. Source: Miyato et al. 2018.
    """
    weight = _tensor_of(module, name)
    outputs = axis_of_outputs(module) if dim is None else dim
    made = _SpectralNorm(weight, n_power_iterations, outputs, eps)
    return register_parametrization(module, name, made)


# --- orthogonal ----------------------------------------------------------------------------------


class _Orthogonal(Module):
    """Orthonormal columns (rows of a wide matrix) from any matrix, by one of three maps."""

    def __init__(self, weight: Tensor, map_name: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape = tuple(weight.shape)
        self.map_name = map_name
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.shape[-2] < X.shape[-1]
        X = transpose(X, -2, -1) if wide else X
        Q = _reflected(X) if self.map_name == "householder" else self._rotated(X)
        Q = matmul(self.base, Q) if self.use_trivialization else Q
        return transpose(Q, -2, -1) if wide else Q

    def _rotated(self, X: Tensor) -> Tensor:
        """Return columns of the exponential, or Cayley map, of a skew-symmetric matrix."""
        n, k = X.shape[-2:]
        X = tril(X)
        if n != k:
            X = cat([X, zeros(*X.shape[:-1], n - k, dtype=X.dtype)], -1)
        skew = sub(X, transpose(X, -2, -1))
        if self.map_name == "matrix_exp":
            return narrow(matrix_exp(skew), -1, 0, k)
        one, half = eye(n, dtype=X.dtype), mul(skew, 0.5)
        return narrow(solve(sub(one, half), add(one, half)), -1, 0, k)

    def right_inverse(self, Q: Tensor) -> Tensor:
        """Return minus the identity, which stands for ``base``: Q made orthogonal."""
        if tuple(Q.shape) != self.shape:
            raise ShapeError(f"orthogonal: expected shape {self.shape}, got {tuple(Q.shape)}")
        if not self.use_trivialization:
            raise NotImplementedError(
                "an orthogonal parametrization without use_trivialization cannot be assigned to"
            )
        with no_grad():
            tall = transpose(Q, -2, -1) if Q.shape[-2] < Q.shape[-1] else Q
            n, k = tall.shape[-2:]
            if n != k:
                drawn = randn(*tall.shape[:-2], n, n - k, dtype=Q.dtype)
                tall = cat([tall.detach(), drawn], -1)
            self.base = _orthogonalised(tall.detach())
            return mul(eye(*Q.shape[-2:], dtype=Q.dtype), zeros(Q.shape, dtype=Q.dtype) - 1)


def _orthogonalised(A: Tensor) -> Tensor:
    """Return the factor Q of A = Q R with a positive diagonal of R: A itself if orthogonal."""
    Q, R = qr(A)
    return mul(Q, unsqueeze(sign(diagonal(R)), -2))


def _reflected(X: Tensor) -> Tensor:
    """Return the product of Householder reflections, their vectors below the diagonal of X."""
    n, k = X.shape[-2:]
    vectors = add(tril(X, -1), eye(n, k, dtype=X.dtype))
    scale = div(2.0, sum_(mul(vectors, vectors), -2))
    Q = eye(n, k, dtype=X.dtype)
    for i in reversed(range(k)):
        v = narrow(vectors, -1, i, 1)
        along = matmul(transpose(v, -2, -1), Q)
        Q = sub(Q, mul(unsqueeze(narrow(scale, -1, i, 1), -1), matmul(v, along)))
    return mul(Q, unsqueeze(as_dtype(diagonal(X).detach(), int32), -2))


_MAPS = ("matrix_exp", "cayley", "householder")


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a matrix (or batch of matrices) orthogonal; return the module.

    Its columns are orthonormal, or its rows where it is wide. ``orthogonal_map`` is matrix_exp
    (default for square matrices), cayley or householder (default for others). It starts from the
    matrix that there is, made orthogonal, and stays relative to that base; without
    ``use_trivialization`` it starts from the map of the matrix. Source: Lezcano-Casado 2019.
    """
    weight = _tensor_of(module, name)
    if weight.ndim < 2:
        raise ShapeError(f"orthogonal: expected a matrix, got shape {tuple(weight.shape)}")
    square = weight.shape[-2] == weight.shape[-1]
    chosen = orthogonal_map or ("matrix_exp" if square else "householder")
    need(chosen in _MAPS, f"orthogonal_map is one of {', '.join(_MAPS)}, not {chosen!r}")
    made = _Orthogonal(weight, chosen, use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)
