"""An error inside of a model names the layer's path, the shapes and the user's line."""

from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import AxisError, DTypeError, DualgraphError, ShapeError
from dualgraph.nn import functional as F


class Model(nn.Module):
    """A layer at the path ``encoder.layers.2``."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList([nn.Identity(), nn.Identity(), layer])

    def forward(self, *args: Any) -> Any:
        return self.encoder.layers[2](*args)  # the user's line


LINE = Model.forward.__code__.co_firstlineno + 1
ROWS = {
    "Linear": (lambda: nn.Linear(4, 3), [(2, 5)], ["(2, 5)", "(3, 4)"]),
    "Conv2d": (lambda: nn.Conv2d(3, 4, 3), [(2, 2, 5, 5)], ["(2, 2, 5, 5)", "(4, 3, 3, 3)"]),
    "Conv2d.window": (lambda: nn.Conv2d(3, 4, 7), [(1, 3, 5, 5)], ["window of 7", "5 elements"]),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(3, 4, 3), [(2, 2, 5)], ["(2, 2, 5)"]),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), [(2, 4)], ["4 dimensions", "(2, 4)"]),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), [(2, 4)], ["(3,)", "(4,)"]),
    "LayerNorm": (lambda: nn.LayerNorm(4), [(2, 5)], ["(2, 5)", "(4,)"]),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), [(2, 5, 3)], ["5 channels", "2 groups"]),
    "LSTM": (lambda: nn.LSTM(3, 4), [(5, 2, 6)], ["(5, 2, 6)", "the last one 3"]),
    "GRUCell": (lambda: nn.GRUCell(3, 4), [(2, 6)], ["(2, 6)", "(N, 3)"]),
    "PReLU": (lambda: nn.PReLU(3), [(2, 4)], ["(2, 4)", "(3,)"]),
    "MaxPool2d": (lambda: nn.MaxPool2d(9), [(1, 1, 4, 4)], ["(9, 9)", "(4, 4)"]),
    "Unflatten": (lambda: nn.Unflatten(1, (3, 3)), [(2, 4)], ["(3, 3)", "(2, 4)"]),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(), [(2, 4), (3, 4)], ["(2, 4)", "(3, 4)"]),
    "MultiheadAttention": (
        lambda: nn.MultiheadAttention(8, 2), [(3, 2, 6)] * 3, ["(3, 2, 6)", "E = 8"]
    ),
}  # fmt: skip


def caught(call: Any, *args: Any) -> tuple[str, str]:
    """Return the text of an error and the note on the layer."""
    with pytest.raises(DualgraphError) as found:
        call(*args)
    return str(found.value), found.value.__notes__[0]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_wrong_shapes_name_the_path_the_shapes_and_the_line(name: str, compiled: bool) -> None:
    make, shapes, parts = ROWS[name]
    model = Model(make())
    run = dg.compile(model) if compiled else model
    text, note = caught(run, *(dg.ones(*s) for s in shapes))
    kind = name.partition(".")[0]
    assert note.startswith(f"in module Model.encoder.layers.2: {kind}(")
    assert [p for p in [*parts, f"{__file__}:{LINE}"] if p not in text] == []


def test_a_layer_inside_of_a_layer_is_named_with_its_class_alone() -> None:
    model = Model(nn.TransformerEncoderLayer(8, 2))
    _, note = caught(model, dg.ones(3, 2, 6))
    assert note == "in module Model.encoder.layers.2.self_attn: MultiheadAttention(...)"


@pytest.mark.parametrize(
    ("layer", "args"),
    [
        (lambda: nn.Embedding(4, 3), (dg.tensor([1, 7]),)),
        (lambda: nn.CrossEntropyLoss(), (dg.ones(2, 4), dg.tensor([1, 7]))),
    ],
)
def test_an_index_out_of_range_names_the_path(layer: Any, args: tuple) -> None:
    model = Model(layer())
    text, note = caught(model, *args)
    assert "index 7 is out of range for an axis of extent 4" in text
    assert note.startswith("in module Model.encoder.layers.2: ")
    with pytest.raises(AxisError) as found:  # found out while native code runs
        dg.compile(model)(*args)
    for part in ("index 7 is out", f"{__file__}:{LINE}", "(2, ", "Model.encoder.layers.2)"):
        assert part in str(found.value)


@pytest.mark.parametrize("wrap", [lambda f: f, dg.compile])
def test_an_error_outside_of_modules_has_no_path(wrap: Any) -> None:
    def loss(x: Any, y: Any) -> Any:
        return F.cross_entropy(x, y)

    with pytest.raises(ShapeError, match=r"scores of shape \(2, 4\) .* targets of shape \(3,\)"):
        wrap(loss)(dg.ones(2, 4), dg.tensor([1, 2, 3]))
    with pytest.raises(AxisError, match="index 7") as found:
        wrap(loss)(dg.ones(2, 4), dg.tensor([1, 7]))
    assert f"{__file__}:" in str(found.value)
    assert not hasattr(found.value, "__notes__")


@pytest.mark.parametrize("wrong", [[1.0, 2.0], np.ones((2, 4)), None, 3.0])
def test_what_is_no_tensor_is_named(wrong: Any) -> None:
    for layer in (nn.Linear(4, 3), nn.Conv2d(1, 1, 1), nn.LSTM(4, 3), nn.BatchNorm1d(4)):
        with pytest.raises(DTypeError, match=type(wrong).__name__) as found:
            Model(layer)(wrong)
        note = found.value.__notes__[0]
        assert note.startswith(f"in module Model.encoder.layers.2: {type(layer).__name__}(")


def test_errors_and_notes_of_the_user_stay() -> None:
    class Mine(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.wieght

    with pytest.raises(AttributeError, match="wieght"):
        Model(Mine())(dg.ones(2))
    with pytest.raises(AttributeError, match="'list' object has no attribute 'wieght'"):
        Model(Mine())([1])

    class Noting(nn.Linear):
        def forward(self, input: Any) -> Any:
            try:
                return super().forward(input)
            except ShapeError as error:
                error.add_note("a note of mine")
                raise

    with pytest.raises(ShapeError) as found:
        Model(Noting(4, 3))(dg.ones(2, 5))
    place = "in module Model.encoder.layers.2: Noting(in_features=4, out_features=3, bias=True)"
    assert found.value.__notes__ == [place, "a note of mine"]
