"""The one place that imports optional packages, and names the extra that installs a missing one."""

from importlib import import_module
from typing import Any

from .errors import MissingExtraError


def load(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package; raise `MissingExtraError` that says how to install it.

    >>> load("json", "cli", "the example").__name__
    'json'
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs the package {package!r}, which is not installed "
            f"({error}): pip install 'dualgraph[{extra}]'"
        ) from error
