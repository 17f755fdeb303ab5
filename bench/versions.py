"""Two versions of the package side by side: compile times, eager calls, compiled calls, import.

Run: ``python -m bench.versions OLD NEW`` with the paths of two checkouts (the workloads are those
of this one). Prints ratios NEW / OLD: above 1, the new version is slower.

- compile: ``trace.timings`` of the examples' compiled functions and of `tests/models`, with all
  kernels in memory, so that LLVM is not measured; and the time of the whole `prepare`. The phases
  are in CPU time: in the workers `time.perf_counter` is `time.process_time`.
- eager: one recorded small op (`bench.eager_overhead`), forward and backward; composites; the step
  of an MLP. compiled: the cases of `bench.calls`, and that step. One thread, the CPU time.
- import: the CPU time of ``import dualgraph`` in a new process, alone and after Numba's own import.

Processes differ by some percent in where their memory lies, and the machine's speed drifts. So each
round starts new processes, one for each side, that run short blocks in turns, and ratios are taken
between neighbours in time. A second process of OLD takes part: its ratio is the floor of the noise.
Results are compared first, bit for bit; kernels come from a cache that a first, unmeasured round
has filled.

Columns: time of OLD (the least block; median over rounds); NEW / OLD of the least blocks (median
over rounds, and between the lowest and highest round); NEW / OLD of neighbouring blocks (median and
quartiles); the floor, OLD again / OLD, as medians of both kinds; and NEW / OLD of the instructions
of Python's interpreter in one call, which have no noise (there, a backward has its forward).
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import geometric_mean, median, quantiles
from typing import Any, NamedTuple

from bench.checkouts import command, environment, python

GROUPS = ("compile", "eager", "compiled", "import")
BLOCK_SECONDS = 0.01
CLOCK = "import time; time.perf_counter = time.process_time"
IMPORT = """
from time import process_time
{before}
start = process_time()
import dualgraph
print(process_time() - start)
"""
IMPORTS = {"import": "", "import, after Numba": "import numba, numpy"}

Samples = dict[str, list[list[float]]]  # by side: blocks by round
Results = dict[str, Samples]  # by "group: case: what"
COUNTED = "bytecodes"  # what is counted once, and not in seconds


class Worker:
    """A process that measures one side; see `bench.version_worker`."""

    def __init__(self, groups: list[str], setting: dict[str, str]) -> None:
        line = command("bench.version_worker", groups, CLOCK)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, env=setting, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()  # the end of its input ends it

    def answer(self) -> Any:
        """Read a line; raise `SystemExit` when the process has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a worker ended: see its error above")
        return json.loads(line)

    def measure(self, case: str, count: int) -> dict[str, float]:
        """Run one block and return seconds per call."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([case, count]) + "\n")
        self.process.stdin.flush()
        return self.answer()


class Plan(NamedTuple):
    """What to measure: the checkout of each side, and how often."""

    checkouts: dict[str, Path]
    caches: Path
    groups: list[str]
    rounds: int
    blocks: int

    def setting(self, side: str, seed: int) -> dict[str, str]:
        """Return the environment of a side; in one round all have the same hash seed."""
        return environment(self.checkouts[side], self.caches, PYTHONHASHSEED=str(seed))


def ready(workers: dict[str, Worker], plan: Plan) -> list[str]:
    """Wait for all workers and return their cases; raise `SystemExit` where results differ."""
    answers = {side: worker.answer() for side, worker in workers.items()}
    for side, answer in answers.items():
        if Path(answer["package"]) != plan.checkouts[side].resolve():
            raise SystemExit(f"{side}: the package was imported from {answer['package']}")
    first = answers["OLD"]["results"]
    for side, answer in answers.items():
        results = answer["results"]
        differing = [k for k in {**first, **results} if first.get(k) != results.get(k)]
        if differing:
            raise SystemExit(f"{side} and OLD differ in the results of: {', '.join(differing)}")
    return list(first)


def one_round(plan: Plan, seed: int, counts: dict[str, int]) -> Results:
    """Measure all cases in turns, in new processes."""
    found: Results = {}
    with ExitStack() as stack:
        workers = {
            side: stack.enter_context(Worker(plan.groups, plan.setting(side, seed)))
            for side in plan.checkouts
        }
        for case in ready(workers, plan):
            if case not in counts:
                counts[case] = calibrated(workers["OLD"], case)
                found[f"{case}: {COUNTED}"] = {
                    side: [[worker.measure(case, 0)[COUNTED]]] for side, worker in workers.items()
                }
            blocks = max(3, plan.blocks // 4) if case.startswith("compile") else plan.blocks
            for block in range(blocks):
                for side in in_turn(list(workers), block + seed):
                    seconds = workers[side].measure(case, counts[case])
                    for what, value in seconds.items():
                        sides = found.setdefault(f"{case}: {what}", {})
                        sides.setdefault(side, [[]])[0].append(value)
    return found


def in_turn(sides: list[str], block: int) -> list[str]:
    """Return the sides in another order for each block, so that none is always the first."""
    shift = block % len(sides)
    turned = sides[shift:] + sides[:shift]
    return turned[::-1] if block // len(sides) % 2 else turned


def calibrated(worker: Worker, case: str) -> int:
    """Return how many calls make up a block."""
    seconds = worker.measure(case, 3)
    whole = next(seconds[k] for k in ("all, cpu", "cpu") if k in seconds)
    each = 200 if "small op" in case else 1
    return max(1, round(BLOCK_SECONDS / whole / each))


def import_round(plan: Plan, seed: int) -> Results:
    """Measure imports in new processes."""
    found: Results = {}
    for name, before in IMPORTS.items():
        for block in range(2):
            for side in in_turn(list(plan.checkouts), block + seed):
                line = python(IMPORT.format(before=before))
                taken = subprocess.check_output(line, env=plan.setting(side, seed))
                sides = found.setdefault(f"import: {name}: cpu", {})
                sides.setdefault(side, [[]])[0].append(float(taken))
    return found


def measured(plan: Plan) -> Iterator[Results]:
    """Fill the caches in a round that does not count, then measure; yield all after each round."""
    found: Results = {}
    counts: dict[str, int] = {}
    own = plan._replace(groups=[g for g in plan.groups if g != "import"])
    fill(own)
    for seed in range(1, plan.rounds + 1):
        rounds = [one_round(own, seed, counts)] if own.groups else []
        rounds += [import_round(plan, seed)] if "import" in plan.groups else []
        for name, sides in (item for part in rounds for item in part.items()):
            for side, blocks in sides.items():
                found.setdefault(name, {}).setdefault(side, []).extend(blocks)
        yield found


def fill(plan: Plan) -> None:
    """Let each checkout compile what it needs, one after the other."""
    for side in ("OLD", "NEW"):
        with Worker(plan.groups, plan.setting(side, 0)) as worker:
            worker.answer()


class Ratio(NamedTuple):
    """One side against OLD."""

    least: list[float]  # of each round, from the least blocks
    pairs: list[float]  # of neighbouring blocks

    @property
    def both(self) -> tuple[float, float]:
        """The medians of both kinds."""
        return median(self.least), median(self.pairs)


def ratio(samples: Samples, side: str) -> Ratio:
    """Return the ratios of a side to OLD."""
    rounds = list(zip(samples["OLD"], samples[side], strict=True))
    return Ratio(
        [min(new) / min(old) for old, new in rounds],
        [b / a for old, new in rounds for a, b in zip(old, new, strict=True)],
    )


def line_of(name: str, results: Results) -> str:
    """Return the line of one case."""
    samples = results[name]
    new, floor = ratio(samples, "NEW"), ratio(samples, "OLD again")
    low, _, high = quantiles(new.pairs, n=4, method="inclusive")
    old = median(min(blocks) for blocks in samples["OLD"])
    line = (
        f"{name:50} {old * 1e6:10.2f} us  "
        f"{new.both[0]:6.3f} [{min(new.least):.3f} {max(new.least):.3f}]  "
        f"{new.both[1]:6.3f} [{low:.3f} {high:.3f}]  "
        f"floor {floor.both[0]:.3f} {floor.both[1]:.3f}"
    )
    counted = results.get(f"{name.rpartition(': ')[0]}: {COUNTED}")
    if counted is None or not name.endswith("cpu"):
        return line
    return f"{line}  {COUNTED} {ratio(counted, 'NEW').both[0]:.4f}"


def groups_of(results: Results) -> dict[str, list[str]]:
    """Return the names of the cases by group and by what was measured."""
    found: dict[str, list[str]] = {}
    for name in results:
        group, what = name.split(": ")[0], name.split(": ")[-1]
        found.setdefault(f"{group}: {what}", []).append(name)
    return found


def summary(results: Results) -> Iterator[str]:
    """Yield a line for each group: geometric means over its cases."""
    for group, names in groups_of(results).items():
        new = means([ratio(results[name], "NEW") for name in names])
        floor = means([ratio(results[name], "OLD again") for name in names])
        yield f"{group:24} {len(names):3} cases   {new}   floor: {floor}"


def means(ratios: list[Ratio]) -> str:
    """Return the geometric means over cases: of the least blocks by round, of neighbours in all."""
    rounds = [geometric_mean(values) for values in zip(*(r.least for r in ratios), strict=True)]
    pairs = [r.both[1] for r in ratios]
    return (
        f"least {median(rounds):.3f} [{min(rounds):.3f} {max(rounds):.3f}]   "
        f"pairs {geometric_mean(pairs):.3f} (highest {max(pairs):.3f})"
    )


def shown(name: str) -> bool:
    """Tell whether a case has a line of its own: wall-clock times are in the summary alone."""
    return not name.endswith(("wall", COUNTED))


def store(path: Path, plan: Plan, results: Results) -> None:
    """Write every sample, in seconds by round, and where each side comes from."""
    checkouts = {side: str(checkout) for side, checkout in plan.checkouts.items()}
    path.write_text(json.dumps({"checkouts": checkouts, "seconds": results}))


def main(arguments: list[str] | None = None) -> None:
    """Measure; print the groups after each round, and in the end the cases."""
    parser = argparse.ArgumentParser(prog="bench.versions")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--blocks", type=int, default=24, help="of each case and side in a round")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--json", type=Path, help="file that gets every sample, in seconds")
    parser.add_argument(
        "--caches", type=Path, default=Path(tempfile.gettempdir()) / "dualgraph-versions"
    )
    given = parser.parse_args(arguments)
    checkouts: dict[str, Path] = {"OLD": given.old, "NEW": given.new, "OLD again": given.old}
    plan = Plan(checkouts, given.caches, given.only, given.rounds, given.blocks)
    results: Results = {}
    for number, results in enumerate(measured(plan), 1):
        lines = [f"after {number} of {given.rounds} rounds", *summary(results), ""]
        print("\n".join(lines), flush=True)
        if given.json:
            store(given.json, plan, results)
    print("\n".join(line_of(name, results) for name in results if shown(name)))


if __name__ == "__main__":
    main()
