"""Marks of the ops that only copy: the compiler writes them as strided copies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cat:
    """Copy each input to its place along the static ``axis``."""


@dataclass(frozen=True, slots=True)
class Embed:
    """Zeros of the static ``shape``, with the input at ``starts`` in ``steps``."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A copy of the first input, with the second in the static slice of it."""
