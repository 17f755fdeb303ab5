"""Every error and warning that dualgraph raises on purpose, and the words to say where.

Messages name what was wrong, the shapes and dtypes, the line of the user's code, and what to do.
"""

import contextlib
import inspect
import reprlib
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import numpy as np

_PACKAGE = str(Path(__file__).parent)
_GUARD = f"{_PACKAGE}/core/boundary.py: generated"  # where that module says that its functions are
_PLACES = ("ops/", "nn/functional/", "eager/methods/", "eager/tensor.py")
_FUNCTIONS = (_GUARD, *(f"{_PACKAGE}/{place}" for place in _PLACES))
_NUMPY = str(Path(np.__file__).parent)
_INSIDE = (_PACKAGE, _NUMPY, threading.__file__, contextlib.__file__)  # no lines of the user's
_HELPERS = ("ops/build.py", "ops/arguments.py")
_COMMAND = f"{_PACKAGE}/cli.py"
_NOWHERE = "<unknown>"
_SHOWN = 6  # of a list in a message


class DualgraphError(RuntimeError):
    """Base of all errors of this package: a RuntimeError, which PyTorch raises for most of them.

    It finds the user's line itself when it is made, and prints it with what was called with what.
    """

    located: ClassVar[bool] = True  # whether a line of the user's has to do with it

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        place = user_location() if self.located else _NOWHERE
        self.where = "" if place == _NOWHERE else f"\n  at {place}{called_with()}"

    def __str__(self) -> str:
        return super().__str__() + self.where


class ShapeError(DualgraphError, ValueError):
    """Shapes that do not fit the operation."""


class DTypeError(DualgraphError, TypeError):
    """Element types that the operation does not take."""


class MissingDTypeError(DTypeError, AttributeError):
    """A dtype of PyTorch that does not exist here, asked for by its name."""


class AxisError(DualgraphError, IndexError):
    """An axis or index outside of the tensor."""


class ArgumentError(DualgraphError, ValueError):
    """An argument value that the operation does not take."""


class ArgumentTypeError(ArgumentError, DTypeError):
    """An argument of a type that the operation does not take: both a ValueError and a TypeError."""


class MissingNameError(ArgumentError, AttributeError):
    """A path or name that nothing in the object has."""


class AllocationError(DualgraphError, MemoryError):
    """A result that is too large for the memory there is."""


class GradError(DualgraphError):
    """Backward was asked for something it cannot or must not compute."""


class LinAlgError(DualgraphError):
    """A matrix that the operation cannot handle: singular, not positive definite, not finite."""


class TraceError(DualgraphError):
    """A traced function did something that a static graph cannot hold."""


class CompileError(DualgraphError):
    """A traced graph could not be turned into native code."""

    located = False


class GraphError(DualgraphError):
    """A graph breaks a rule of the IR (a bug in a pass or in the tracer)."""

    located = False


class VerifyError(DualgraphError, AssertionError):
    """Eager and compiled differ in at least one bit; ``report`` holds the details."""

    located = False
    report: Any = None


class ModelPathError(DualgraphError, ValueError):
    """A ``file.py:function`` argument that names nothing that can be run."""

    located = False


