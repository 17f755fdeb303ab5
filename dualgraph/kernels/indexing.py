"""Reading and adding at positions given by an int64 tensor.

Both ops take an index of the output's (gather) or source's (scatter_add) shape: along one axis the
index says where, on the other axes the position is the element's own. `scatter_add` adds in
row-major order of the source, so that duplicate indices accumulate in one fixed order.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .prelude import plus, suffix, with_imports
from .ufunc import make_gufunc


@dataclass(frozen=True, slots=True)
class Gather:
    """``out[i, j, k] = x[index[i, j, k], j, k]`` for the static ``axis`` 0, and so on."""

    may_fail: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ScatterAdd:
    """``out = x; out[index[i, j, k], j, k] += source[i, j, k]``, in row-major order."""

    may_fail: ClassVar[bool] = True


SCATTER_TEXT = """def KERNEL(args, dims, steps, data):
    a = ptr_i8(args)
    d = ptr_i8(dims)
    c = ptr_i8(steps)
    for line in range(d[0]):
        for j in range(d[2]):
            at = ptr_i8(a[1] + line * c[1] + j * c[5])[0]
            out = ptr_{s}(a[0] + line * c[0] + at * c[4])
            out[0] = {sum}
        ptr_u1(a[3] + line * c[3])[0] = 0
    clear_fp_flags()
"""


def scatter_program_text(dtype: np.dtype, rank: int) -> str:
    """Return the serial kernel that adds a source into ``out``, in row-major order of the source.

    Arguments: out, index, source; the extents; strides of each over them (out: 0 along the axis);
    the stride and the extent of out along the axis; the status word.
    """
    s, z = suffix(dtype), dtype.itemsize
    first = 3 + rank
    lines = ["a = ptr_i8(args)", f"step, extent = a[{first + 3 * rank}], a[{first + 3 * rank + 1}]"]
    lines.append(f"status = ptr_i8(a[{first + 3 * rank + 2}])")
    for d in range(rank):
        lines.append("    " * d + f"for i{d} in range(a[{3 + d}]):")
    for name, p in (("away", 0), ("ia", 1), ("sa", 2)):
        terms = [f"i{d} * a[{first + p * rank + d}]" for d in range(rank)]
        lines.append("    " * rank + f"{name} = {' + '.join(terms)}")
    body = [
        "k = ptr_i8(a[1] + ia * 8)[0]",
        "if k < 0 or k >= extent:",
        "    status[0] = k * 2 + 1",
        "else:",
        f"    out = ptr_{s}(a[0] + (away + k * step) * {z})",
        f"    out[0] = {plus('out[0]', f'ptr_{s}(a[2] + sa * {z})[0]', dtype)}",
    ]
    lines += ["    " * rank + line for line in body]
    return with_imports("def KERNEL(args, lo, hi):\n" + "".join(f"    {x}\n" for x in lines))


class _Scatters(dict[str, Any]):
    def __missing__(self, char: str) -> Any:
        dtype = np.dtype(char)
        s = suffix(dtype)
        total = plus("out[0]", f"ptr_{s}(a[2] + line * c[2] + j * c[6])[0]", dtype)
        text = with_imports(SCATTER_TEXT.format(s=s, sum=total))
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
