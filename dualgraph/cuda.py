"""What programs ask of CUDA before they fall back to the CPU: there is no such device."""

from typing import Any

from . import amp as amp


def is_available() -> bool:
    """Return False."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: no device has a random stream."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: no device has a random stream."""


def empty_cache() -> None:
    """Do nothing: no device holds memory."""


def memory_allocated(device: Any = None) -> int:
    """Return 0."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """Return 0."""
    return 0
