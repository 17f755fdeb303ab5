"""What namespaces and the Tensor class list agrees with what element-wise ops say of themselves."""

import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dualgraph as dg
from dualgraph.ops.public import ENTRIES, Entry, Surface, as_function, entered, fill_in
from tests.core.readme import NAMESPACES, function_files, functions_in, namespace

FOLDER = "ops/elementwise/"
OTHER_WISE = {
    "where": "the tensor is the second argument of the function",
    "polygamma": "the tensor is the second argument of the function",
    "polygamma_": "the tensor is the second argument of the function",
    "float_power_": "refuses what is not float64",
    "long": "a cast, which is no function",
}  # methods written by hand


def origin(function: Any) -> Any:
    """Return what stands behind guards, in-place forms and wrappers."""
    return inspect.unwrap(function)


def element_wise() -> set[Any]:
    """Return the functions that the files of element-wise ops define."""
    files = function_files()
    found = set()
    for space in NAMESPACES:
        for function in functions_in(space).values():
            if files.of(function).startswith(FOLDER):
                found.add(origin(function))
    return found


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.names[0])
def test_what_an_op_says_is_there(entry: Entry) -> None:
    """Under each name its function, with documentation; the method and the in-place form too."""
    assert inspect.getdoc(entry.function)
    for full in entry.names:
        head, _, name = full.rpartition(".")
        found = vars(namespace(head))[name]
        assert origin(found) is origin(entry.function), full
        assert pickle.loads(pickle.dumps(found)) is found, full
    for name in (*entry.methods, *entry.in_place_forms):
        assert origin(getattr(dg.Tensor, name)) is origin(entry.function), name


def methods() -> Iterator[tuple[str, Any]]:
    """Yield the named methods of a tensor that are functions."""
    for name in dir(dg.Tensor):
        if not name.startswith("_") and inspect.isfunction(getattr(dg.Tensor, name)):
            yield name, getattr(dg.Tensor, name)


def test_what_is_listed_is_what_ops_say() -> None:
    """No namespace and no class of methods has an element-wise function that says otherwise."""
    known = {name: origin(e.function) for e in ENTRIES for name in e.names}
    said = {n: origin(e.function) for e in ENTRIES for n in (*e.methods, *e.in_place_forms)}
    own = element_wise() | set(known.values())
    for space in NAMESPACES:
        for name, function in functions_in(space).items():
            if origin(function) in own:
                assert known.get(name) is origin(function), f"{name} is listed but not said"
    for name, method in methods():
        if origin(method) in own and name not in OTHER_WISE:
            assert said.get(name) is origin(method), f"Tensor.{name} is listed but not said"
    assert not OTHER_WISE.keys() & said.keys()


def test_the_folder_of_element_wise_ops_is_seen() -> None:
    """The comparison above is of more than nothing."""
    assert len(element_wise()) == len(ENTRIES) > 140


def test_a_name_is_entered_once() -> None:
    """A second op under a public name is refused where it is defined."""

    def sine(input: Any) -> Any:
        return input

    before = list(ENTRIES)
    for at in (Surface(name="sin"), as_function("special.erf")):
        with pytest.raises(TypeError, match=r"the public name (sin|special\.erf) is defined twice"):
            entered(sine, at)
    assert before == ENTRIES


def test_a_namespace_keeps_what_it_lists() -> None:
    """Only what is missing is filled in, under names without the namespace."""
    names: dict[str, Any] = {"erf": None}
    fill_in(names, "special.")
    assert names["erf"] is None
    assert origin(names["gammaln"]) is origin(dg.lgamma)
    assert "sin" not in names
    assert Path(inspect.getfile(entered)).name == "public.py"
