"""Every error and warning that dualgraph raises on purpose, and the words to say where.

Messages name what was wrong, the shapes and dtypes, the line of the user's code, and what to do.
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

_PACKAGE = str(Path(__file__).parent)


class DualgraphError(Exception):
    """Base of all errors of this package."""


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


class GradError(DualgraphError, RuntimeError):
    """Backward was asked for something it cannot or must not compute."""


class LinAlgError(DualgraphError, RuntimeError):
    """A matrix that the operation cannot handle: singular, not positive definite, not finite."""


class TraceError(DualgraphError, RuntimeError):
    """A traced function did something that a static graph cannot hold."""


class CompileError(DualgraphError, RuntimeError):
    """A traced graph could not be turned into native code."""


class GraphError(DualgraphError, RuntimeError):
    """A graph breaks a rule of the IR (a bug in a pass or in the tracer)."""


class VerifyError(DualgraphError, AssertionError):
    """Eager and compiled differ in at least one bit; ``report`` holds the details."""

    report: Any = None


class ModelPathError(DualgraphError, ValueError):
    """A ``file.py:function`` argument that names nothing that can be run."""


class MissingExtraError(DualgraphError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


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


class RetraceWarning(UserWarning):
    """A compiled function has been traced so often that compiling cannot pay."""


def user_frame() -> FrameType | None:
    """Return the innermost frame that is not inside this package (None at the top)."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame


def user_location() -> str:
    """Return ``file.py:12`` of the innermost user frame, or ``<unknown>``."""
    frame = user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "<unknown>"


def called_function() -> str:
    """Return the name of the function of this package that the user called."""
    frame, name = sys._getframe(1), ""
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, name = frame.f_back, frame.f_code.co_name
    return name


def raised_here(error: BaseException) -> bool:
    """Return whether an exception was raised by a line of this package."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE)


def at_user_line(message: str) -> str:
    """Append the user's file and line to an error message."""
    return f"{message}\n  at {user_location()}"
