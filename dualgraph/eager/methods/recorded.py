"""Methods that ops ask for where they are defined, and that no class lists."""

from ...ops.public import ENTRIES
from .inplace import in_place


class RecordedMethods:
    """Methods and in-place forms that ops ask for and no other class of methods lists."""


def install_methods(known: set[str]) -> None:
    """Fill in the methods whose names are not known yet."""
    for entry in ENTRIES:
        for name in set(entry.methods) - known:
            setattr(RecordedMethods, name, entry.function)
        missing = set(entry.in_place_forms) - known
        if missing:
            method = in_place(entry.function)  # its aliases are one method
            for name in missing:
                setattr(RecordedMethods, name, method)
