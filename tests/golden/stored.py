"""The file of hashes, and how what a program ends with is compared with it."""

import json
from collections.abc import Iterable
from pathlib import Path

import dualgraph as dg
from tests.golden.digest import digest
from tests.golden.program import COMPILED, EAGER, Mode
from tests.golden.table import EAGER_ONLY, PROGRAMS

PATH = Path(__file__).parent / "hashes.json"
Hashes = dict[str, str]  # "program/result" -> hash


def stored() -> Hashes:
    """Return the pinned hashes."""
    return json.loads(PATH.read_text())


def store(hashes: Hashes) -> None:
    """Write the file, one line for each result, in order."""
    PATH.write_text(json.dumps(hashes, indent=0, sort_keys=True) + "\n")


def stored_of(name: str, hashes: Hashes) -> Hashes:
    """Return the hashes of one program."""
    return {k: v for k, v in hashes.items() if k.partition("/")[0] == name}


def modes_of(name: str) -> tuple[Mode, ...]:
    """Return the modes in which a program runs."""
    return (EAGER,) if name in EAGER_ONLY else (EAGER, COMPILED)


def hashes_of(name: str, mode: Mode) -> Hashes:
    """Run a program and return its hashes; the generator is seeded first."""
    dg.manual_seed(0)
    results = PROGRAMS[name](mode)
    return {f"{name}/{part}": digest(value) for part, value in results.items()}


def moved(found: Hashes, pinned: Hashes) -> list[str]:
    """Return one line for each hash that is another, missing or new."""
    names = sorted(found.keys() | pinned.keys())
    return [
        f"{name}: {pinned.get(name, 'nothing')} -> {found.get(name, 'nothing')}"
        for name in names
        if found.get(name) != pinned.get(name)
    ]


def renewed(names: Iterable[str]) -> tuple[Hashes, list[str]]:
    """Return the hashes of programs, and where eager and compiled differ."""
    found: Hashes = {}
    differing: list[str] = []
    for name in names:
        first, *others = (hashes_of(name, mode) for mode in modes_of(name))
        found |= first
        differing += [line for other in others for line in moved(other, first)]
    return found, differing
