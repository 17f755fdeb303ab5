"""Ops that read or copy elements as they are, at places that static arguments or an index say."""

from dataclasses import dataclass

from ...core.op import Facts


@dataclass(frozen=True, slots=True)
class Gather(Facts):
    """``out[i, j, k] = x[index[i, j, k], j, k]`` for the static ``axis`` 0, and so on."""

    may_fail = True


@dataclass(frozen=True, slots=True)
class Position(Facts):
    """``x`` or, where it is negative, ``x + extent``; it fails beyond the static ``extent``."""

    may_fail = True


@dataclass(frozen=True, slots=True)
class Cat(Facts):
    """Copy each input to its place along the static ``axis``."""


@dataclass(frozen=True, slots=True)
class Embed(Facts):
    """Zeros of the static ``shape``, with the input at ``starts`` in ``steps``."""


@dataclass(frozen=True, slots=True)
class Overwrite(Facts):
    """A copy of the first input, with the second in the static slice of it."""
