"""Mixed precision, as far as programs name it on a machine without CUDA: it is off.

As in PyTorch there, ``autocast`` and ``GradScaler`` for CUDA do nothing, after a warning if they
were asked to do something. Precision is mixed by hand: ``module.half()``, ``tensor.float()``.
"""

import warnings
from contextlib import ContextDecorator
from typing import Any, Self

from .core.dtypes import Device
from .errors import ArgumentError


def _check_off(what: str, device: str, enabled: bool) -> None:
    if not enabled:
        return
    if device == Device().type:
        raise ArgumentError(
            f"{what} for {device!r} is not there: say enabled=False, and convert what is to "
            "be float16 with .half(), which computes in float32 and rounds once"
        )
    warnings.warn(f"{what}: there is no device {device!r}, so it does nothing", stacklevel=3)


class autocast(ContextDecorator):
    """Do nothing inside of the block, or of the decorated function.

    Raises `ArgumentError` for the CPU unless ``enabled=False``; warns for other devices.
    """

    def __init__(
        self,
        device_type: str = "cuda",
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        _check_off("autocast", device_type, enabled)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass


class GradScaler:
    """Scales by one: losses and gradients stay as they are, and every step is taken.

    Raises `ArgumentError` for the CPU unless ``enabled=False``; warns for other devices.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        _check_off("GradScaler", device, enabled)

    def is_enabled(self) -> bool:
        """Return False."""
        return False

    def get_scale(self) -> float:
        """Return 1.0."""
        return 1.0

    def scale(self, outputs: Any) -> Any:
        """Return the outputs themselves."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Do nothing."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Step the optimizer, and return what it returns."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Do nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Return an empty dict: there is nothing to save."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing."""
