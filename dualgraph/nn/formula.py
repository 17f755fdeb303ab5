"""`Formula`: a layer without parameters is a function and a table of its options."""

from collections.abc import Callable, Mapping
from inspect import Parameter as Argument, Signature
from types import MappingProxyType
from typing import Any, ClassVar

from .module import Module

REQUIRED = Argument.empty


def table(**options: Any) -> Mapping[str, Any]:
    """Return options with their defaults, in order, that nobody can change."""
    return MappingProxyType(options)


def signature_of(options: Mapping[str, Any]) -> Signature:
    """Return the signature of a constructor with these arguments and their defaults."""
    kind = Argument.POSITIONAL_OR_KEYWORD
    return Signature([Argument(n, kind, default=d) for n, d in options.items()])


class Formula(Module):
    """A layer whose options are arguments of the constructor, attributes, and printed.

    A subclass gives ``function``, its ``options`` with their defaults (`REQUIRED` for none), and
    what is ``shown`` when it is printed, a format of the attributes. The function takes all
    tensors by position and all options by name; ``inplace=True`` is shown wherever it is set.
    """

    function: ClassVar[Callable[..., Any]]
    options: ClassVar[Mapping[str, Any]] = table()
    shown: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" not in vars(cls):
            cls.__signature__ = signature_of(cls.options)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        bound = signature_of(self.options).bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in self.settled(bound.arguments).items():
            setattr(self, name, value)

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options as they are kept."""
        return options

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the function of the tensors, with the options that the attributes hold."""
        options = {name: getattr(self, name) for name in self.options}
        return type(self).function(*args, **kwargs, **options)

    def extra_repr(self) -> str:
        said = self.shown.format(**vars(self))
        inplace = "inplace=True" if getattr(self, "inplace", False) else ""
        return ", ".join(part for part in (said, inplace) if part)
