"""Recurrent layers and cells.

A layer multiplies its weights with the inputs of all times in one product; the loop over time, one
Python step each (unrolled when traced), adds the product with the state. Steps are written for
rows of a batch that may grow fewer, as in a `PackedSequence`; a dense batch keeps all of them.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple
from warnings import warn

from ..errors import ShapeError
from ..ops.build import need
from ..ops.create.creation import zeros
from ..ops.elementwise.elementary import relu, sigmoid, tanh
from ..ops.elementwise.pointwise import add, mul, sub
from ..ops.index.indexing import index_select
from ..ops.shape.views import cat, chunk, narrow, reshape, split, squeeze, transpose, unsqueeze
from . import functional as F, init
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

Tensor = Any
States = Any  # a tuple of tensors; an LSTM has two


def _simple(function: Callable[[Tensor], Tensor]) -> Callable[..., States]:
    def step(given: Tensor, fed: Tensor, states: States) -> States:
        return (function(add(given, fed)),)

    return step


def _lstm(given: Tensor, fed: Tensor, states: States) -> States:
    """Hochreiter and Schmidhuber 1997, with forget gates."""
    i, f, g, o = chunk(add(given, fed), 4, 1)
    c = add(mul(sigmoid(f), states[1]), mul(sigmoid(i), tanh(g)))
    return mul(sigmoid(o), tanh(c)), c


def _gru(given: Tensor, fed: Tensor, states: States) -> States:
    """Cho et al. 2014; the reset gate acts behind the product, as in PyTorch."""
    (r, z, n), (r_fed, z_fed, n_fed) = chunk(given, 3, 1), chunk(fed, 3, 1)
    new = tanh(add(n, mul(sigmoid(add(r, r_fed)), n_fed)))
    return (add(new, mul(sigmoid(add(z, z_fed)), sub(states[0], new))),)


class Kind(NamedTuple):
    """A recurrence: its gates, its states, and one step from pre-activations to new states."""

    gates: int
    states: int
    step: Callable[[Tensor, Tensor, States], States]


KINDS = {
    "RNN_TANH": Kind(1, 1, _simple(tanh)),
    "RNN_RELU": Kind(1, 1, _simple(relu)),
    "LSTM": Kind(4, 2, _lstm),
    "GRU": Kind(3, 1, _gru),
}


class _Recurrent(Module):
    """What layers and cells share: their starting values."""

    hidden_size: int

    def reset_parameters(self) -> None:
        """Draw every parameter uniform in [-l, l), l = 1 / sqrt(hidden_size)."""
        limit = 1.0 / sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -limit, limit)


class RNNBase(_Recurrent):
    """Layers of one `Kind`: over time forwards, and backwards too when ``bidirectional``.

    Input (T, N, input_size), (N, T, input_size) with ``batch_first``, (T, input_size), or a
    `PackedSequence`. Returns the outputs of all times, and the last state of each layer and
    direction (layers * directions, N, hidden_size). ``dropout`` acts between layers while training.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        need(mode in KINDS, f"{name}: mode is one of {', '.join(KINDS)}, not {mode!r}")
        need(0.0 <= dropout <= 1.0, f"{name}: dropout must lie in [0, 1], got {dropout}")
        need(hidden_size > 0, f"{name}: hidden_size must be positive, got {hidden_size}")
        need(num_layers > 0, f"{name}: num_layers must be positive, got {num_layers}")
        need(
            0 <= proj_size < hidden_size and (not proj_size or mode == "LSTM"),
            f"{name}: proj_size {proj_size} must be below hidden_size, and is for LSTM only",
        )
        if dropout > 0 and num_layers == 1:
            warn(f"{name}: dropout={dropout} acts between layers, and there is one", stacklevel=3)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        for layer in range(num_layers):
            for direction in self._directions():
                self._add(layer, direction, device, dtype)
        self.reset_parameters()

    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _add(self, layer: int, direction: str, device: Any, dtype: Any) -> None:
        """Make the parameters of one layer in one direction."""
        out = self.proj_size or self.hidden_size
        width = out * len(self._directions()) if layer else self.input_size
        rows = KINDS[self.mode].gates * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, out)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for name, shape in shapes.items():
            made = Parameter(zeros(shape, dtype=dtype, device=device))
            setattr(self, f"{name}_l{layer}{direction}", made)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        ends = [f"_l{n}{d}" for n in range(self.num_layers) for d in self._directions()]
        names = [n for n, _ in self.named_parameters()]
        return [[getattr(self, n) for n in names if n.partition("_l")[2] == e[2:]] for e in ends]

    def flatten_parameters(self) -> None:
        """Do nothing: the parameters need no other order in memory."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Return (outputs, last states); ``hx`` are the first states, zeros unless given."""
        if isinstance(input, PackedSequence):
            states = self._first(input.data, input.batch_sizes[0], hx, input.sorted_indices)
            data, last = self._layers(input.data, input.batch_sizes, states)
            if input.unsorted_indices is not None:
                last = tuple(index_select(s, 1, input.unsorted_indices) for s in last)
            return input._replace(data=data), self._result(last)
        return self._dense(input, hx)

    def _dense(self, input: Tensor, hx: Any) -> tuple[Any, Any]:
        self._check(input)
        alone = input.value.ndim == 2
        if alone:
            hx = _each(hx, lambda s: unsqueeze(s, 1))
            input = unsqueeze(input, 1)
        elif self.batch_first:
            input = transpose(input, 0, 1)
        times, batch, width = input.value.shape
        states = self._first(input, batch, hx, None)
        rows = reshape(input, (times * batch, width))
        data, last = self._layers(rows, (batch,) * times, states)
        out = reshape(data, (times, batch, data.value.shape[1]))
        if alone:
            return squeeze(out, 1), self._result(tuple(squeeze(s, 1) for s in last))
        return transpose(out, 0, 1) if self.batch_first else out, self._result(last)

    def _check(self, input: Tensor) -> None:
        shape = tuple(input.value.shape)
        if len(shape) not in (2, 3) or shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}: expected an input of 2 or 3 dimensions, the last one "
                f"{self.input_size}, got shape {shape}"
            )

    def _first(self, like: Tensor, batch: int, hx: Any, order: Tensor | None) -> States:
        """Return the first states (layers * directions, N, width) in the order of the rows."""
        kind = KINDS[self.mode]
        count = self.num_layers * len(self._directions())
        widths = (self.proj_size or self.hidden_size, self.hidden_size)[: kind.states]
        if hx is None:
            return tuple(zeros(count, batch, w, dtype=like.value.dtype) for w in widths)
        states = tuple(hx) if kind.states > 1 else (hx,)
        for state, width in zip(states, widths, strict=True):
            if tuple(state.value.shape) != (count, batch, width):
                raise ShapeError(
                    f"{type(self).__name__}: expected a state of shape {(count, batch, width)},"
                    f" got {tuple(state.value.shape)}"
                )
        return states if order is None else tuple(index_select(s, 1, order) for s in states)

    def _layers(self, rows: Tensor, sizes: tuple[int, ...], first: States) -> tuple[Tensor, States]:
        """Run all layers over rows sorted by time, ``sizes`` of them at each."""
        last: list[States] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                rows = F.dropout(rows, self.dropout)
            outs = []
            for direction in self._directions():
                states = tuple(s[len(last)] for s in first)
                out, end = self._run(rows, sizes, states, f"_l{layer}{direction}")
                outs.append(out)
                last.append(end)
            rows = outs[0] if len(outs) == 1 else cat(outs, 1)
        ends = [[unsqueeze(s, 0) for s in column] for column in zip(*last, strict=True)]
        return rows, tuple(cat(column, 0) for column in ends)

    def _run(
        self, rows: Tensor, sizes: tuple[int, ...], first: States, end: str
    ) -> tuple[Tensor, States]:
        """Run one layer in one direction; return the outputs in the order of the rows."""
        bias = self.bias
        given = F.linear(
            rows, getattr(self, f"weight_ih{end}"), getattr(self, f"bias_ih{end}") if bias else None
        )
        weight = getattr(self, f"weight_hh{end}")
        shift = getattr(self, f"bias_hh{end}") if bias else None
        shrink = getattr(self, f"weight_hr{end}") if self.proj_size else None
        kind = KINDS[self.mode]
        parts = split(given, list(sizes), 0)
        order = range(len(sizes))
        walk = _Rows(first)
        outs: dict[int, Tensor] = {}
        for t in reversed(order) if end.endswith("_reverse") else order:
            states = walk.of(sizes[t])
            states = kind.step(parts[t], F.linear(states[0], weight, shift), states)
            if shrink is not None:
                states = (F.linear(states[0], shrink), *states[1:])
            walk.states = states
            outs[t] = states[0]
        return cat([outs[t] for t in order], 0), walk.all()

    def _result(self, last: States) -> Any:
        return last if len(last) > 1 else last[0]

    def extra_repr(self) -> str:
        said = [f"{self.input_size}, {self.hidden_size}"]
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        said += [f"{n}={getattr(self, n)}" for n, u in usual.items() if getattr(self, n) != u]
        return ", ".join(said)


