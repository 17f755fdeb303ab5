"""Sums of products over named axes.

The operands are contracted from left to right, two at a time; an axis is summed as soon as nothing
later needs it. A contraction is one matrix product: axes that both have and that are kept are its
batch, axes that both have and that are summed are contracted, in the order in which the first
operand has them. Where neither operand has an axis of its own, the products are summed as `sum`
does.
"""

from math import prod
from typing import Any, NamedTuple

from ...errors import ArgumentError, ShapeError
from ..build import Tensor, as_dtype, need, need_tensors
from ..elementwise.pointwise import mul
from ..reduce.reductions import sum
from ..shape.diagonals import diagonal
from ..shape.views import permute, reshape, squeeze
from .matmul import matmul

Label = str | int  # a letter, or an axis of the ellipsis counted from its end
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Labelled(NamedTuple):
    """A tensor and the labels of its axes."""

    x: Tensor
    labels: tuple[Label, ...]


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Return the sum of products that an equation in index notation describes.

    ``"ij,jk->ik"`` names the axes of each operand and of the result; without the arrow the result
    has the labels that occur once, in order of the alphabet (capitals first). ``...`` stands for
    any axes, which broadcast and come first. Sublists of numbers below 52 may take the place of the
    equation: ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    >>> import dualgraph as dg
    >>> x = dg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> dg.einsum("ij,ij->i", x, x)
    tensor([ 5., 25.])
    """
    if not isinstance(equation, str):
        equation, operands = _from_sublists(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], tuple | list):
        operands = tuple(operands[0])
    need_tensors("einsum", *operands)
    terms, output = _parsed(equation, [x.value.ndim for x in operands])
    extents = _extents(equation, operands, terms)
    parts = [_simplified(x, labels, extents) for x, labels in zip(operands, terms, strict=True)]
    out = parts[0]
    for i, part in enumerate(parts[1:], 1):
        later = {label for p in parts[i + 1 :] for label in p.labels}
        out = _contracted(out, part, {*output, *later})
    out = _summed(out, set(output))
    return permute(out.x, tuple(out.labels.index(label) for label in output))


# --- reading the equation -----------------------------------------------------------------------


def _bad(equation: Any, why: str) -> ArgumentError:
    return ArgumentError(f"einsum: in {equation!r}, {why}")


def _from_sublists(*arguments: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the equation and the operands of the form ``x, [0, 1], y, [1, 2], [0, 2]``."""
    odd = len(arguments) % 2
    pairs = arguments[: len(arguments) - odd]
    terms = ",".join(_letters(s) for s in pairs[1::2])
    arrow = f"->{_letters(arguments[-1])}" if odd else ""
    return terms + arrow, pairs[0::2]


def _letters(sublist: Any) -> str:
    need(
        isinstance(sublist, tuple | list),
        f"einsum: expected an equation or a list of labels, got {type(sublist).__name__}",
    )
    for label in sublist:
        fits = label is Ellipsis or (isinstance(label, int) and 0 <= label < len(_LETTERS))
        need(fits, f"einsum: a label is an int from 0 to 51 or ..., got {label!r}")
    return "".join("..." if label is Ellipsis else _LETTERS[label] for label in sublist)


