"""In-place random numbers."""

from typing import Any

from ...ops.create import creation
from ...ops.elementwise import pointwise as elementwise
from ...ops.random import distributions as ops


def _filled(name: str, draw: Any) -> Any:
    """Return the method that overwrites a tensor with random numbers and returns it."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        def compute(x: Any) -> Any:
            return elementwise.overwrite(x, draw(x, *args, **kwargs))

        return self._inplace(compute)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Overwrite with random numbers and return the tensor. {draw.__doc__}"
    return method


class RandomMethods:
    """In-place random numbers, and those that take their parameters from the tensor."""

    uniform_ = _filled("uniform_", ops.uniform)
    normal_ = _filled("normal_", ops.gaussian)
    log_normal_ = _filled("log_normal_", ops.log_normal)
    exponential_ = _filled("exponential_", ops.exponential)
    geometric_ = _filled("geometric_", ops.geometric)
    cauchy_ = _filled("cauchy_", ops.cauchy)
    bernoulli_ = _filled("bernoulli_", ops.coin)
    random_ = _filled("random_", ops.integers)
    bernoulli = creation.bernoulli
    multinomial = ops.multinomial
