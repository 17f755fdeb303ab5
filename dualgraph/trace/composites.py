"""Composites in eager mode: traced once for each kind of call, then replayed by the interpreter.

What ops a composite runs depends on shapes, dtypes and static arguments alone. The first call of a
kind traces it; every call runs the graph on arrays, without tensors in between: the same kernels in
the same order, so the same bits. What is more than ops (a composite that reads values, draws
numbers, or uses a tensor from elsewhere) the tracer refuses: that one is run op by op.
"""

from threading import Lock
from typing import Any, NoReturn

import numpy as np

from ..core.op import Op, static_key
from ..core.types import Size, default_float
from ..eager.frontend import KERNEL_ERRORS
from ..errors import DualgraphError, GraphError, TraceError
from ..ir.graph import CONST, INPUT
from ..ir.interpreter import Plan
from .tracer import Tracer

_MOST_PLANS = 4096
_UNSEEN: Any = object()
_FAILURES = (DualgraphError, *KERNEL_ERRORS)


class CompositeCache:
    """The plans of the composites that were called, at most ``limit`` of them: a `Replays`."""

    def __init__(self, limit: int = _MOST_PLANS) -> None:
        self.limit = limit
        self.plans: dict[Any, Plan | None] = {}  # None: run it op by op
        self._lock = Lock()

    def values(
        self, op: Op, tensors: tuple[Any, ...], static: dict[str, Any]
    ) -> list[np.ndarray] | None:
        """Return the results of a composite, or None when it must be run op by op."""
        arrays = [t.value for t in tensors]
        kinds = tuple([(a.dtype, a.shape) for a in arrays])
        key = op, kinds, static_key(static), default_float()
        try:
            plan = self.plans.get(key, _UNSEEN)
            if plan is _UNSEEN:
                plan = self._traced(key, op, tensors, static)
            return None if plan is None else plan.run(arrays)
        except _FAILURES as error:
            failure = f"{type(error).__name__}: {error}"
        op.kernel(*tensors, **static)  # the ops themselves say what is wrong
        raise GraphError(f"{op.name}: its ops fail together ({failure}), but not one by one")

    def _traced(
        self, key: Any, op: Op, tensors: tuple[Any, ...], static: dict[str, Any]
    ) -> Plan | None:
        try:
            plan = planned(op, tensors, static)
        except TraceError:
            plan = None
        with self._lock:
            while len(self.plans) >= self.limit:
                del self.plans[next(iter(self.plans))]  # the oldest
            self.plans[key] = plan
        return plan


def planned(op: Op, tensors: tuple[Any, ...], static: dict[str, Any]) -> Plan:
    """Trace a composite on operands of these kinds; raise `TraceError` for what is not ops alone.

    An operand that is given twice counts as two: another call may give others.
    """
    if not all(map(_is_whole, static.values())):
        raise TraceError("a static argument that its repr does not tell from others")
    tracer = OpTracer()
    symbols = [tracer.argument(i, t) for i, t in enumerate(tensors)]
    with tracer.active():
        made = op.kernel(*symbols, **static)
        results = [tracer.lift(out) for out in (made if op.several else (made,))]
    graph = tracer.graph(results)
    leaves = any(result.op in (INPUT, CONST) for result in results)
    if len(graph.inputs) > len(tensors) or leaves or len(set(results)) < len(results):
        raise TraceError(_MORE)
    return Plan(graph)


def _is_whole(value: Any) -> bool:
    """Tell whether the repr of a static argument says all of it, as the key of a plan needs."""
    if type(value) in (tuple, Size):
        return all(map(_is_whole, value))
    return type(value) in _WRITTEN or isinstance(value, np.dtype)


_WRITTEN = (bool, int, float, str, type(None))
_MORE = "a composite reads, returns or asks for more than ops compute from its operands"


class OpTracer(Tracer):
    """A tracer that takes ops and numbers alone.

    Whatever else a composite asks its frontend for may be another thing at the next call, or is
    nothing that a replay would do again.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TraceError(_MORE)

    alias = copied = note = number = offset = own = read_grad = renew = replace = _refuse
    set_data = stand_in = strides = tensor = write_grad = _refuse
