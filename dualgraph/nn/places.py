"""Where in the tree of modules an error or a traced node belongs, and what a trace must not do."""

from typing import Any

from ..eager.tensor import Tensor
from ..errors import DTypeError, DualgraphError, TraceError, raised_here

_ABSENT = object()


def name_within(parent: Any, module: Any) -> str:
    """Return the path of a module inside the one that calls it, or its class at the top."""
    for path, found in parent.named_modules() if hasattr(parent, "named_modules") else ():
        if found is module and path:
            return path
    return type(module).__name__


def add_path(error: DualgraphError, module: Any) -> None:
    """Note which layer an error comes from; each enclosing call makes the path more complete."""
    trail: list[Any] = error.__dict__.setdefault("modules", [])
    others = [n for n in getattr(error, "__notes__", ()) if n != error.__dict__.get("place")]
    trail.insert(0, module)
    names = [name_within(a, b) for a, b in zip([None, *trail], trail, strict=False)]
    place = f"in module {'.'.join(names)}: {_in_one_line(trail[-1])}"
    error.__dict__["place"] = place
    error.__notes__ = [place, *others]


def _in_one_line(module: Any) -> str:
    """Return what a module prints; of one with parts only its class."""
    text = repr(module)
    return text if "\n" not in text else f"{type(module).__name__}(...)"


def wrong_type(error: AttributeError, module: Any, args: tuple, kwargs: dict) -> DTypeError | None:
    """Return the error to raise for an argument that a layer of ours took for a tensor."""
    for given in (*args, *kwargs.values()):
        if given is error.obj and not isinstance(given, Tensor) and raised_here(error):
            return DTypeError(
                f"{type(module).__name__}: expected a Tensor, got {type(given).__name__}"
            )
    return None


def check_unchanged(module: Any, before: dict[str, Any]) -> None:
    """Refuse a traced ``forward`` that sets attributes: it would happen once, not at every call."""
    after = vars(module)
    changed = [k for k in after if k != "_version" and before.get(k, _ABSENT) is not after[k]]
    if changed:
        raise TraceError(
            f"forward() of {type(module).__name__} sets the attribute {changed[0]!r} while it "
            "is traced: a compiled function would do that once and not at every call. Keep "
            "such state in a buffer and change it in place, or run this module eagerly"
        )
