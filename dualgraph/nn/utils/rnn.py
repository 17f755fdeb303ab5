"""Sequences of different lengths: padded to one tensor, or packed without padding."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.dispatch import state
from ...eager.construct import tensor as make_tensor
from ...eager.tensor import Tensor
from ...ops.build import need
from ...ops.create.creation import full
from ...ops.index.indexing import index_select
from ...ops.shape.views import cat, narrow, reshape, stack, transpose


class PackedSequence(NamedTuple):
    """The rows of sequences sorted by length: all of the first time, then of the second, ...

    ``batch_sizes`` says how many there are of each time: ints (PyTorch: a tensor), so that a traced
    function may loop over them. ``sorted_indices`` tells which sequence each row of a batch is,
    ``unsorted_indices`` where each sequence went.
    """

    data: Any
    batch_sizes: tuple[int, ...]
    sorted_indices: Any = None
    unsorted_indices: Any = None


def invert_permutation(permutation: Any) -> Any:
    """Return the permutation that undoes one (None for None)."""
    if permutation is None:
        return None
    return make_tensor(np.argsort(_numbers(permutation, "invert_permutation()")))


def pad_sequence(
    sequences: Sequence[Any],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Return sequences (T_i, ...) as one tensor (T, N, ...), or (N, T, ...).

    >>> import dualgraph as dg
    >>> pad_sequence([dg.tensor([1, 2]), dg.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    need(padding_side in ("left", "right"), f"padding_side is left or right, not {padding_side!r}")
    given = list(sequences)
    need(bool(given), "pad_sequence: no sequences")
    longest = max(s.value.shape[0] for s in given)
    rows = [_padded(s, longest, padding_value, padding_side) for s in given]
    return stack(rows, 0 if batch_first else 1)


def _padded(x: Any, length: int, value: float, side: str) -> Any:
    missing = length - x.value.shape[0]
    if not missing:
        return x
    rest = full((missing, *x.value.shape[1:]), value, dtype=x.value.dtype)
    return cat([x, rest] if side == "right" else [rest, x], 0)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """Return the sequences of a padded tensor, each of its own length."""
    rows = padded_sequences if batch_first else transpose(padded_sequences, 0, 1)
    return [narrow(rows[i], 0, 0, n) for i, n in enumerate(_lengths(lengths, "unpad_sequence()"))]


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return the rows of a padded tensor (T, N, ...) that ``lengths`` says are there.

    In a traced function the lengths must be a list (of ints): a tensor's numbers are not known.
    Raises `ArgumentError` for lengths that are not positive, too long, or (with
    ``enforce_sorted``) increase somewhere.
    """
    known = np.array(_lengths(lengths, "pack_padded_sequence()"), dtype=np.int64)
    x = transpose(input, 0, 1) if batch_first else input
    times, batch = x.value.shape[:2]
    need(
        known.shape == (batch,) and known.min(initial=1) >= 1 and known.max(initial=0) <= times,
        f"pack_padded_sequence: expected {batch} lengths from 1 to {times}, got {known.tolist()}",
    )
    order = None if enforce_sorted else np.argsort(-known, kind="stable")
    sorted_lengths = known if order is None else known[order]
    need(
        bool((np.diff(sorted_lengths) <= 0).all()),
        f"pack_padded_sequence: lengths {known.tolist()} increase somewhere: sort them, or pass "
        "enforce_sorted=False",
    )
    sizes = tuple(int((sorted_lengths > t).sum()) for t in range(sorted_lengths.max(initial=0)))
    columns = np.arange(batch) if order is None else order
    index = np.concatenate([t * batch + columns[:n] for t, n in enumerate(sizes)])
    flat = reshape(x, (times * batch, *x.value.shape[2:]))
    data = index_select(flat, 0, make_tensor(index))
    if order is None:
        return PackedSequence(data, sizes)
    return PackedSequence(data, sizes, make_tensor(order), make_tensor(np.argsort(order)))


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Return sequences (T_i, ...) packed."""
    lengths = [s.value.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, False, enforce_sorted)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """Return (padded tensor (T, N, ...), lengths) in the order before packing."""
    sizes = sequence.batch_sizes
    times, batch = len(sizes), sizes[0]
    need(
        total_length is None or total_length >= times,
        f"pad_packed_sequence: total_length {total_length} is below the longest, {times}",
    )
    rows = sum(sizes)
    table = np.full((total_length or times, batch), rows, dtype=np.int64)
    starts = np.cumsum((0, *sizes))
    for t, n in enumerate(sizes):
        table[t, :n] = starts[t] + np.arange(n)
    data = sequence.data
    fill = full((1, *data.value.shape[1:]), padding_value, dtype=data.value.dtype)
    flat = index_select(cat([data, fill], 0), 0, make_tensor(table.reshape(-1)))
    out = reshape(flat, (*table.shape, *data.value.shape[1:]))
    lengths = make_tensor((table < rows).sum(0))
    if sequence.unsorted_indices is not None:
        out = index_select(out, 1, sequence.unsorted_indices)
        lengths = index_select(lengths, 0, sequence.unsorted_indices)
    return transpose(out, 0, 1) if batch_first else out, lengths


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """Return the sequences of a packed one."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


def _numbers(x: Any, what: str) -> np.ndarray:
    return state.frontend.concrete(x, what) if isinstance(x, Tensor) else np.asarray(x)


def _lengths(lengths: Any, what: str) -> list[int]:
    return [int(n) for n in _numbers(lengths, what)]