class MissingExtraError(DualgraphError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""

    located = False


class DataError(DualgraphError, ValueError):
    """A dataset, sampler or worker that cannot give the batches it was asked for."""


class SaveError(DualgraphError, ValueError):
    """An object that a file cannot hold."""


class LoadError(DualgraphError, ValueError):
    """A file that is damaged, foreign, or not what it says it is."""


class ExchangeError(DualgraphError, BufferError):
    """Memory that must not, or cannot, be shared with another library."""


class CacheWarning(UserWarning):
    """The disk cache was damaged or cannot be written: it was rebuilt or bypassed."""


class CompileOptionWarning(UserWarning):
    """An option of `compile` was given that has no effect here."""


class RetraceWarning(UserWarning):
    """A compiled function has been traced so often that compiling cannot pay."""


class Described:
    """What messages tell by dtype and shape: the base of the tensors, which live further up."""

    @property
    def shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def dtype(self) -> object:
        raise NotImplementedError


def user_frame() -> FrameType | None:
    """Return the innermost frame that is not inside this package or NumPy (None at the top).

    What starts the command line is nobody's code.
    """
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame = None if frame.f_code.co_filename == _COMMAND else frame.f_back
    return frame


def user_location() -> str:
    """Return ``file.py:12`` of the innermost user frame, or ``<unknown>``."""
    frame = user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else _NOWHERE


def called_frame() -> FrameType | None:
    """Return the frame of the public function that the user's code called, if that is one."""
    frame, found = sys._getframe(1), None
    while frame is not None and frame.f_code.co_filename.startswith(_INSIDE):
        code = frame.f_code
        public = code.co_name[0] not in "_<" or code.co_name.startswith("__")
        if public and code.co_filename.startswith(_FUNCTIONS) and not _is_helper(frame):
            found = frame
        frame = frame.f_back
    return found


def _is_helper(frame: FrameType) -> bool:
    """Tell a function that checks arguments for others from those that such a file makes."""
    code = frame.f_code
    known = frame.f_globals.get(code.co_name)
    return code.co_filename.endswith(_HELPERS) and getattr(known, "__code__", None) is code


def called_function() -> str:
    """Return the name of the function of this package that the user called."""
    frame = called_frame()
    return name_of(frame) if frame else "this function"


def name_of(frame: FrameType) -> str:
    """Return the name that users know a running function by: a layer's is that of its class.

    A method of a tensor has its own name, that of another object comes after its class.
    """
    code = frame.f_code
    owner = frame.f_locals.get("self")
    if owner is None or isinstance(owner, Described):
        return code.co_name
    kind = type(owner).__name__
    return kind if code.co_name in ("__init__", "forward") else f"{kind}.{code.co_name}"


def arguments_of(frame: FrameType) -> dict[str, Any]:
    """Return the arguments of a running function, by name, without empty ``*args``."""
    code, held = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    listed = bool(code.co_flags & inspect.CO_VARARGS)
    named = bool(code.co_flags & inspect.CO_VARKEYWORDS)
    names = code.co_varnames[: count + listed]
    given = {n: held[n] for n in names if n in held and not (n in names[count:] and not held[n])}
    return given | (held.get(code.co_varnames[count + listed], {}) if named else {})


def _is_made(x: object) -> bool:
    """Tell a tensor that has a value from one that is being made, and from anything else."""
    return isinstance(x, Described) and "value" in vars(x)


def described(x: Any, depth: int = 3) -> str:
    """Return a value in a few words: a tensor by its dtype and shape, other things by type.

    >>> described(3), described("sum"), described(None)
    ('3', "'sum'", 'None')
    """
    ours = _is_made(x)
    if ours or (type(x).__module__ == "numpy" and hasattr(x, "shape")):
        extents = ",".join(map(str, x.shape))
        kind = "" if ours else f"{type(x).__name__} "
        return f"{kind}{str(x.dtype).removeprefix('dualgraph.')}[{extents}]"
    if depth and type(x) in (tuple, list):
        parts = [described(part, depth - 1) for part in x[:_SHOWN]] + ["..."] * (len(x) > _SHOWN)
        inside = ", ".join(parts) + "," * (type(x) is tuple and len(parts) == 1)
        return f"[{inside}]" if type(x) is list else f"({inside})"
    if x is None or isinstance(x, bool | int | float | str):
        return reprlib.repr(x)
    return getattr(x, "__name__", f"a {type(x).__name__}")


def called_with() -> str:
    """Return the user's call of a public function, defaults left out: ``sum(input=int64[3])``."""
    frame = called_frame()
    if frame is None:
        return ""
    given = arguments_of(frame)
    given.pop("self" if name_of(frame) != frame.f_code.co_name else "", None)
    guarded = frame.f_globals.get("_call")  # see `core.boundary`
    known = inspect.signature(guarded).parameters if guarded else {}
    said = ", ".join(
        f"{name}={described(x)}"
        for name, x in given.items()
        if name not in known or x is not known[name].default
    )
    return f", in {name_of(frame)}({said})"


def raised_here(error: BaseException) -> bool:
    """Return whether an exception was raised by a line of this package."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE)
