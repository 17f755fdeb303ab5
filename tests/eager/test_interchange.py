"""Memory shared with NumPy, PyTorch and buffers; copies; pickles."""

import array
import copy
import pickle
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from dualgraph import nn
from dualgraph.errors import ArgumentError, DTypeError, ExchangeError, GradError

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


class Elsewhere:
    """Says that its memory is a GPU's."""

    def __dlpack__(self, **options: Any) -> Any:
        raise AssertionError

    def __dlpack_device__(self) -> tuple[int, int]:
        return (2, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 2), (3, 2)])
def test_dlpack_shares_memory_both_ways(dtype: str, shape: tuple) -> None:
    a = np.ones(shape, dtype)
    x = dg.from_dlpack(a)
    assert (x.dtype.name, tuple(x.shape)) == (dtype, shape)
    b = np.from_dlpack(x)
    assert b.dtype == a.dtype
    a[...] = 0
    assert not b.any()
    assert not x.numpy().any()
    assert x.__dlpack_device__() == (1, 0)


def test_dlpack_keeps_strides_and_copies_when_asked() -> None:
    a = np.arange(12.0).reshape(3, 4)
    assert np.shares_memory(np.from_dlpack(dg.from_dlpack(a.T[::2])), a)
    assert not np.shares_memory(dg.from_dlpack(a, copy=True).numpy(), a)
    assert dg.from_dlpack(dg.from_numpy(a), copy=False).tolist() == a.tolist()


def test_what_dlpack_refuses() -> None:
    frozen = np.ones(2)
    frozen.flags.writeable = False
    for x, text in (
        (dg.ones(2, requires_grad=True), "requires grad cannot be shared"),
        (dg.ones(1).expand(3), "is read-only .an expanded view"),
        (dg.from_numpy(frozen), "is read-only"),
    ):
        with pytest.raises(ExchangeError, match=text) as caught:
            np.from_dlpack(x)
        assert isinstance(caught.value, BufferError)
    assert np.from_dlpack(dg.ones(1).expand(3), copy=True).tolist() == [1, 1, 1]
    with pytest.raises(ExchangeError, match="no streams"):
        dg.ones(1).__dlpack__(stream=3)
    with pytest.raises(ExchangeError, match="is not the CPU"):
        dg.ones(1).__dlpack__(dl_device=(2, 0))
    with pytest.raises(ExchangeError, match="Elsewhere lies on a device of kind 2"):
        dg.from_dlpack(Elsewhere())
    with pytest.raises(ArgumentError, match="list has no __dlpack__"):
        dg.from_dlpack([1])
    with pytest.raises(DTypeError, match="uint16"):
        dg.from_dlpack(np.ones(2, np.uint16))


def test_array_copy_follows_numpy_2() -> None:
    x = dg.arange(4)
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert np.asarray(x, copy=False) is x.numpy()
    assert not np.shares_memory(np.array(x), x.numpy())
    assert not np.shares_memory(np.asarray(x, copy=True), x.numpy())
    assert np.asarray(x, dtype="float32").dtype == np.float32
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype="float32", copy=False)
    with pytest.raises(GradError, match="detach"):
        np.asarray(dg.ones(1, requires_grad=True))


def test_buffers() -> None:
    raw = bytearray(np.arange(4, dtype=np.int16).tobytes())
    x = dg.frombuffer(raw, dtype=dg.int16, count=2, offset=2)
    x.add_(10)
    assert np.frombuffer(raw, np.int16).tolist() == [0, 11, 12, 3]
    assert dg.asarray(raw, dtype=dg.int16, copy=False).tolist() == [0, 11, 12, 3]
    assert dg.asarray(memoryview(raw)).dtype == dg.uint8
    typed = array.array("d", [1.0, 2.0])
    dg.asarray(typed).add_(1)
    assert typed.tolist() == [2.0, 3.0]
    assert dg.frombuffer(raw, dtype=dg.float32, requires_grad=True).requires_grad
    with pytest.raises(GradError, match="memory is read-only"):
        dg.frombuffer(b"ab", dtype=dg.uint8).add_(1)
    with pytest.raises(ArgumentError, match=r"frombuffer: .*buffer"):
        dg.frombuffer(b"abc", dtype=dg.int16)
    with pytest.raises(ArgumentError, match="frombuffer"):
        dg.frombuffer([1], dtype=dg.int16)


def test_arrays_that_are_read_only_are_never_written_to() -> None:
    frozen = np.zeros(3, np.float32)
    frozen.flags.writeable = False
    for change in (lambda x: x.add_(1), dg.compile(lambda x: x.add_(1))):
        with pytest.raises(dg.errors.DualgraphError, match="read-only"):
            change(dg.from_numpy(frozen))
    assert not frozen.any()


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_pickle_and_deepcopy(shape: tuple) -> None:
    x = dg.randn(shape, requires_grad=True)
    for twin in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert twin.shape == x.shape
        assert twin.tolist() == x.tolist()
        assert twin.requires_grad
        assert not np.shares_memory(twin.value, x.value)
    p = nn.Parameter(dg.ones(shape))
    assert isinstance(pickle.loads(pickle.dumps(p)), nn.Parameter)
    both = copy.deepcopy([p, p])
    assert both[0] is both[1]


def test_tensors_that_are_traced_are_not_pickled() -> None:
    with pytest.raises(dg.errors.TraceError, match="pickle"):
        dg.compile(lambda x: pickle.dumps(x))(dg.ones(2))


# --- with PyTorch ---------------------------------------------------------------------------------


def test_pytorch_and_back() -> None:
    torch = pytest.importorskip("torch")
    for dtype in DTYPES:
        t = torch.ones(2, 3, dtype=getattr(torch, dtype)).T
        x = dg.from_dlpack(t)
        assert (x.dtype.name, tuple(x.shape)) == (dtype, (3, 2))
        back = torch.from_dlpack(x)
        back.zero_()
        assert not t.any()
    wide = torch.full((2,), 0.1, dtype=torch.float64)
    assert dg.tensor(wide).dtype == dg.as_tensor(wide).dtype == dg.float64
    assert np.shares_memory(dg.asarray(wide).numpy(), wide.numpy())
    assert torch.tensor(dg.ones(2)).tolist() == [1, 1]


def test_what_pytorch_refuses() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(DTypeError, match="bfloat16"):
        dg.from_dlpack(torch.ones(1, dtype=torch.bfloat16))
    with pytest.raises(ExchangeError, match="require"):
        dg.from_dlpack(torch.ones(1, requires_grad=True))
    with pytest.raises(ExchangeError, match="read-only"):
        torch.from_dlpack(dg.ones(1).expand(3))
