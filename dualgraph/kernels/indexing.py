"""Reading and adding at positions given by an int64 tensor.

Both ops take an index of the output's (gather) or source's (scatter_add) shape: along one axis the
index says where, on the other axes the position is the element's own. `scatter_add` adds in
row-major order of the source, so that duplicate indices accumulate in one fixed order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .prelude import suffix, with_imports
from .ufunc import make_gufunc


@dataclass(frozen=True, slots=True)
class Gather:
    """``out[i, j, k] = x[index[i, j, k], j, k]`` for the static ``axis`` 0, and so on."""


@dataclass(frozen=True, slots=True)
class ScatterAdd:
    """``out = x; out[index[i, j, k], j, k] += source[i, j, k]``, in row-major order."""


SCATTER_TEXT = """def KERNEL(args, dims, steps, data):
    a = ptr_i8(args)
    d = ptr_i8(dims)
    c = ptr_i8(steps)
    for line in range(d[0]):
        for j in range(d[1]):
            at = ptr_i8(a[1] + line * c[1] + j * c[5])[0]
            out = ptr_{s}(a[0] + line * c[0] + at * c[4])
            out[0] = {s}(out[0] + ptr_{s}(a[2] + line * c[2] + j * c[6])[0])
        ptr_u1(a[3] + line * c[3])[0] = 0
    clear_fp_flags()
"""


class _Scatters(dict[str, Any]):
    def __missing__(self, char: str) -> Any:
        dtype = np.dtype(char)
        text = with_imports(SCATTER_TEXT.format(s=suffix(dtype)))
        inputs = (dtype, np.dtype("int64"), dtype)
        done = np.dtype("uint8")
        label = f"scatter_add_{suffix(dtype)}"
        self[char] = make_gufunc(text, inputs, done, label, "(n),(k),(k)->()")
        return self[char]


_scatters = _Scatters()


def gather(x: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """Return the elements at the (checked) indices."""
    region = tuple(slice(0, e) for i, e in enumerate(index.shape))
    own = tuple(slice(None) if i == axis else region[i] for i in range(x.ndim))
    return np.take_along_axis(x[own], index, axis)


def scatter_add(x: np.ndarray, index: np.ndarray, source: np.ndarray, axis: int) -> np.ndarray:
    """Return a copy of x with the source added at the (checked) indices."""
    out = x.copy()
    region = tuple(slice(0, e) for e in index.shape)
    own = tuple(slice(None) if i == axis else region[i] for i in range(x.ndim))
    lines = [np.moveaxis(v, axis, -1) for v in (out[own], index, source[region])]
    _scatters[x.dtype.char](*lines)
    return out
