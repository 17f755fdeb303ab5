"""What the pages say of the tree is true: paths, links, the table of layers, the walks."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import dualgraph as dg
from tests.test_layering import LAYERS

PACKAGE = Path(dg.__file__).parent
ROOT = PACKAGE.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)(?::[\w.<>]+)?`")
GONE = {"decisions.md": {"kernels/", "graph/", "codegen/"}}  # folders that were there once
HOP = re.compile(r"`([\w/]+\.py):([\w.<>]+)`")


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return CODE.sub("", page.read_text())


def paths_in(text: str) -> set[str]:
    """Return what looks like a file or a folder among the words in backticks."""
    found = {match[1] for match in PATH.finditer(text)}
    return {p for p in found if "/" in p or p.endswith((".py", ".md", ".toml", ".json"))}


def exists(path: str, *more: Path) -> bool:
    """Tell whether a path is there: from the root, in the package, or an example's name."""
    places = (ROOT, PACKAGE, ROOT / "examples", *more)
    return any((place / path).exists() for place in places)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_paths_exist(page: Path) -> None:
    assert {p for p in paths_in(prose(page)) if not exists(p)} == GONE.get(page.name, set())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page: Path) -> None:
    links = {link for link in LINK.findall(prose(page)) if "://" not in link}
    assert {link for link in links if not (page.parent / link).exists()} == set()


def section(page: Path, title: str) -> str:
    """Return the text below a heading, down to the next one of its level."""
    level = title.split(" ")[0]
    text = page.read_text().partition(f"\n{title}\n")[2]
    assert text, f"{page.name} has no section {title!r}"
    return re.split(rf"^#{{1,{len(level)}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]


def test_the_folder_list_of_the_readme() -> None:
    listed = re.findall(r"\S+(?:\.py|/)(?=\s|$)", section(ROOT / "README.md", "## The folders"))
    targets = PACKAGE / "targets"
    assert {p for p in listed if not exists(p, targets, targets / "cpu")} == set()
    unsaid = {p.name for p in PACKAGE.iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert unsaid - {p.strip("/") for p in listed} == set()


def test_the_table_of_layers() -> None:
    table = section(ROOT / "docs" / "architecture.md", "## The layers")
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert tuple(tuple(re.findall(r"`(\w+)`", row)) for row in rows) == LAYERS


# --- the walks -----------------------------------------------------------------------------------


def hops(title: str) -> list[tuple[str, str]]:
    """Return the (file, function) of a walk in the order in which the page has them."""
    text = section(ROOT / "docs" / "architecture.md", title)
    numbered = re.findall(r"^\d+\. (.*(?:\n   .*)*)", text, re.MULTILINE)
    return HOP.findall("\n".join(numbered))


@contextmanager
def watching(entered: list[tuple[str, str]]) -> Iterator[None]:
    """Note every function of the package that is entered."""

    def profile(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)):
            file = code.co_filename[len(str(PACKAGE)) + 1 :].removesuffix(": generated")
            entered.append((file, code.co_qualname.replace("<locals>.", "")))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)


def sine() -> list[Callable[[], Any]]:
    x, g = dg.tensor([1.0, 2.0], requires_grad=True), dg.ones(2)
    dg.sin(x).backward(g)  # the loops are there
    x.grad = None
    return [lambda: dg.sin(x).backward(g)]


def compiled() -> list[Callable[[], Any]]:
    f, x = dg.compile(lambda x: dg.sin(x) * 2.0), dg.tensor([1.0, 2.0])
    return [lambda: f(x), lambda: f(x)]


def training() -> list[Callable[[], Any]]:
    w, x = dg.nn.Parameter(dg.ones(3)), dg.tensor([1.0, 2.0, 3.0])
    opt = dg.optim.SGD([w], lr=0.1)

    def step(x: dg.Tensor) -> dg.Tensor:
        opt.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        opt.step()
        return loss

    run = dg.compile(step)
    return [lambda: run(x)]


WALKS = {
    "### A sine, eagerly": sine,
    "### A function, compiled": compiled,
    "### A parameter, through a compiled training step": training,
}


@pytest.mark.parametrize("title", WALKS)
def test_walks(title: str) -> None:
    """The hops are entered in the order in which the page has them."""
    entered: list[tuple[str, str]] = []
    for call in WALKS[title]():
        with watching(entered):
            call()
    walk, at = hops(title), 0
    assert len(walk) > 15
    for hop in walk:
        assert hop in entered[at:], f"{hop} is not entered there"
        at = entered.index(hop, at) + 1


# --- the examples of the pages -------------------------------------------------------------------

RUN = """
import importlib, re, sys
import dualgraph as dg
page = open(sys.argv[1]).read()
for block in re.findall(r"^```python\\n(.*?)^```$", page, re.M | re.S):
    first = block.partition("\\n")[0]
    path = re.fullmatch(r"# ([\\w/]+)\\.py", first)
    space = {"dg": dg}
    if path:
        name = path[1].replace("/", ".")
        try:
            space = vars(importlib.import_module(name))
        except ModuleNotFoundError:  # a file that the reader makes
            module = type(sys)(name)
            sys.modules[name] = module
            space = vars(module)
            space["__package__"] = name.rpartition(".")[0]
            setattr(sys.modules[space["__package__"]], name.rpartition(".")[2], module)
    exec(compile(block, f"{sys.argv[1]}: {first}", "exec"), space)
"""


@pytest.mark.parametrize("name", ["add-an-op.md", "add-a-family.md"])
def test_the_code_of_a_page_runs(name: str) -> None:
    """Each block is run in the module that its first line names, in a process of its own."""
    page = str(ROOT / "docs" / name)
    done = subprocess.run(
        [sys.executable, "-c", RUN, page], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
