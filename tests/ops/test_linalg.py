"""Linear algebra beyond single calls: split programs, singular cases, einsum's forms, sizes."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import dualgraph as dg
from tests.bits import array_of, assert_bits_equal


def matrix(*shape: int, dtype: str = "float64", seed: int = 0) -> Any:
    """A random tensor."""
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def test_a_library_call_splits_the_program_and_every_report_says_so() -> None:
    """Native rows run before, between and after the calls; source and explain name them."""

    @dg.compile
    def f(x: Any) -> Any:
        s = dg.linalg.svdvals(dg.tanh(x))
        w, v = dg.linalg.eigh(x @ x.mT + s.sum())
        return (w * 2).sum() + (v * v).exp()

    x = matrix(4, 4)
    assert_bits_equal(f(x), f.function(x))
    program = f.traces[0].program
    assert program.library_calls == ["svdvals", "eigh"]
    assert program.native_calls == 3
    assert "leaves native code" in program.source
    assert "split into 3 native segments by library calls: svdvals, eigh" in f.explain()


def test_a_program_that_is_only_a_library_call() -> None:
    """There is no native segment before it, and the result is its own memory."""
    f = dg.compile(dg.linalg.svdvals)
    x = matrix(3, 4)
    first = f(x)
    kept = array_of(first).copy()
    f(x * 2)
    assert_bits_equal(first, kept)


def test_gradients_and_updates_through_a_split_program() -> None:
    """A whole training step with a decomposition inside, three times."""

    def make() -> tuple[Any, Any, Any]:
        w = matrix(4, 4).requires_grad_()
        optimizer = dg.optim.SGD([w], lr=0.05, momentum=0.9)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = dg.linalg.svdvals(w @ x).sum() + dg.linalg.eigh(w @ w.mT)[1].square().amax()
            loss.backward()
            optimizer.step()
            return loss

        return w, step, None

    (w, step, _), (v, twin, _) = make(), make()
    compiled = dg.compile(twin)
    for k in range(3):
        x = matrix(4, 4, seed=k)
        assert_bits_equal(compiled(x), step(x))
        assert_bits_equal(v, w)
    assert len(compiled.traces) <= 2


@pytest.mark.parametrize("n", [1, 7, 33, 64, 100])
def test_library_results_are_the_same_bits_in_both_frontends(n: int) -> None:
    """Whatever the alignment and the layout of the operand."""
    for dtype in ("float32", "float64"):
        raw = np.random.default_rng(n).normal(size=n * n + 1).astype(dtype)
        for x in (raw[1:].reshape(n, n), raw[:-1].reshape(n, n).T):
            f = dg.compile(lambda x: (*dg.linalg.eigh(x + x.mT), *dg.linalg.svd(x)))
            tensor = dg.from_numpy(x)
            assert_bits_equal(list(f(tensor)), list(f.function(tensor)))


THREADS = """
import hashlib, numpy as np, dualgraph as dg
x = dg.tensor(np.random.default_rng(3).normal(size=(150, 150)))
parts = (*dg.linalg.eigh(x + x.mT), *dg.linalg.svd(x))
print(hashlib.sha256(b"".join(p.numpy().tobytes() for p in parts)).hexdigest())
"""


def test_library_results_do_not_depend_on_threads() -> None:
    """OpenBLAS alone would give other bits."""
    found = set()
    for count in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": count}
        command = [sys.executable, "-c", THREADS]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_det_of_a_singular_matrix_has_its_cofactors_as_gradient() -> None:
    """Rank n - 1: the adjugate; rank below: zero."""
    for rows, cofactors in (
        ([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]],
         [[4.0, -2.0, 0.0], [-2.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
        ([[1.0, 1.0, 1.0]] * 3, [[0.0] * 3] * 3),
    ):  # fmt: skip
        x = dg.tensor(rows, dtype=dg.float64, requires_grad=True)
        out = dg.linalg.det(x)
        out.backward()
        assert out.item() == 0.0
        np.testing.assert_allclose(array_of(x.grad), cofactors, atol=1e-14)


def test_slogdet_of_a_singular_matrix() -> None:
    """Sign 0 and -inf; logdet of a negative determinant is NaN."""
    sign, log = dg.linalg.slogdet(dg.ones(2, 2))
    assert (sign.item(), log.item()) == (0.0, -np.inf)
    assert dg.logdet(dg.zeros(2, 2)).item() == -np.inf
    assert np.isnan(dg.logdet(dg.tensor([[0.0, 1.0], [1.0, 0.0]])).item())


def test_norms_at_zero_have_the_gradient_zero() -> None:
    """As in PyTorch, for every order."""
    for order in (1, 1.5, 2, 3, float("inf")):
        x = dg.zeros(3, requires_grad=True)
        dg.linalg.vector_norm(x, order).backward()
        assert_bits_equal(x.grad, np.zeros(3, np.float32))
    x = dg.zeros(2, 3, requires_grad=True)
    dg.cdist(x, x).sum().backward()
    assert_bits_equal(x.grad, np.zeros((2, 3), np.float32))


def test_equal_eigenvalues_keep_finite_gradients_of_values() -> None:
    """Only the vectors' gradient divides by gaps."""
    x = dg.tensor(np.eye(3), requires_grad=True)
    dg.linalg.eigh(x).eigenvalues.sum().backward()
    np.testing.assert_allclose(array_of(x.grad), np.eye(3), atol=1e-15)
    y = dg.tensor(np.eye(3), requires_grad=True)
    dg.linalg.svd(y).S.sum().backward()
    np.testing.assert_allclose(array_of(y.grad), np.eye(3), atol=1e-15)


