"""In-place forms of ops: ``x.exp_()`` from ``exp``."""

from typing import Any

from ...ops.build import named


def in_place(function: Any) -> Any:
    """Return the method that does an op in place and returns the tensor."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        def compute(x: Any) -> Any:
            return function(x, *args, **kwargs)

        return self._inplace(compute)

    doc = f"Do `{function.__name__}` in place and return the tensor."
    method.__dict__["__wrapped__"] = function  # whose signature its guard takes
    return named(method, f"{function.__name__}_", doc)


def reflected(function: Any) -> Any:
    """Return the operator that Python tries when only the right operand is a tensor."""

    def method(self: Any, other: Any) -> Any:
        return function(other, self)

    doc = f"Return `{function.__name__}` with the tensor as second operand."
    return named(method, function.__name__, doc)
