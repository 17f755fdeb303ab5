"""Compare the golden programs with the stored hashes, or renew these.

``python -m tests.golden`` lists what moved. ``--renew`` writes the file and lists what moved in it;
it refuses where eager and compiled differ, because then neither is the right one. Say in
CHANGELOG.md what moved and why, in the same commit.
"""

import argparse
import json
import sys

from tests.golden.internals import assembly
from tests.golden.program import COMPILED
from tests.golden.stored import hashes_of, modes_of, moved, renewed, store, stored
from tests.golden.table import PROGRAMS


def main() -> int:
    """Read the command line and run the programs."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("programs", nargs="*", help="names or their beginnings; default: all")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--renew", action="store_true", help="write hashes.json")
    what.add_argument("--digests", action="store_true", help="print hashes as JSON")
    what.add_argument("--assembly", action="store_true", help="print the code of new kernels")
    options = parser.parse_args()
    begun = tuple(options.programs) or ("",)
    names = [name for name in PROGRAMS if name.startswith(begun)]
    if not names:
        parser.error(f"no program is called or begins with {' or '.join(begun)}")
    if options.digests:
        return print_digests(names)
    if options.assembly:
        return print_assembly(names)
    found, differing = renewed(names)
    if differing:
        print("eager and compiled differ:", *differing, sep="\n  ")
        return 2
    rest = {k: v for k, v in stored().items() if k.partition("/")[0] not in names}
    rest = {k: v for k, v in rest.items() if k.partition("/")[0] in PROGRAMS}
    lines = moved(rest | found, stored())
    if options.renew:
        store(rest | found)
    print(f"{len(found)} hashes, {len(lines)} moved", *lines, sep="\n  ")
    return 1 if lines and not options.renew else 0


def print_digests(names: list[str]) -> int:
    """Print what programs end with in each of their modes, for another process to compare."""
    found = {name: [hashes_of(name, mode) for mode in modes_of(name)] for name in names}
    json.dump(found, sys.stdout)
    return 0


def print_assembly(names: list[str]) -> int:
    """Compile programs and print the assembly of the kernels that no cache had."""
    with assembly() as texts:
        for name in names:
            hashes_of(name, COMPILED)
    print(*texts, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