def test_addmm_with_beta_zero_does_not_read_the_input() -> None:
    """NaN does not pass, and the gradient is zero."""
    x = dg.tensor([[np.nan, np.inf]], requires_grad=True)
    out = dg.addmm(x, dg.ones(2, 3), dg.ones(3, 2), beta=0)
    assert_bits_equal(out, np.full((2, 2), 3, np.float32))
    out.sum().backward()
    assert_bits_equal(x.grad, np.zeros((1, 2), np.float32))


def test_integer_products_wrap() -> None:
    """As NumPy's and PyTorch's."""
    a = np.full((2, 3), 100, np.uint8)
    b = np.full((3, 2), 7, np.uint8)
    assert_bits_equal(dg.from_numpy(a) @ dg.from_numpy(b), a @ b)


def test_einsum_forms_agree() -> None:
    """Strings, spaces, sublists, a list of operands, and capitals before small letters."""
    x, y = matrix(2, 3), matrix(3, 4, seed=1)
    expected = dg.einsum("ij,jk->ki", x, y)
    assert_bits_equal(dg.einsum(" i j , j k -> k i ", x, y), expected)
    assert_bits_equal(dg.einsum(x, [0, 1], y, [1, 2], [2, 0]), expected)
    assert_bits_equal(dg.einsum("ij,jk->ki", [x, y]), expected)
    assert_bits_equal(dg.einsum("aB", x), array_of(x).T)
    assert_bits_equal(dg.einsum(x, [..., 0], [0, ...]), array_of(x).T)
    assert dg.einsum("i...->...", matrix(2, 3, 4)).shape == (3, 4)


def test_long_factorizations_match_lapack() -> None:
    """Sizes beyond one panel, with exchanges; the residuals are a few epsilons of the norm."""
    eps = np.finfo(np.float64).eps
    for n in (63, 130):
        a = matrix(n, n)
        p, low, up = dg.linalg.lu(a)
        assert np.abs(array_of(p @ low @ up - a)).max() < 50 * eps
        assert np.abs(array_of(low)).max() == 1.0
        q, r = dg.linalg.qr(a)
        assert np.abs(array_of(q @ r - a)).max() < 100 * eps
        np.testing.assert_allclose(array_of(r), np.linalg.qr(array_of(a))[1], atol=1e-11)
        spd = a @ a.mT
        low = dg.linalg.cholesky(spd)
        assert np.abs(array_of(low @ low.mT - spd)).max() < 50 * n * eps


def test_ndarray_times_tensor_is_refused() -> None:
    """``array @ tensor`` reaches the tensor, which asks for a tensor."""
    with pytest.raises(dg.errors.DTypeError, match="ndarray"):
        np.ones((2, 2)) @ dg.ones(2, 2)
