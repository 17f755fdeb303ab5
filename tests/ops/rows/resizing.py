"""Rows of padding, interpolation, sampling on a grid and shuffles."""

from typing import Any

from tests.ops import window_references as ref
from tests.ops.op_row import FLOATS, Arg, Row, Sample, of, s
from tests.ops.rows.convolution import flat
from tests.ops.rows.functional import functional


def moved(name: str, *samples: Sample, reference: Any, **more: Any) -> Row:
    """Return the row of a function that moves elements and computes nothing."""
    home = "nn.functional." if name == "pad" else ""
    return Row(home + name, samples, reference, twice=False, **more)


def grid(*shape: int) -> Arg:
    """Places around the image, some outside of it, in ``shape``."""
    return Arg(shape, domain=(-1.4, 1.4))


ROWS: tuple[Row, ...] = (
    moved(
        "pad",
        s((2, 3, 4), pad=(1, 2)),
        s((2, 3, 4), pad=(1, 0, -1, 2), value=2),
        s((2, 3, 4), pad=(-1, -2)),
        s(of((2, 5, 4), "columns"), pad=(1, 2), mode="reflect"),
        s((2, 3, 4, 3), pad=(2, 1, 0, 1), mode="replicate"),
        s((2, 3, 4), pad=(3, 1, 1, 0), mode="circular"),
        reference=ref.padded,
        dtypes=(*FLOATS, "int64"),
    ),
    flat(
        "interpolate",
        s((2, 3, 4), size=7),
        s((2, 3, 4, 5), scale_factor=(1.5, 0.6), mode="nearest-exact"),
        s((2, 3, 4), scale_factor=2.5, mode="linear"),
        s((2, 2, 3, 4), size=(5, 3), mode="bilinear", align_corners=True),
        s((2, 2, 3, 4), scale_factor=1.7, mode="bicubic"),
        s((1, 2, 2, 3, 2), size=(3, 2, 4), mode="trilinear"),
        s((2, 2, 5, 4), size=(2, 3), mode="area"),
        reference=ref.interpolate,
    ),
    flat(
        "upsample",
        s((2, 2, 3, 4), scale_factor=2, mode="bilinear", align_corners=False),
        reference=ref.interpolate,
        torch=False,  # deprecated: it warns there
    ),
    functional(
        "grid_sample",
        s((2, 2, 3, 4), grid(2, 3, 2, 2), align_corners=False),
        s((2, 2, 3, 4), grid(2, 2, 3, 2), padding_mode="border", align_corners=True),
        s(
            (1, 2, 3, 4),
            grid(1, 4, 1, 2),
            mode="nearest",
            padding_mode="reflection",
            align_corners=False,
        ),
        s(
            (1, 2, 4, 3),
            grid(1, 3, 1, 2),
            only=("float64",),
            mode="bicubic",
            padding_mode="reflection",
            align_corners=False,
        ),
        s((1, 2, 2, 3, 2), grid(1, 2, 2, 1, 3), padding_mode="reflection", align_corners=True),
        reference=ref.grid_sample,
        rtol=1e-5,
    ),
    flat(
        "affine_grid",
        s((2, 2, 3), size=(2, 1, 3, 4), align_corners=False),
        s((1, 3, 4), size=(1, 1, 2, 3, 2), align_corners=True),
        reference=ref.affine_grid,
    ),
    moved("pixel_shuffle", s((2, 8, 2, 3), upscale_factor=2), reference=ref.pixel_shuffle),
    moved(
        "pixel_unshuffle",
        s((2, 4, 6), downscale_factor=2),
        reference=ref.pixel_unshuffle,
    ),
    moved("channel_shuffle", s((2, 6, 2, 3), groups=3), reference=ref.channel_shuffle),
)
