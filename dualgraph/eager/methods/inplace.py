"""In-place forms of ops: ``x.exp_()`` from ``exp``."""

from typing import Any


def in_place(function: Any) -> Any:
    """Return the method that does an op in place and returns the tensor."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._inplace(lambda x: function(x, *args, **kwargs))

    method.__name__ = method.__qualname__ = f"{function.__name__}_"
    method.__doc__ = f"Do `{function.__name__}` in place and return the tensor."
    return method
