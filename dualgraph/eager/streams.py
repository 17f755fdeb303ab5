"""The default random stream: seeding it, and its state."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..ops.create.creation import default_generator


def manual_seed(seed: int) -> Any:
    """Start the default random stream anew and return its generator."""
    return default_generator().manual_seed(seed)


def initial_seed() -> int:
    """Return the seed of the default random stream."""
    return default_generator().initial_seed()


def seed() -> int:
    """Start the default random stream from a seed of the operating system, and return that.

    Raises `TraceError` while a function is traced, where it would be frozen.
    """
    return default_generator().seed()


def get_rng_state() -> Any:
    """Return a copy of the state of the default random stream: its counter and seed."""
    return default_generator().get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the default random stream from a state that `get_rng_state` returned."""
    default_generator().set_state(new_state)


@contextmanager
def fork_rng() -> Iterator[None]:
    """Put the default random stream back, at the end of the block, to where it was before."""
    saved = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(saved)
