"""Models and training steps written for PyTorch; in these files only the imports name dualgraph."""

import sys
import types
from pathlib import Path
from typing import Any

import dualgraph

_IMPORTS = (  # all that is changed to make a file PyTorch's
    ("import dualgraph as torch", "import torch"),
    ("import dualgraph.", "import torch."),
    ("from dualgraph", "from torch"),
)


def load(name: str, library: Any = dualgraph) -> types.ModuleType:
    """Run a model's file with dualgraph or with PyTorch, and return its module."""
    path = Path(__file__).with_name(f"{name}.py")
    source = path.read_text()
    if library is not dualgraph:
        for ours, theirs in _IMPORTS:
            source = source.replace(ours, theirs)
    module = types.ModuleType(f"{name} with {library.__name__}")
    sys.modules[module.__name__] = module  # where dataclasses look their module up
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module
