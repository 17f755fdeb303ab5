"""The text of every kernel that the examples, `tests/models` and some op programs are compiled to.

Run: ``python -m bench.kernel_texts OUT`` writes it to a folder, ``--of CHECKOUT`` with the package
of another checkout, so that ``diff -r`` of two such folders shows what a change did to generated
code. ``python -m bench.kernel_texts --compare OLD NEW`` prints a summary of two folders, and exits
with 1 where they differ. Nothing is timed.

Each program has a folder: ``calls.txt`` has the calls in order with their numbers of items,
``blocks.txt`` the scratch memory and, for each call, the chunk and the numbers that its kernel
gets (``*`` is an address), and ``k000.py`` and so on are its distinct kernels in the order of their
first call. Programs of a trace that run only in a backward pass outside of it are called
``other``. Names are canonical: kernels are numbered instead of hashed, imports from our own modules
are reduced to what is imported, and the lines that say which nodes a call computes are left out.
What eager compiles for itself is not part of it.
"""

import argparse
import ast
import difflib
import gc
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dualgraph as dg
from bench.checkouts import command, environment
from bench.op_programs import op_programs
from bench.workloads import MODELS, RUNS, recorded, refuse_forgotten

Texts = dict[str, str]  # by file name
LINES = 60  # of a diff that are printed
ADDRESSES = range(1 << 40, 1 << 48)  # some blocks have the address of a table that lives forever


def canonical(text: str, numbers: dict[str, str]) -> str:
    """Return a kernel or a list of calls with kernels renamed and imports reduced to names."""
    for name, number in numbers.items():
        text = re.sub(rf"\b{re.escape(name)}\b", number, text)
    return re.sub(r"^from dualgraph[\w.]* import ", "import ", text, flags=re.MULTILINE)


def texts_of(program: Any) -> Texts:
    """Return the files of one program."""
    kernels = program.kernels
    numbers = {kernel.name: f"k{i:03}" for i, kernel in enumerate(kernels)}
    calls = program.source.partition("\n\n\n")[0].splitlines()
    calls = [canonical(line, numbers) for line in calls if not line.startswith("# ")]
    blocks = [f"{program.arena_bytes} bytes of scratch memory"]
    for row in program.rows:
        words = " ".join(map(_word, row.arguments))
        blocks.append(f"{numbers.get(row.name, row.name)} by {row.grain}: {words}")
    texts = {"calls.txt": calls, "blocks.txt": blocks}
    return {name: "\n".join([*lines, ""]) for name, lines in texts.items()} | {
        f"{numbers[k.name]}.py": canonical(k.source, {"KERNEL": "kernel", k.name: "kernel"})
        for k in kernels
    }


def _word(argument: Any) -> str:
    plain = isinstance(argument, int) and argument not in ADDRESSES
    return str(argument) if plain else "*"


class Found:
    """The programs that were written, and those that exist beside them."""

    def __init__(self) -> None:
        self.kind: type | None = None
        self.seen: dict[int, Any] = {}  # by id, and kept alive for it

    def of_traces(self, traces: list[Any]) -> Iterator[Texts]:
        """Yield the texts of the programs of traces."""
        for trace in traces:
            self.kind = type(trace.program)
            self.seen[id(trace.program)] = trace.program
            yield texts_of(trace.program)

    def others(self) -> list[Texts]:
        """Return the texts of the programs that are alive and that no trace has, in one order."""
        gc.collect()
        alive = [x for x in gc.get_objects() if type(x) is self.kind and id(x) not in self.seen]
        self.seen |= {id(program): program for program in alive}
        return sorted(map(texts_of, alive), key=lambda texts: sorted(texts.items()))


def programs_of(unit: str, found: Found) -> Iterator[tuple[str, Texts]]:
    """Run an example or a model; yield the folder and the files of each of its programs."""
    for record in recorded(unit):
        for i, texts in enumerate(found.of_traces(record.compiled.traces)):
            yield f"{record.name} trace {i}", texts
    for i, texts in enumerate(found.others()):
        yield f"{unit}/other {i}", texts


def all_programs() -> Iterator[tuple[str, Texts]]:
    """Yield the folder and the files of each program."""
    found = Found()
    for unit in (*RUNS, *MODELS):
        yield from programs_of(unit, found)
    for name, (compiled, arguments) in op_programs().items():
        compiled(*arguments)
        for texts in found.of_traces(compiled.traces):
            yield f"ops/{name}", texts
    for i, texts in enumerate(found.others()):
        yield f"ops/other {i}", texts


