"""L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4, 3.5 and 3.6)."""

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any, NamedTuple

from ..core.dispatch import state
from ..core.scope import note_module
from ..eager.modes import enable_grad, no_grad
from ..eager.tensor import Tensor
from ..errors import ArgumentError, TraceError
from ..ops.build import need
from ..ops.contract.matmul import dot
from ..ops.create.creation import zeros_like
from ..ops.elementwise.pointwise import abs as magnitude, mul, neg, sub
from ..ops.reduce.reductions import amax, sum as total
from ..ops.shape.views import cat, reshape
from .optimizer import Group, Optimizer, State, check_number, options_of, scaled

_SUFFICIENT, _CURVATURE = 1e-4, 0.9  # Nocedal and Wright's c1 and c2


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last ``history_size`` changes of all parameters as one vector.

    ``step(closure)`` makes up to ``max_iter`` steps, each of length ``lr``, or with
    ``line_search_fn='strong_wolfe'`` as long as the strong Wolfe conditions ask for; the closure
    clears the gradients, computes the loss and calls backward. One parameter group only. How many
    steps there are depends on the numbers, so it runs eagerly only: `TraceError` when traced.

    >>> import dualgraph as dg
    >>> from dualgraph import optim
    >>> p = dg.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((p - 3) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(5., grad_fn=<SumBackward0>)
    >>> round(p.sum().item(), 5)
    6.0
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, options_of(locals()))

    def add_param_group(self, param_group: Group) -> None:
        """Set the one group that there may be."""
        need(not self.param_groups, "LBFGS takes one parameter group, with the options of all")
        super().add_param_group(param_group)

    def check_options(self, group: Group) -> None:
        check_number("lr", group["lr"])
        search = group["line_search_fn"]
        need(
            search in (None, "strong_wolfe"),
            f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {search!r}",
        )

    def initial_state(self, group: Group) -> dict[str, Any]:
        return {}

    def update(self, parameter: Any, grad: Any, held: State, group: Group) -> None:
        raise AssertionError("all parameters change together, in step()")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to ``max_iter`` steps; return the loss before the first one."""
        if state.tracing:
            raise TraceError(
                "LBFGS.step() cannot be traced: how often it calls the closure depends on the "
                "numbers. Step eagerly; the closure may call a compiled function"
            )
        if closure is None:
            raise ArgumentError("LBFGS.step() needs a closure that returns the loss")
        note_module(self)
        self.stepped = True
        group = self.param_groups[0]
        held = self.state.setdefault(group["params"][0], {})
        held.setdefault("func_evals", 0)
        held.setdefault("n_iter", 0)
        with no_grad():
            return _Descent(closure, group, held).run()

    def _fitting(self, parameter: Any, held: State, group: Group) -> State:
        return self.state.get(parameter, {})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and state (copied)."""
        super().load_state_dict({**state_dict, "state": {}})
        for i, held in state_dict["state"].items():
            self.state[self.param_groups[0]["params"][i]] = {k: _copied(v) for k, v in held.items()}


class _Descent:
    """One call of `LBFGS.step`: the parameters as one vector, and the closure that evaluates it."""

    def __init__(self, closure: Callable[[], Any], group: Group, held: State) -> None:
        self.closure = closure
        self.group = group
        self.held = held
        self.params = group["params"]
        self.evaluations = 0

    def evaluate(self) -> tuple[Any, Any]:
        """Return the loss and the gradients as one vector."""
        with enable_grad():
            loss = self.closure()
        self.evaluations += 1
        grads = [zeros_like(p) if p.grad is None else p.grad for p in self.params]
        return loss, cat([reshape(g, (-1,)) for g in grads])

    def move(self, t: float, direction: Any) -> None:
        """Add t times a direction to the parameters."""
        start = 0
        for p in self.params:
            part = reshape(direction[start : start + p.numel()], p.value.shape)
            p.add_(mul(part, scaled(t, p)))
            start += p.numel()

    def run(self) -> Any:
        """Step until nothing changes any more, or as often as the options allow."""
        held, group = self.held, self.group
        first, grad = self.evaluate()
        loss = float(first.item())
        steps = 0
        while not self._flat(grad) and steps < group["max_iter"]:
            steps += 1
            held["n_iter"] += 1
            direction = self._direction(grad)
            held.update(d=direction, prev_flat_grad=grad.clone(), prev_loss=loss)
            slope = _inner(grad, direction)
            held["t"] = t = self._first_length(grad)
            if slope > -group["tolerance_change"]:
                break
            before = loss
            last = steps == group["max_iter"]
            if group["line_search_fn"] is None:
                self.move(t, direction)
                if not last:
                    value, grad = self.evaluate()
                    loss = float(value.item())
            else:
                found = self._search(direction, _Point(0.0, loss, grad, slope), t)
                t, loss, grad = found.t, found.loss, found.grad
                self.move(t, direction)
            held["t"] = t
            if last or self.evaluations >= group["max_eval"]:
                break
            if _largest(direction) * t <= group["tolerance_change"]:
                break
            if abs(loss - before) < group["tolerance_change"]:
                break
        held["func_evals"] += self.evaluations
        return first

    def _flat(self, grad: Any) -> bool:
        return _largest(grad) <= self.group["tolerance_grad"]

    def _first_length(self, grad: Any) -> float:
        """Return the length to try first: short before anything is known of the curvature."""
        lr = self.group["lr"]
        lr = lr.item() if isinstance(lr, Tensor) else lr
        if self.held["n_iter"] > 1:
            return lr
        return min(1.0, 1.0 / float(total(magnitude(grad)).item())) * lr

    def _direction(self, grad: Any) -> Any:
        """Return minus the gradient times the inverse Hessian that the past steps suggest."""
        held = self.held
        if held["n_iter"] == 1:
            held.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return neg(grad)
        self._remember(sub(grad, held["prev_flat_grad"]), mul(held["d"], scaled(held["t"], grad)))
        past = list(zip(held["old_dirs"], held["old_stps"], held["ro"], strict=True))
        direction = neg(grad)
        weights = []
        for change, step, inverse in reversed(past):
            weights.append(_inner(step, direction) * inverse)
            direction = sub(direction, mul(change, scaled(weights[-1], grad)))
        direction = mul(direction, scaled(held["H_diag"], grad))
        for (change, step, inverse), weight in zip(past, reversed(weights), strict=True):
            rest = weight - _inner(change, direction) * inverse
            direction = direction + mul(step, scaled(rest, grad))
        return direction

    def _remember(self, change: Any, step: Any) -> None:
        """Keep how the gradient changed in a step, if the curvature along it is positive."""
        held = self.held
        curvature = _inner(change, step)
        if curvature <= 1e-10:
            return
        past = (held["old_dirs"], held["old_stps"], held["ro"])
        for history, new in zip(past, (change, step, 1.0 / curvature), strict=True):
            if len(history) == self.group["history_size"]:
                history.pop(0)
            history.append(new)
        held["H_diag"] = curvature / _inner(change, change)

    def _search(self, direction: Any, start: "_Point", t: float) -> "_Point":
        origin = [p.clone() for p in self.params]

        def at(t: float) -> _Point:
            self.move(t, direction)
            loss, grad = self.evaluate()
            for p, value in zip(self.params, origin, strict=True):
                p.copy_(value)
            return _Point(t, float(loss.item()), grad, _inner(grad, direction))

        least = self.group["tolerance_change"] / _largest(direction)
        return _strong_wolfe(at, start, t, least, self.group["max_eval"] - self.evaluations)


