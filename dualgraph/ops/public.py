"""Where users find an op: the names, methods and in-place forms that its public function asks for.

The factories of `build` and the decorator `public` enter functions here. Namespaces and the Tensor
class take from it whatever they do not list themselves; they list what static checkers should see,
and a test compares both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Surface:
    """Under which names a function is public, and in which forms."""

    space: str = ""  # the namespace of its own name: "", "special.", "nn.functional."
    name: str = ""  # its own where it differs from `__name__`
    also: tuple[str, ...] = ()  # further names, with their namespaces: "arcsin", "special.erf"
    method: bool = True
    in_place: bool = True  # as a method only: "exp_"


EVERYWHERE = Surface()
NOT_IN_PLACE = Surface(in_place=False)
SPECIAL = Surface(space="special.", method=False)
NETWORK = Surface(space="nn.functional.", method=False)


def as_function(*also: str) -> Surface:
    """Return the surface of what is no method, or a method whose arguments are in another order."""
    return Surface(also=also, method=False)


def also(*names: str) -> Surface:
    """Return the surface of what has every form, under further names too."""
    return Surface(also=names)


@dataclass(frozen=True)
class Entry:
    """A public function with its surface."""

    function: Callable[..., Any]
    at: Surface

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name of the function, with its namespace; its own is the first."""
        own = self.at.name or self.function.__name__
        return (f"{self.at.space}{own}", *self.at.also)

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the names of the method."""
        return tuple(n for n in self.names if "." not in n) if self.at.method else ()

    @property
    def in_place_forms(self) -> tuple[str, ...]:
        """Return the names of the method's in-place form."""
        return tuple(f"{n}_" for n in self.methods) if self.at.in_place else ()


ENTRIES: list[Entry] = []
_ENTERED: set[str] = set()


def entered(function: F, at: Surface = EVERYWHERE) -> F:
    """Enter a function and return it; raise TypeError for a name that is taken."""
    entry = Entry(function, at)
    for name in entry.names:
        if name in _ENTERED:
            raise TypeError(f"the public name {name} is defined twice")
    _ENTERED.update(entry.names)
    ENTRIES.append(entry)
    return function


def public(at: Surface = EVERYWHERE) -> Callable[[F], F]:
    """Return the decorator that enters a function which no factory made."""
    return partial(entered, at=at)


def functions_of(space: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the names and functions of a namespace: "", "linalg.", "special."."""
    for entry in ENTRIES:
        for name in entry.names:
            head, _, last = name.rpartition(".")
            if head == space.rstrip("."):
                yield last, entry.function


def fill_in(names: dict[str, Any], space: str) -> None:
    """Add to a namespace the functions that it does not list itself."""
    for name, function in functions_of(space):
        names.setdefault(name, function)
