"""Matrix products: each output element is one chain of fma over the contracted index, ascending.

``acc = +0; for p in range(k): acc = fma(A[i, p], B[p, j], acc)`` in the element type: what any
register-tiled kernel computes, whatever its tiles and threads.
"""

from dataclasses import dataclass

from ...core.op import Facts


@dataclass(frozen=True, slots=True)
class Contraction(Facts):
    """The product of two matrices, or of batches of them, of one float dtype."""