def _parsed(equation: str, ranks: list[int]) -> tuple[list[tuple[Label, ...]], tuple[Label, ...]]:
    """Return the labels of every operand and of the result."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise _bad(equation, f"{len(terms)} operands are described, and {len(ranks)} are given")
    named = [_labels(equation, t, rank) for t, rank in zip(terms, ranks, strict=True)]
    dots = [label for term in named for label in term if isinstance(label, int)]
    ellipsis = tuple(range(min(dots, default=0), 0))
    if not arrow:
        letters = "".join(terms).replace("...", "")
        return named, (*ellipsis, *(c for c in _LETTERS if letters.count(c) == 1))
    output = _labels(equation, right, len(right.replace("...", "")) + len(ellipsis))
    known = {label for term in named for label in term}
    for label in output:
        if label not in known:
            raise _bad(equation, f"the result has {label!r}, which no operand has")
        if output.count(label) > 1:
            raise _bad(equation, f"the result has {label!r} twice")
    return named, output


def _labels(equation: str, term: str, rank: int) -> tuple[Label, ...]:
    before, dots, after = term.partition("...")
    for letter in before + after:
        if letter not in _LETTERS:
            raise _bad(equation, f"{letter!r} is no label: use letters, '...', ',' and '->'")
    free = rank - len(before) - len(after)
    if free < 0 or (free and not dots):
        raise _bad(equation, f"{term!r} does not describe the {rank} axes of its operand")
    return (*before, *range(-free, 0), *after)


def _extents(
    equation: str, operands: tuple[Tensor, ...], terms: list[tuple[Label, ...]]
) -> dict[Label, int]:
    """Return the extent of every label; axes of extent 1 broadcast."""
    found: dict[Label, int] = {}
    for x, labels in zip(operands, terms, strict=True):
        for label, extent in zip(labels, x.value.shape, strict=True):
            before = found.get(label, 1)
            if 1 not in (before, extent) and before != extent:
                shapes = " and ".join(str(tuple(o.value.shape)) for o in operands)
                raise ShapeError(
                    f"einsum: in {equation!r}, {label!r} has the extents {before} and "
                    f"{extent} (shapes {shapes})"
                )
            found[label] = extent if before == 1 else before
    return found


# --- contracting --------------------------------------------------------------------------------


def _simplified(x: Tensor, labels: tuple[Label, ...], extents: dict[Label, int]) -> Labelled:
    """Take diagonals of repeated labels, and drop axes of extent 1 that broadcast."""
    at = next((i for i, label in enumerate(labels) if label in labels[i + 1 :]), None)
    if at is not None:
        other = labels.index(labels[at], at + 1)
        extent = x.value.shape[at], x.value.shape[other]
        if extent[0] != extent[1]:
            raise ShapeError(f"einsum: repeated label {labels[at]!r} has the extents {extent}")
        rest = tuple(label for i, label in enumerate(labels) if i not in (at, other))
        return _simplified(diagonal(x, 0, at, other), (*rest, labels[at]), extents)
    gone = [i for i, label in enumerate(labels) if x.value.shape[i] == 1 != extents[label]]
    if gone:
        x = squeeze(x, tuple(gone))
        labels = tuple(label for i, label in enumerate(labels) if i not in gone)
    return Labelled(x, labels)


def _summed(a: Labelled, kept: set[Label]) -> Labelled:
    axes = tuple(i for i, label in enumerate(a.labels) if label not in kept)
    if not axes:
        return a
    out = as_dtype(sum(a.x, axes), a.x.value.dtype)
    return Labelled(out, tuple(label for label in a.labels if label in kept))


def _contracted(a: Labelled, b: Labelled, kept: set[Label]) -> Labelled:
    a, b = _summed(a, kept | set(b.labels)), _summed(b, kept | set(a.labels))
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in kept]
    inner = [label for label in shared if label not in kept]
    left = [label for label in a.labels if label not in shared]
    right = [label for label in b.labels if label not in shared]
    if not inner or not (left or right):
        return _multiplied(a, b, (*batch, *left, *right, *inner), kept)
    x, y = _ordered(a, (*batch, *left, *inner)), _ordered(b, (*batch, *inner, *right))
    sizes = dict(zip((*a.labels, *b.labels), (*a.x.value.shape, *b.x.value.shape), strict=True))
    count, rows, columns, depth = (
        prod(sizes[label] for label in group) for group in (batch, left, right, inner)
    )
    lead = (count,) if batch else ()
    out = matmul(reshape(x, (*lead, rows, depth)), reshape(y, (*lead, depth, columns)))
    labels = (*batch, *left, *right)
    return Labelled(reshape(out, tuple(sizes[label] for label in labels)), labels)


def _ordered(a: Labelled, labels: tuple[Label, ...]) -> Tensor:
    return permute(a.x, tuple(a.labels.index(label) for label in labels))


def _multiplied(a: Labelled, b: Labelled, labels: tuple[Label, ...], kept: set[Label]) -> Labelled:
    """Multiply element by element, then sum what is not kept."""
    return _summed(Labelled(mul(_spread(a, labels), _spread(b, labels)), labels), kept)


def _spread(a: Labelled, labels: tuple[Label, ...]) -> Tensor:
    own = tuple(label for label in labels if label in a.labels)
    x = _ordered(a, own)
    sizes = dict(zip(own, x.value.shape, strict=True))
    return reshape(x, tuple(sizes.get(label, 1) for label in labels))
