"""Views, joining, repeating, creation: where the values go, and where their gradients come from."""

from typing import Any

import dualgraph as dg
import dualgraph.nn.functional as F
from tests.golden.inputs import leaf, whole
from tests.golden.program import Program, families

VIEWS = {
    "reshape": lambda p: p.x.reshape(4, -1).view(2, 2, 15),
    "permute": lambda p: p.x.permute(2, 0, 1) * 2,
    "transpose": lambda p: p.x.transpose(0, 1).contiguous(),
    "swapaxes": lambda p: [dg.swapaxes(p.x, 0, 2), dg.swapdims(p.x, 1, 2)],
    "moveaxis": lambda p: dg.moveaxis(p.x, 0, -1),
    "mT": lambda p: [p.x.mT, p.x[0].t()],
    "slice": lambda p: p.x[1:, ::2, 1:4] + p.x[:2, 1::2, :3],
    "negative index": lambda p: p.x[-1, ..., -2],
    "select": lambda p: dg.select(p.x, 1, 2),
    "narrow": lambda p: dg.narrow(p.x, 2, 1, 3),
    "unsqueeze": lambda p: p.x[:, None, :, None].squeeze(1),
    "expand": lambda p: p.v.expand(3, 5) * p.v[:3, None],
    "broadcast_to": lambda p: dg.broadcast_to(p.v, (2, 3, 5)),
    "broadcast_tensors": lambda p: dg.broadcast_tensors(p.v, p.v[:, None]),
    "diagonal": lambda p: p.x.diagonal(1, 1, 2) * 3,
    "unfold": lambda p: p.x.unfold(2, 3, 2),
    "as_strided": lambda p: dg.as_strided(p.x, (3, 4), (7, 2), 1) * 2,
    "flatten": lambda p: [dg.flatten(p.x, 1), dg.ravel(p.x), p.x.unflatten(1, (2, 2))],
    "atleast": lambda p: [dg.atleast_2d(p.v), dg.atleast_3d(p.v), dg.atleast_1d(p.v[0])],
    "split": lambda p: [*p.x.split(2, 1), *dg.split(p.x, [1, 2, 2], 2)],
    "chunk": lambda p: [*p.x.chunk(3, 2), *dg.tensor_split(p.x, 2), *p.x.unbind(1)],
    "hsplit": lambda p: [*dg.hsplit(p.x, 2), *dg.vsplit(p.x, [1]), *dg.dsplit(p.x, [2])],
    "split_with_sizes": lambda p: dg.split_with_sizes(p.x, [3, 1], 1),
}
JOINING = {
    "cat": lambda p: dg.cat((p.x, p.x[:, :2] * 2, p.x), 1),
    "stack": lambda p: dg.stack((p.v, p.v * p.v, p.w), 1),
    "hstack": lambda p: [dg.hstack((p.v, p.w)), dg.vstack((p.v, p.w)), dg.dstack((p.v, p.w))],
    "column_stack": lambda p: [dg.column_stack((p.v, p.w)), dg.row_stack((p.v, p.w))],
    "block_diag": lambda p: dg.block_diag(p.x[0], p.x[1, :2], p.v),
    "cartesian_prod": lambda p: dg.cartesian_prod(p.v, p.w[:3]),
    "combinations": lambda p: dg.combinations(p.v, 2),
    "meshgrid": lambda p: dg.meshgrid(p.v, p.w[:2], indexing="ij"),
    "pad": lambda p: [F.pad(p.x, (1, 2), value=0.5), F.pad(p.x, (-1, 1, 2, 0))],
    "pad(modes)": lambda p: [
        F.pad(p.x, (2, 1), mode=m) for m in ("reflect", "replicate", "circular")
    ],
    "concat": lambda p: [dg.concat((p.v, p.w)), dg.concatenate((p.w, p.v))],
}  # fmt: skip
REPEATING = {
    "repeat": lambda p: p.x.repeat(2, 1, 3),
    "tile": lambda p: dg.tile(p.v, (2, 2)),
    "repeat_interleave": lambda p: dg.repeat_interleave(p.x, 3, 1),
    "roll": lambda p: dg.roll(p.x, (1, -2), (0, 2)),
    "flip": lambda p: [dg.flip(p.x, (0, 2)), dg.fliplr(p.x), dg.flipud(p.x)],
    "rot90": lambda p: dg.rot90(p.x, 1, (1, 2)),
    "tril": lambda p: [dg.tril(p.x, -1), dg.triu(p.x, 1)],
    "diag": lambda p: [dg.diag(p.v), dg.diag(p.x[0], 1), dg.diagflat(p.v, 1)],
    "diag_embed": lambda p: dg.diag_embed(p.x, 1),
    "diagonal_scatter": lambda p: dg.diagonal_scatter(p.x[0, :, :4], p.v[:4] * 2),
    "select_scatter": lambda p: dg.select_scatter(p.x, p.x[1] * 2, 0, 0),
    "slice_scatter": lambda p: dg.slice_scatter(p.x, p.x[:, :2] * 3, 1, 1, 4, 2),
    "vander": lambda p: dg.vander(p.v, 4),
    "pixel_shuffle": lambda p: dg.pixel_shuffle(p.q, 2),
    "pixel_unshuffle": lambda p: dg.pixel_unshuffle(p.q, 2),
    "channel_shuffle": lambda p: dg.channel_shuffle(p.q, 2),
}
CREATION = {
    "arange": lambda p: [dg.arange(7), dg.arange(1, 3, 0.25), dg.arange(9, 2, -2, dtype=dg.int32)],
    "linspace": lambda p: [dg.linspace(-1, 2, 11), dg.linspace(0, 1, 7, dtype=dg.float64)],
    "logspace": lambda p: dg.logspace(-2, 1, 9),
    "eye": lambda p: dg.eye(3, 5),
    "full": lambda p: [dg.full((2, 3), 0.1), dg.full_like(p.v, 2.5), dg.zeros(3), dg.ones(2)],
    "tril_indices": lambda p: [dg.tril_indices(3, 4), dg.triu_indices(4, 3, 1)],
    "one_hot": lambda p: F.one_hot(p.k, 6),
    "zeros_like": lambda p: [dg.zeros_like(p.x), dg.ones_like(p.k), p.v.new_zeros(2)],
}


def pool(dtype: str) -> dict[str, Any]:
    """Small arrays of several ranks."""
    return {
        "x": leaf((3, 4, 5), 31, dtype=dtype),
        "v": leaf((5,), 32, dtype=dtype),
        "w": leaf((5,), 33, dtype=dtype),
        "q": leaf((2, 4, 4, 6), 34, dtype=dtype),
        "k": whole((7,), 35, 0, 6),
    }


PROGRAMS: dict[str, Program] = {
    **families("shape.views", VIEWS, pool),
    **families("shape.joining", JOINING, pool, float16=("cat", "stack", "pad")),
    **families("shape.repeating", REPEATING, pool),
    **families("shape.creation", CREATION, pool),
}
