"""How the factors of a matrix lie, one after the other, in a packed result."""


def lu_size(m: int, n: int) -> int:
    """Return the elements of the packed factors of one m by n matrix.

    L below and U above the diagonal, then the row exchanges (from 1), the order of the rows, its
    inverse, the sign of the order, and 0 for a singular matrix, else 1.
    """
    return m * n + min(m, n) + 2 * m + 2


def qr_extents(m: int, n: int, mode: str) -> tuple[int, int]:
    """Return the columns of Q and the rows of R, which lie in this order."""
    return {"reduced": (min(m, n),) * 2, "complete": (m, m), "r": (0, min(m, n))}[mode]
