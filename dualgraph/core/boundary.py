"""The boundary of the public functions: what Python or NumPy raise for a wrong operand is ours.

Nothing is checked ahead. A public function is called through a guard of the same signature; only
when the call fails are its arguments looked at: which of them is of another kind than its
annotation says, or of a kind that the error's text speaks of. A call that succeeds pays for one
more Python call; the element-wise functions convert their operands themselves: they have no guard.
"""

import inspect
import re
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import cache, update_wrapper
from itertools import chain
from pathlib import Path
from types import CodeType, FunctionType, TracebackType, UnionType
from typing import Any, NoReturn, TypeVar, Union, cast, get_args, get_origin

import numpy as np

from ..errors import (
    AllocationError,
    ArgumentError,
    ArgumentTypeError,
    AxisError,
    DualgraphError,
    arguments_of,
    described,
    name_of,
)
from .tensor import TensorBase

F = TypeVar("F", bound=Callable[..., Any])

_BUILTIN = (
    AttributeError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AssertionError,
    BufferError,
    MemoryError,
)
_HERE = f"{__file__}: generated"
_PACKAGE = str(Path(__file__).parents[1])
_OWN = (_PACKAGE, str(Path(np.__file__).parent), "<frozen", "<__array_function__")
_LIBRARY = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))


def unguarded(function: F) -> F:
    """Mark a function that converts every operand itself, and so needs no guard."""
    function.__dict__["unguarded"] = True
    return function


@cache
def guarded(function: Any) -> Any:
    """Return the function behind its guard: same name, signature and documentation."""
    if "unguarded" in function.__dict__:
        return function
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    space = {"_call": function, "_explain": _explain, "_Own": DualgraphError}
    code = _code(*_spelled(parameters)).replace(
        co_name=function.__name__, co_qualname=function.__qualname__
    )
    guard = FunctionType(code, space, function.__name__)
    given = [p for p in parameters if p.default is not p.empty]
    keyword = {p.name: p.default for p in given if p.kind is p.KEYWORD_ONLY}
    guard.__defaults__ = tuple(p.default for p in given if p.kind is not p.KEYWORD_ONLY) or None
    guard.__kwdefaults__ = keyword or None
    return update_wrapper(guard, function)


def _spelled(parameters: list[inspect.Parameter]) -> tuple[str, str]:
    """Return the text of a parameter list, and of the arguments that hand all of it on."""
    listed: list[str] = []
    handed: list[str] = []
    kinds = {p.kind for p in parameters}
    for p in parameters:
        star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        if (
            p.kind is p.KEYWORD_ONLY
            and "*" not in "".join(listed)
            and p.VAR_POSITIONAL not in kinds
        ):
            listed.append("*")
        has_default = p.default is not p.empty
        listed.append(f"{star}{p.name}{'=None' if has_default else ''}")
        handed.append(f"{p.name}={p.name}" if p.kind is p.KEYWORD_ONLY else f"{star}{p.name}")
    return ", ".join(listed), ", ".join(handed)


@cache
def _code(listed: str, handed: str) -> CodeType:
    text = (
        f"def guard({listed}):\n"
        "    try:\n"
        f"        return _call({handed})\n"
        "    except _Own:\n"
        "        raise\n"
        "    except Exception as error:\n"
        "        _explain(error, _call)\n"
        "        raise\n"
    )
    made: dict[str, Any] = {}
    exec(compile(text, _HERE, "exec"), made)
    return made["guard"].__code__


def guard_names(names: dict[str, Any], modules: tuple[str, ...]) -> None:
    """Put guards before the functions of some modules in a namespace, where pickle finds them."""
    for name, value in list(names.items()):
        public = isinstance(value, FunctionType) and name[0] != "_"
        if public and value.__module__.startswith(modules):
            names[name] = guard = guarded(value)
            held = getattr(sys.modules[guard.__module__], name, None)
            if held is not guard and name == guard.__name__:
                guard.__module__ = names["__name__"]


def guard_methods(kind: type, names: Sequence[str] = ()) -> None:
    """Put guards before the methods of a class: those named, or all, operators included."""
    for name, value in list(vars(kind).items()):
        if isinstance(value, FunctionType) and (name in names or not names):
            setattr(kind, name, guarded(value))


def guard_classes(space: dict[str, Any], module: str, names: Sequence[str]) -> None:
    """Put guards before some methods of the classes that a namespace holds."""
    found = [kind.__mro__ for kind in space.values() if isinstance(kind, type)]
    for kind in dict.fromkeys(chain.from_iterable(found)):
        if kind.__module__.startswith(module):
            guard_methods(kind, names)


# --- what was wrong -----------------------------------------------------------------------------