class _Point(NamedTuple):
    """What is known at length t along a direction; ``slope`` is the derivative in t."""

    t: float
    loss: float
    grad: Any
    slope: float


def _strong_wolfe(
    at: Callable[[float], _Point], start: _Point, t: float, least: float, limit: int
) -> _Point:
    """Return a point that meets the strong Wolfe conditions, or the best after ``limit`` tries."""
    ends, tries = _bracket(at, start, t, limit)
    if len(ends) == 1:
        return ends[0]
    return _zoom(at, start, ends, least, limit - tries)


def _too_high(start: _Point, new: _Point) -> bool:
    return new.loss > start.loss + _SUFFICIENT * new.t * start.slope


def _is_flat_enough(start: _Point, new: _Point) -> bool:
    return abs(new.slope) <= -_CURVATURE * start.slope


def _bracket(
    at: Callable[[float], _Point], start: _Point, t: float, limit: int
) -> tuple[list[_Point], int]:
    """Go further until two points enclose a good one, or one is good; with the number of tries."""
    before, new = start, at(t)
    for tries in range(limit):
        if _too_high(start, new) or (tries > 1 and new.loss >= before.loss):
            return [before, new], tries
        if _is_flat_enough(start, new):
            return [new], tries
        if new.slope >= 0:
            return [before, new], tries
        bounds = (new.t + 0.01 * (new.t - before.t), new.t * 10)
        t = _cubic_minimum(before, new, bounds)
        before, new = new, at(t)
    return [start, new], max(limit, 0)


def _zoom(
    at: Callable[[float], _Point], start: _Point, ends: list[_Point], least: float, limit: int
) -> _Point:
    """Shrink an interval around a good point; ``least`` is the length below which it ends."""
    low = _lower(ends)
    slow = False  # the last try was close to an end already
    for _ in range(limit):
        left, right = sorted(p.t for p in ends)
        if right - left < least:
            break
        t = _cubic_minimum(ends[0], ends[1], (left, right))
        margin = 0.1 * (right - left)
        near = min(right - t, t - left) < margin
        if near and (slow or not left < t < right):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            near = False
        slow = near
        new = at(t)
        if _too_high(start, new) or new.loss >= ends[low].loss:
            ends[1 - low] = new
            low = _lower(ends)
            continue
        good = _is_flat_enough(start, new)
        if not good and new.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = new
        if good:
            break
    return ends[low]


def _lower(ends: list[_Point]) -> int:
    return 0 if ends[0].loss <= ends[1].loss else 1


def _cubic_minimum(a: _Point, b: _Point, bounds: tuple[float, float]) -> float:
    """Return where the cubic through two points and slopes is least (Nocedal and Wright, 3.59)."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t) if a.t != b.t else 0.0
    square = d1**2 - a.slope * b.slope
    low, high = bounds
    if square < 0 or a.t == b.t:
        return (low + high) / 2.0
    d2 = sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, low), high)


def _inner(a: Any, b: Any) -> float:
    return float(dot(a, b).item())


def _largest(x: Any) -> float:
    return float(amax(magnitude(x)).item())


def _copied(value: Any) -> Any:
    if isinstance(value, list):
        return [_copied(v) for v in value]
    return value.detach().clone() if isinstance(value, Tensor) else value
