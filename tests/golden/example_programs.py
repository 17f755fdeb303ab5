"""Every example over 20 steps: the files themselves, with less data and smaller models.

What an example computes for people with the C library (perplexities, closed forms) is left out.
"""

import contextlib
import io
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import dualgraph as dg
from dualgraph import optim
from dualgraph.datasets import digits_split
from tests.golden.inputs import real
from tests.golden.program import Mode, Program, Results

FOLDER = Path(__file__).parents[2] / "examples"


def names_of(example: str, **changed: Any) -> dict[str, Any]:
    """Run a file as a module, change some of its globals, and return them."""
    with contextlib.redirect_stdout(io.StringIO()):
        names = runpy.run_path(str(FOLDER / f"{example}.py"))
    functions = [v for v in names.values() if isinstance(v, FunctionType)]
    scope = next(f.__globals__ for f in functions if f.__globals__["__file__"] == names["__file__"])
    scope.update(changed)
    return scope


def digits(count: int) -> Callable[[], Any]:
    """Return what stands in for the whole data set: its first images."""

    def split() -> Any:
        images, labels, test_images, test_labels = digits_split()
        return images[:count], labels[:count], test_images[:100], test_labels[:100]

    return split


def state(model: Any) -> dict[str, Any]:
    """Return parameters and buffers by name."""
    return dict(model.state_dict())


def black_scholes(mode: Mode) -> Results:
    """Prices and greeks, gradients of gradients among them."""
    names = names_of("black_scholes")
    columns, _ = names["main"](eager=not mode.compiled)
    return dict(zip(names["NAMES"], columns, strict=True))


def char_gpt(mode: Mode) -> Results:
    """A small GPT, and what it writes."""
    losses, unseen, text, model = names_of("char_gpt")["main"](
        eager=not mode.compiled, steps=20, context=16, width=16, heads=2, layers=1, count=5
    )
    return {"losses": losses, "unseen": unseen, "text": text, "model": state(model)}


def digits_cnn(mode: Mode) -> Results:
    """One epoch of 20 batches."""
    names = names_of("digits_cnn", EPOCHS=1, digits_split=digits(640))
    figures, model, _ = names["main"](eager=not mode.compiled)
    return {"figures": figures, "model": state(model), "generator": dg.get_rng_state()}


def digits_lbfgs(mode: Mode) -> Results:
    """At most 20 iterations."""
    short = SimpleNamespace(LBFGS=lambda p, **o: optim.LBFGS(p, **{**o, "max_iter": 20}))
    names = names_of("digits_lbfgs", optim=short, digits_split=digits(320))
    figures, model = names["main"](eager=not mode.compiled)
    return {"figures": figures, "model": state(model)}


def digits_logistic(mode: Mode) -> Results:
    """Two epochs of 10 batches."""
    run = names_of("digits_logistic", digits_split=digits(320))["Run"](eager=not mode.compiled)
    loss = run.train(2)
    kept = [state(run.model), run.order.get_state()]
    return {"figures": [loss, run.accuracy()], "state": kept}


def digits_mlp(mode: Mode) -> Results:
    """One epoch of 20 batches."""
    names = names_of("digits_mlp", EPOCHS=1, digits_split=digits(640))
    return {"figures": names["main"](eager=not mode.compiled)}


def digits_vae(mode: Mode) -> Results:
    """One epoch of 20 batches."""
    names = names_of("digits_vae", EPOCHS=1, digits_split=digits(1280))
    figures, model = names["main"](eager=not mode.compiled)
    return {"figures": figures, "model": state(model), "generator": dg.get_rng_state()}


def lstm_language_model(mode: Mode) -> Results:
    """Twenty pieces of the text."""
    losses, _, _, model = names_of("lstm_language_model")["main"](
        eager=not mode.compiled, epochs=1, width=16, layers=2, characters_used=11_500
    )
    return {"losses": losses, "model": state(model)}


def pendulum(mode: Mode) -> Results:
    """Twenty epochs of the network; the law is fitted to its end."""
    names = names_of("pendulum", EPOCHS=20, LENGTH=4)
    network, law, found = names["main"](eager=not mode.compiled)
    return {"network": state(network), "law": state(law), "found": found}


def tree_rnn(mode: Mode) -> Results:
    """Twenty trees one by one, then 20 batches by levels."""
    names = names_of("tree_rnn")
    found = {}
    for label, sizes in {
        "trees": {"count": 20, "leaves": 3},
        "levels": {"batched": True, "count": 640, "leaves": 3},
    }.items():
        losses, accuracy, model = names["main"](eager=not mode.compiled, **sizes)
        found[label] = [losses, accuracy, state(model)]
    return found


# --- the tour ------------------------------------------------------------------------------------

SNIPPETS = (
    "mlp", "module_dict", "module_list", "neuron", "regression", "scalars", "sequential", "shared",
)  # fmt: skip


def snippet(name: str) -> dict[str, Any]:
    """Return the names of a page of the tour."""
    return names_of(f"tour/{name}")


def gradients(mode: Mode, function: Any, *inputs: Any, parameters: Any = ()) -> list[Any]:
    """Return the result of a function and the gradients of everything that requires grad."""
    leaves = [*(x for x in inputs if x.requires_grad), *parameters]
    for leaf in leaves:
        leaf.grad = None
    y = mode.wrap(function)(*inputs)
    y.sum().backward()
    return [y, [leaf.grad for leaf in leaves]]


def tour(mode: Mode) -> Results:
    """The functions and models of the tour's pages, in either mode."""
    two, three, one = (dg.tensor(v, requires_grad=True) for v in (2.0, 3.0, 1.0))
    w = dg.tensor([0.25, 0.5, -1.0], requires_grad=True)
    x = dg.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]])
    names = names_of("tour")
    found = {
        "tour": gradients(mode, names["loss"], real((4, 3), 1), real((3, 2), 2).requires_grad_()),
        "scalars": gradients(mode, snippet("scalars")["expression"], two, three),
        "shared": gradients(mode, snippet("shared")["expression"], two, three, one),
        "neuron": gradients(mode, snippet("neuron")["neuron"], dg.tensor([1.0, -2, 0.5]), w, one),
    }
    dg.manual_seed(3)
    models = {"mlp": snippet("mlp")["MLP"](), "module_list": snippet("module_list")["Deep"]([3, 3])}
    for name, model in models.items():
        found[name] = gradients(mode, model, x, parameters=list(model.parameters()))
    chooser = snippet("module_dict")["Chooser"]()
    for kind in ("relu", "tanh", "sigmoid"):
        run = gradients(
            mode, lambda x, k=kind: chooser(x, k), x[:, :2], parameters=list(chooser.parameters())
        )
        found[f"module_dict({kind})"] = run
    return found


def printed(_: Mode) -> Results:
    """What the pages of the tour print, without addresses."""
    found = {}
    for name in SNIPPETS:
        out = io.StringIO()
        dg.manual_seed(4)
        with contextlib.redirect_stdout(out):
            snippet(name)["main"]()
        found[name] = re.sub(r"0x[0-9a-f]+", "0x...", out.getvalue())
    return found


FILES: dict[str, Program] = {
    f.__name__: f
    for f in (
        black_scholes, char_gpt, digits_cnn, digits_lbfgs, digits_logistic, digits_mlp,
        digits_vae, lstm_language_model, pendulum, tree_rnn, tour,
    )
}  # fmt: skip
PROGRAMS: dict[str, Program] = {f"examples.{name}": f for name, f in FILES.items()}
EAGER_ONLY: dict[str, Program] = {"examples.printed": printed}