def _explain(error: Exception, function: Any) -> None:
    """Raise our own error in place of Python's or NumPy's; return where it is none of ours."""
    if not isinstance(error, _BUILTIN) or not _raised_here(error.__traceback__):
        return
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    given = arguments_of(frame)
    _raise(name_of(frame), error, _culprits(function, given, error))


def _raised_here(trace: TracebackType | None) -> bool:
    """Tell whether no code but ours, NumPy's and the standard library's ran."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        library = file.startswith(_LIBRARY) and "site-packages" not in file
        if not (library or file.startswith(_OWN)):
            return False
        trace = trace.tb_next
    return True


def _raise(name: str, error: Exception, culprits: dict[str, str]) -> NoReturn:
    said = f"{type(error).__name__}: {error}"
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    if isinstance(error, MemoryError):
        raise AllocationError(f"{name}: not enough memory for the result") from error
    for what in culprits.values():
        message = f"{name}: {what}"
        if len(culprits) > 1:
            message = f"{name}: {'; '.join(culprits.values())}"
        raise ArgumentTypeError(f"{message} ({said})") from error
    kind = ArgumentError
    if isinstance(error, TypeError | AttributeError):
        kind = ArgumentTypeError
    elif isinstance(error, IndexError):
        kind = AxisError
    raise kind(f"{name} does not take these arguments ({said})") from error


_LONGEST = 200


def _culprits(function: Any, given: dict[str, Any], error: Exception) -> dict[str, str]:
    """Return what is wrong with which arguments, as far as that can be told."""
    wanted = inspect.get_annotations(inspect.unwrap(function))
    defaults = inspect.signature(function).parameters
    odd = {
        name: f"argument {name!r} must be {_said(wanted[name])}, got {described(x)}{_remedy(x)}"
        for name, x in given.items()
        if name in wanted and x is not defaults[name].default and not _fits(x, wanted[name])
    }
    if odd:
        return odd

    def is_named(x: object) -> bool:
        return _is_named(x, str(error))

    tests = (_is_foreign, is_named, _is_huge)
    for test in tests:
        for name, x in given.items():
            if name in defaults and x is not defaults[name].default and _any(test, x):
                odd[name] = f"argument {name!r} cannot be {described(x)}{_remedy(x)}"
        if odd:
            return odd
    return {}


def _any(test: Callable[[object], bool], x: object) -> bool:
    return test(x) or any(map(test, _elements(x)))


def _elements(x: object) -> Sequence[object]:
    """Return what a tuple or list holds; nothing for anything else."""
    return cast("Sequence[object]", x) if isinstance(x, tuple | list) else ()


def _is_foreign(x: object) -> bool:
    """Tell what no public function takes, whatever its place."""
    plain = isinstance(x, bool | int | float | str | tuple | list | np.dtype | type | slice)
    known = plain or callable(x) or type(x).__module__.startswith("dualgraph")
    return not (known or x is None or x is Ellipsis)


def _is_named(x: object, text: str) -> bool:
    """Tell whether an error's text speaks of the type of a value."""
    return type(x).__name__ in re.findall(r"'([\w.]+)'", text)


def _is_huge(x: object) -> bool:
    return isinstance(x, int) and not -(2**31) <= x < 2**31


def _remedy(x: object) -> str:
    return "; convert it with dualgraph.tensor(...)" if isinstance(x, np.ndarray) else ""


_WORDS = {
    int: "an int",
    float: "a number",
    bool: "a bool",
    str: "a string",
    type(None): "None",
    TensorBase: "a Tensor",
}


def _said(wanted: Any) -> str:
    """Return an annotation in words."""
    if get_origin(wanted) in (Union, UnionType):
        return " or ".join(map(_said, get_args(wanted)))
    if get_origin(wanted) in (tuple, list, Sequence):
        return "a list of " + " and ".join(
            f"{_said(a).partition(' ')[2] or _said(a)}s"
            for a in dict.fromkeys(get_args(wanted))
            if a is not Ellipsis
        )
    return _WORDS.get(wanted) or f"a {getattr(wanted, '__name__', wanted)}"


def _fits(x: object, wanted: Any) -> bool:
    """Tell whether a value is of the kind that an annotation names; true where it says nothing."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return any(_fits(x, part) for part in parts)
    if origin in (tuple, list, Sequence):
        elements = _elements(x)
        return isinstance(x, tuple | list) and all(
            any(_fits(e, p) for p in parts if p is not Ellipsis) for e in elements
        )
    if wanted is int:
        return isinstance(x, int | np.integer) and not isinstance(x, bool)
    if wanted is float:
        return isinstance(x, int | float | np.number)
    if wanted is bool:
        return isinstance(x, bool | np.bool_)
    return wanted is Any or not isinstance(wanted, type) or isinstance(x, wanted)
