"""The README's list of functions, from the public names: ``python -m tests.core.readme --write``.

A function stands in the section of the file that defines it, below its namespace.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from textwrap import fill
from types import SimpleNamespace
from typing import Any

import dualgraph as dg

PACKAGE = Path(dg.__file__).parent
README = PACKAGE.parent / "README.md"
COMMAND = "python -m tests.core.readme --write"
NAMESPACES = ("", "linalg.", "special.", "nn.functional.")
HOMES = (f"{PACKAGE}/ops/", f"{PACKAGE}/nn/functional/")
MARKS = ("<!-- ops -->\n", "<!-- /ops -->")
WIDTH = 110
SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "": {
        "bits": ("ops/elementwise/bitwise",),
        "trigonometric and special functions": (
            "ops/elementwise/trigonometric",
            "ops/elementwise/special",
        ),
        "activations": ("ops/elementwise/activations", "ops/elementwise/rectifiers"),
        "arithmetic, comparison, elementary functions": ("ops/elementwise/",),
        "scans and differences": ("ops/reduce/scans", "ops/reduce/differences"),
        "reductions and statistics": ("ops/reduce/",),
        "sorting and searching": ("ops/sort/",),
        "diagonals and overlays": ("ops/shape/diagonals", "ops/shape/overlay"),
        "shape": ("ops/shape/", "ops/windows/"),
        "indexing": ("ops/index/",),
        "products and distances": ("ops/contract/",),
        "matrices": ("ops/linalg/",),
        "creation and random": ("ops/create/", "ops/random/"),
        "networks": ("nn/functional/",),
    },
    "linalg.": {"matrices": ("ops/",)},
    "special.": {"special functions": ("ops/",)},
    "nn.functional.": {
        "activations": ("ops/elementwise/", "ops/reduce/"),
        "losses": ("nn/functional/losses",),
        "normalization and dropout": ("nn/functional/normalization", "nn/functional/dropout"),
        "convolution, pooling, resizing": (
            *("nn/functional/convolution", "nn/functional/pooling", "nn/functional/fractional"),
            *("nn/functional/padding", "nn/functional/resizing", "nn/functional/sampling"),
            "ops/windows/",
        ),
        "others": ("",),
    },
}  # the first that fits counts


def namespace(name: str) -> Any:
    """Return the module of a namespace: "" is the package."""
    return attrgetter(f"dg.{name}".rstrip("."))(SimpleNamespace(dg=dg))


def functions_in(space: str) -> dict[str, Any]:
    """Return the public functions of the op set in a namespace, by their full names."""
    return {
        f"{space}{name}": value
        for name, value in vars(namespace(space)).items()
        if inspect.isfunction(value)
        and inspect.unwrap(value).__code__.co_filename.startswith(HOMES)
        and not name.startswith("_")
    }


def defined(path: Path) -> Iterator[str]:
    """Yield the names that a file defines at its top: functions, and what factories make."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


@dataclass(frozen=True)
class Files:
    """Which files of the package define which names."""

    of_names: dict[str, tuple[str, ...]]

    def of(self, function: Any) -> str:
        """Return the file of a function, below the package; a factory's is where it was called."""
        own = Path(inspect.unwrap(function).__code__.co_filename)
        home = own.relative_to(PACKAGE).as_posix()
        files = self.of_names.get(function.__name__, (home,))
        return home if home in files else files[0]


@cache
def function_files() -> Files:
    """Return the index of the op set's files."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(p for home in HOMES for p in Path(home).rglob("*.py")):
        for name in defined(path):
            found[name] = (*found.get(name, ()), path.relative_to(PACKAGE).as_posix())
    return Files(found)


def section(space: str, function: Any) -> str:
    """Return the title under which a function stands."""
    home = function_files().of(function)
    return next(t for t, files in SECTIONS[space].items() if home.startswith(files))


def written() -> str:
    """Return the list as it should be."""
    lines = []
    for space, titles in SECTIONS.items():
        names: dict[str, list[str]] = {title: [] for title in titles}
        for full, function in sorted(functions_in(space).items()):
            names[section(space, function)].append(full.removeprefix(space))
        for title, found in names.items():
            text = f"- `dualgraph.{space}` {title}: {', '.join(found)}"
            lines.append(fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    return "\n".join(lines) + "\n"


def parts(text: str) -> tuple[str, str, str]:
    """Return the README before the list, the list, and what follows."""
    before, _, rest = text.partition(MARKS[0])
    listed, _, after = rest.partition(MARKS[1])
    return before, listed, after


def main(arguments: list[str]) -> None:
    """Print the list, or write it into the README."""
    if arguments != ["--write"]:
        print(written(), end="")
        return
    before, _, after = parts(README.read_text())
    README.write_text(f"{before}{MARKS[0]}{written()}{MARKS[1]}{after}")


if __name__ == "__main__":
    main(sys.argv[1:])
