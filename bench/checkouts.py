"""Run a module of this folder with the package of another checkout.

Workloads (examples, models, cases) are then those of this checkout, whatever version runs them.
Byte code goes to the cache folder, so that the other checkout is only read.
"""

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The package is imported before this checkout is on the path: its submodules follow it.
_START = """{before}
import sys, dualgraph
sys.path.insert(0, {root!r})
from {module} import main
main({arguments})
"""


def command(module: str, arguments: list[str], before: str = "") -> list[str]:
    """Return the command line that calls ``main(arguments)`` of a module of this checkout.

    ``before`` is code that runs first, when the package is not yet imported.
    """
    names = {"root": str(ROOT), "module": module, "arguments": arguments, "before": before}
    return python(_START.format_map(names))


def python(code: str) -> list[str]:
    """Return the command line of some code; nothing but ``PYTHONPATH`` says what it imports."""
    return [sys.executable, "-P", "-c", code]


def environment(checkout: Path, caches: Path, **more: str) -> dict[str, str]:
    """Return the environment in which the package is that of the checkout, on one thread.

    Raises `SystemExit` where there is none. Kernels are cached in a folder for each checkout.
    """
    if not (checkout / "dualgraph" / "__init__.py").exists():
        raise SystemExit(f"{checkout}: no package dualgraph in there")
    name = hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:8]
    return {
        **os.environ,
        "PYTHONPATH": str(checkout.resolve()),
        "PYTHONPYCACHEPREFIX": str(caches.resolve() / "bytecode"),
        "DUALGRAPH_CACHE": str(caches.resolve() / f"{checkout.resolve().name}-{name}"),
        "DUALGRAPH_NUM_THREADS": "1",
        **more,
    }
