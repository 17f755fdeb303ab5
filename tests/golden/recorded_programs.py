"""Element-wise functions that no program names: each is called here, as its op says it is public.

Today there is none. A new op with one operand or two needs no program of its own: its hashes come
with ``python -m tests.golden --renew``.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dualgraph.ops.public import ENTRIES, Entry
from tests.golden.elementwise_programs import binary_pool
from tests.golden.program import Part, Program, families

HERE = Path(__file__).parent
OPERANDS = {("input",): "x", ("input", "other"): "x y"}


@cache
def words() -> frozenset[str]:
    """Return every name that the programs use, and every word of their texts."""
    found: set[str] = set()
    for path in HERE.glob("*_programs.py"):
        if path != Path(__file__):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    found.add(node.attr)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.update(node.value.split())
    return frozenset(found)


def part(function: Any, operands: str) -> Part:
    """Return the call of a function with operands of the pool."""
    return lambda p: function(*(getattr(p, o) for o in operands.split()))


def unnamed() -> Iterator[tuple[Entry, str]]:
    """Yield the functions that no program names, with their operands."""
    for entry in ENTRIES:
        signature = inspect.signature(entry.function)
        operands = OPERANDS.get(tuple(signature.parameters))
        tensor = signature.return_annotation is not bool
        if operands and tensor and not {n.rpartition(".")[2] for n in entry.names} & words():
            yield entry, operands


PARTS = {entry.names[0]: part(entry.function, operands) for entry, operands in unnamed()}
PROGRAMS: dict[str, Program] = families("elementwise.recorded", PARTS, binary_pool) if PARTS else {}
