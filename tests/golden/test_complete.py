"""The golden programs leave nothing out: ops, functions, layers, optimizers, examples."""

from typing import Any

import pytest

import dualgraph as dg
from dualgraph import linalg, nn, optim
from dualgraph.optim import lr_scheduler
from tests.core.readme import README, parts
from tests.golden import example_programs, large_programs, layer_programs, optimizer_programs
from tests.golden.inputs import real
from tests.golden.internals import library_ops, op_names, shares_rows, watched
from tests.golden.program import EAGER, Mode
from tests.golden.recorded_programs import PARTS, words
from tests.golden.stored import hashes_of
from tests.golden.table import PROGRAMS

REST_ON_LAPACK = {"pinv": lambda x: linalg.pinv(x)}  # ops made of ops whose bits are a library's
NO_LAYERS = {"Module", "RNNBase", "RNNCellBase"}  # only what others are derived from
NO_BITS = {"allclose", "equal", "empty", "empty_like"}  # a Python bool, or any bits at all
LAPACK_FUNCTIONS = {
    "cond", "eigh", "eigvalsh", "lstsq", "matrix_rank", "pinv", "pinverse", "svd", "svdvals",
}  # fmt: skip
ELSEWHERE = {"multi_head_attention_forward"}  # the layer is pinned


def test_every_op_runs_in_some_program() -> None:
    with watched() as seen:
        for name in PROGRAMS:
            if not name.startswith(("examples", "layers", "optimizers", "large")):
                hashes_of(name, EAGER)
    assert op_names() - seen - library_ops() == set(REST_ON_LAPACK)
    assert seen & library_ops() == set()


@pytest.mark.parametrize("name", REST_ON_LAPACK)
def test_what_is_left_out_rests_on_lapack(name: str) -> None:
    with watched() as seen:
        REST_ON_LAPACK[name](real((3, 2), 1))
    assert seen & library_ops()


def test_the_ops_of_lapack_are_these() -> None:
    assert library_ops() == {"eigh", "eigvalsh", "svd", "svdvals"}


def classes(space: Any, base: type) -> set[str]:
    """Return the public classes derived from one."""
    kinds = {n: k for n, k in vars(space).items() if isinstance(k, type) and not n.startswith("_")}
    return {n for n, k in kinds.items() if issubclass(k, base) and k is not base}


def test_every_layer_is_trained() -> None:
    made = {
        type(part).__name__
        for benches in layer_programs.GROUPS.values()
        for make in benches.values()
        for part in make().modules()
    }
    lazy = {name for benches in layer_programs.GROUPS.values() for name in benches}
    assert (
        classes(nn, nn.Module) - made - {n for n in lazy if n.startswith("Lazy")} - NO_LAYERS
        == set()
    )


def test_every_optimizer_and_schedule_steps() -> None:
    used = {name for name, _ in optimizer_programs.OPTIMIZERS.values()} | {"LBFGS"}
    assert used == classes(optim, optim.Optimizer)
    schedules = {
        name
        for name, kind in vars(lr_scheduler).items()
        if isinstance(kind, type) and hasattr(kind, "get_last_lr") and "LRScheduler" not in name
    }
    assert set(optimizer_programs.SCHEDULES) == schedules


def test_every_example_runs() -> None:
    files = {path.stem for path in example_programs.FOLDER.glob("*.py")}
    assert set(example_programs.FILES) == files
    pages = {path.stem for path in (example_programs.FOLDER / "tour").glob("*.py")}
    assert set(example_programs.SNIPPETS) == pages


def documented() -> set[str]:
    """Return the functions that the README lists, without their namespaces."""
    listed = parts(README.read_text())[1]
    return {
        name.strip()
        for entry in listed.split("`dualgraph.")[1:]
        for name in entry.partition(":")[2].partition("\n-")[0].replace("\n", " ").split(",")
    }


def test_every_function_is_called() -> None:
    left = documented() - words() - PARTS.keys() - NO_BITS - LAPACK_FUNCTIONS - ELSEWHERE
    assert {name for name in left if not is_alias(name)} == set()


def is_alias(name: str) -> bool:
    """Return whether a function is one that is called under another name."""
    spaces = (dg, nn.functional, linalg, dg.special)
    functions = [getattr(space, name) for space in spaces if hasattr(space, name)]
    used = words()
    return all(
        any(other is function and n in used for space in spaces for n, other in vars(space).items())
        for function in functions
    )


def test_large_programs_are_shared_between_threads() -> None:
    made = []

    class Watched(Mode):
        def wrap(self, function: Any) -> Any:
            made.append(dg.compile(function))
            return made[-1]

    for program in large_programs.PROGRAMS.values():
        program(Watched(compiled=True))
    assert len(made) == len(large_programs.PROGRAMS)
    assert all(shares_rows(compiled) for compiled in made)
