"""Equality of bits, as the project promises it: any NaN equals any NaN, +0 and -0 differ."""

from typing import Any

import numpy as np

_INTEGER = {2: np.uint16, 4: np.uint32, 8: np.uint64}


def array_of(x: Any) -> np.ndarray:
    """Return the array of a tensor (whatever requires grad) or of anything NumPy takes."""
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


def differing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where two arrays of one float or integer dtype differ in a bit."""
    if a.dtype.kind != "f":
        return a != b
    words = _INTEGER[a.dtype.itemsize]
    bits_a, bits_b = (np.ascontiguousarray(x).view(words).reshape(x.shape) for x in (a, b))
    return (bits_a != bits_b) & ~(np.isnan(a) & np.isnan(b))


def ordered(x: np.ndarray) -> np.ndarray:
    """Map floats to integers (as Python ints) so that neighbours differ by one; -0 next to +0."""
    words = np.ascontiguousarray(x).view(_INTEGER[x.dtype.itemsize]).reshape(x.shape)
    top = 1 << (8 * x.dtype.itemsize - 1)
    wide = words.astype(object)
    return np.where(words & words.dtype.type(top) != 0, top - wide - 1, wide)


def ulp_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how many floats lie between, as Python ints; 0 for two NaNs, huge for one."""
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    apart = np.abs(ordered(a) - ordered(b)) - (np.signbit(a) != np.signbit(b)).astype(object)
    far = np.array(1 << 70, dtype=object)
    return np.where(nan_a | nan_b, np.where(nan_a & nan_b, 0, far), apart)


def report(a: np.ndarray, b: np.ndarray, where: np.ndarray, label: str) -> str:
    """Describe the first difference: index, values, bits, distance, and how many there are."""
    index = tuple(int(i) for i in np.argwhere(where)[0]) if where.ndim else ()
    x, y = a[index], b[index]
    lines = [f"{label}: {int(where.sum())} of {where.size} elements differ, first at {index}:"]
    lines.append(f"  {x!r} ({_hex(x)}) and {y!r} ({_hex(y)})")
    if a.dtype.kind == "f":
        lines.append(f"  {ulp_distance(np.asarray(x), np.asarray(y)).item()} ULP apart")
    return "\n".join(lines)


def _hex(x: Any) -> str:
    return "0x" + np.asarray(x).astype(x.dtype.newbyteorder(">")).tobytes().hex()


def assert_bits_equal(actual: Any, expected: Any, label: str = "value") -> None:
    """Fail with index, values, bits and ULP distance unless both are the same bits.

    Takes tensors, arrays, None, and tuples, lists or dicts of them; shapes and dtypes must agree.
    """
    if isinstance(expected, tuple | list):
        assert len(actual) == len(expected), f"{label}: {len(actual)} and {len(expected)} values"
        for i, (x, y) in enumerate(zip(actual, expected, strict=True)):
            assert_bits_equal(x, y, f"{label}[{i}]")
        return
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), label
        for key in expected:
            assert_bits_equal(actual[key], expected[key], f"{label}[{key!r}]")
        return
    if expected is None or actual is None:
        assert actual is expected, f"{label}: {actual!r} and {expected!r}"
        return
    a, b = array_of(actual), array_of(expected)
    assert (a.shape, a.dtype) == (b.shape, b.dtype), (
        f"{label}: {a.dtype.name}{list(a.shape)} and {b.dtype.name}{list(b.shape)}"
    )
    where = differing(a, b)
    if where.any():
        raise AssertionError(report(a, b, where, label))


def assert_close(actual: Any, expected: np.ndarray, ulps: int, label: str = "value") -> None:
    """Fail unless every element is within so many ULP of the reference; zeros keep their sign."""
    a = array_of(actual)
    with np.errstate(over="ignore"):  # a float64 reference may exceed float32
        b = np.asarray(expected).astype(a.dtype)
    assert a.shape == b.shape, f"{label}: shapes {a.shape} and {b.shape}"
    zeros = (a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b))
    where = np.asarray(ulp_distance(a, b) > ulps, bool) | zeros
    if where.any():
        raise AssertionError(report(a, b, where, label))