class _Rows:
    """The states of the rows of a batch that grow fewer (forwards) or more (backwards)."""

    def __init__(self, first: States) -> None:
        self.first = first
        self.states: States | None = None
        self.ended: list[States] = []

    def of(self, count: int) -> States:
        """Return the states of the first ``count`` rows; put those behind aside, or begin them."""
        if self.states is None:
            whole = self.first[0].value.shape[0] == count
            return self.first if whole else _part(self.first, 0, count)
        now = self.states[0].value.shape[0]
        if now > count:
            self.ended.append(_part(self.states, count, now - count))
            return _part(self.states, 0, count)
        if now < count:
            begun = _part(self.first, now, count - now)
            return tuple(cat([a, b], 0) for a, b in zip(self.states, begun, strict=True))
        return self.states

    def all(self) -> States:
        """Return the last states of all rows."""
        assert self.states is not None
        columns = zip(self.states, *reversed(self.ended), strict=True)
        return tuple(cat(list(pieces), 0) if self.ended else pieces[0] for pieces in columns)


def _part(states: States, start: int, length: int) -> States:
    return tuple(narrow(s, 0, start, length) for s in states)


def _each(states: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if states is None:
        return None
    return tuple(map(change, states)) if isinstance(states, tuple | list) else change(states)


class RNN(RNNBase):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or relu; see `RNNBase`.

    >>> import dualgraph as dg
    >>> from dualgraph import nn
    >>> out, last = nn.RNN(3, 4, num_layers=2)(dg.ones(5, 2, 3))
    >>> out.shape, last.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        need(nonlinearity in ("tanh", "relu"), f"RNN: tanh or relu, not {nonlinearity!r}")
        mode = f"RNN_{nonlinearity.upper()}"
        sizes = input_size, hidden_size, num_layers
        rest = bias, batch_first, dropout, bidirectional, 0, device, dtype
        super().__init__(mode, *sizes, *rest)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory; the states are (h, c). See `RNNBase`.

    With ``proj_size`` h is multiplied by a matrix and has that size (Sak et al. 2014).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = input_size, hidden_size, num_layers
        rest = bias, batch_first, dropout, bidirectional, proj_size, device, dtype
        super().__init__("LSTM", *sizes, *rest)


class GRU(RNNBase):
    """Gated recurrent units; see `RNNBase`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = input_size, hidden_size, num_layers
        rest = bias, batch_first, dropout, bidirectional, 0, device, dtype
        super().__init__("GRU", *sizes, *rest)


# --- one step ------------------------------------------------------------------------------------


class RNNCellBase(_Recurrent):
    """One step of a `Kind`: input (N, input_size) or (input_size,), and the states."""

    mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = KINDS[self.mode].gates * hidden_size
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        for name, shape in shapes.items():
            made = bias or name.startswith("weight")
            values = zeros(shape, dtype=dtype, device=device)
            setattr(self, name, Parameter(values) if made else None)
        self.reset_parameters()

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Return the new state, or (h, c)."""
        self._check(input)
        alone = input.value.ndim == 1
        if alone:
            input, hx = unsqueeze(input, 0), _each(hx, lambda s: unsqueeze(s, 0))
        kind = KINDS[self.mode]
        states: Any
        if hx is None:
            shape = input.value.shape[0], self.hidden_size
            states = (zeros(shape, dtype=input.value.dtype),) * kind.states
        else:
            states = tuple(hx) if kind.states > 1 else (hx,)
        given = F.linear(input, self.weight_ih, self.bias_ih)
        out = kind.step(given, F.linear(states[0], self.weight_hh, self.bias_hh), states)
        out = [squeeze(s, 0) if alone else s for s in out]
        return tuple(out) if kind.states > 1 else out[0]

    def _check(self, input: Tensor) -> None:
        shape = tuple(input.value.shape)
        if len(shape) not in (1, 2) or shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}: expected an input of shape (N, {self.input_size}) or "
                f"({self.input_size},), got {shape}"
            )

    def extra_repr(self) -> str:
        said = f"{self.input_size}, {self.hidden_size}"
        return said if self.bias else f"{said}, bias=False"


class RNNCell(RNNCellBase):
    """One step of `RNN`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        need(nonlinearity in ("tanh", "relu"), f"RNNCell: tanh or relu, not {nonlinearity!r}")
        self.mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        said = super().extra_repr()
        return said if self.nonlinearity == "tanh" else f"{said}, nonlinearity=relu"


class LSTMCell(RNNCellBase):
    """One step of `LSTM`; takes and returns (h, c)."""

    mode = "LSTM"


class GRUCell(RNNCellBase):
    """One step of `GRU`."""

    mode = "GRU"