def write(out: Path) -> None:
    """Write the files of all programs; raise `SystemExit` when the folder has something in it."""
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} is not empty")
    refuse_forgotten()
    dg.set_num_threads(1)
    programs = kernels = 0
    for folder, texts in all_programs():
        place = out / re.sub(r"[^\w/\[\]]", "_", folder)
        place.mkdir(parents=True)
        for name, text in texts.items():
            (place / name).write_text(text)
        programs, kernels = programs + 1, kernels + sum(name[0] == "k" for name in texts)
    print(f"{programs} programs with {kernels} kernels, by {Path(dg.__file__).parent}")


class _Locals(ast.NodeTransformer):
    """Numbers the local variables of a kernel in the order in which they appear."""

    def __init__(self, tree: ast.AST) -> None:
        bound = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _binds(n)]
        bound += [n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)]
        self.bound = set(bound)
        self.numbers: dict[str, str] = {}

    def _number(self, name: str) -> str:
        return self.numbers.setdefault(name, f"x{len(self.numbers)}")

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Rename a parameter."""
        node.arg = self._number(node.arg)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename a variable; what is imported keeps its name."""
        if node.id in self.bound:
            node.id = self._number(node.id)
        return node


def _binds(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def nameless(text: str) -> str:
    """Return a kernel without comments, its local variables numbered.

    >>> nameless("def k(args, lo):\\n    a = ptr(args)  # words\\n    return a[lo]")
    'def k(x0, x1):\\n    x2 = ptr(x0)\\n    return x2[x1]'
    """
    tree = ast.parse(text)
    return ast.unparse(_Locals(tree).visit(tree))


def read(folder: Path) -> Texts:
    """Return all files below a folder; raise `SystemExit` when there are none."""
    texts = {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*.*"))}
    if not texts:
        raise SystemExit(f"{folder}: nothing was written there")
    return texts


def difference(name: str, old: Texts, new: Texts) -> Iterator[str]:
    """Yield the lines of a diff of one file, the longest cut off."""
    a, b = (texts.get(name, "").splitlines() for texts in (old, new))
    diff = list(difflib.unified_diff(a, b, f"OLD/{name}", f"NEW/{name}", lineterm=""))
    yield from diff[:LINES]
    if len(diff) > LINES:
        yield f"... and {len(diff) - LINES} lines more"


def counted(what: str, names: Iterable[str], old: Texts, new: Texts) -> str:
    """Return how many of the files with these names are equal, differ, or are in one folder."""
    names = list(names)
    both = [n for n in names if n in old and n in new]
    equal = sum(old[n] == new[n] for n in both)
    only = [sum(n not in texts for n in names) for texts in (new, old)]
    return (
        f"{what}: {equal} equal, {len(both) - equal} differ, "
        f"{only[0]} only in OLD, {only[1]} only in NEW"
    )


def kernels_of(texts: Texts) -> set[str]:
    """Return the distinct kernels, wherever they are called, without local names and comments."""
    return {nameless(text) for name, text in texts.items() if name.endswith(".py")}


def distinct(old: set[str], new: set[str]) -> str:
    """Return how many distinct kernels are in both, in OLD and in NEW."""
    return (
        f"distinct kernels, without local names and comments: {len(old & new)} in both, "
        f"{len(old - new)} only in OLD, {len(new - old)} only in NEW"
    )


def compare(old: Texts, new: Texts) -> list[str]:
    """Return the lines of a summary, and the first file of each kind that differs."""
    names = sorted(old | new)
    differing = [n for n in names if old.get(n) != new.get(n)]
    known = kernels_of(old)
    lines = [distinct(known, kernels_of(new))]
    for what, ending in (("kernels", ".py"), ("calls", "calls.txt"), ("blocks", "blocks.txt")):
        lines.append(counted(what, [n for n in names if n.endswith(ending)], old, new))
        found = [n for n in differing if n.endswith(ending)]
        if ending == ".py":  # one that differs in more than names comes first
            found.sort(key=lambda n: n not in new or nameless(new[n]) in known)
        lines += ["", *difference(found[0], old, new), ""] if found else []
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Write a folder or compare two of them."""
    parser = argparse.ArgumentParser(prog="bench.kernel_texts")
    parser.add_argument("out", type=Path, nargs="?", help="folder to write to")
    parser.add_argument("--of", type=Path, metavar="CHECKOUT", help="whose package is used")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("OLD", "NEW"))
    given = parser.parse_args(arguments)
    if given.compare:
        old, new = map(read, given.compare)
        print("\n".join(compare(old, new)))
        raise SystemExit(old != new)
    if given.out is None:
        parser.error("say where to write, or what to compare")
    if given.of is None:
        write(given.out)
        return
    caches = Path(os.environ.get("DUALGRAPH_CACHE") or tempfile.gettempdir())
    line = command("bench.kernel_texts", [str(given.out.resolve())])
    raise SystemExit(subprocess.run(line, env=environment(given.of, caches)).returncode)


if __name__ == "__main__":
    main()
