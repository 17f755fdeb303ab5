"""What eager asks for composites: their values without tensors in between."""

from typing import Any, Protocol

import numpy as np

from .op import Op


class Replays(Protocol):
    """Traces composites once for each kind of call and replays them; it lives above eager."""

    def values(
        self, op: Op, tensors: tuple[Any, ...], static: dict[str, Any]
    ) -> list[np.ndarray] | None:
        """Return the results of a composite, or None when it must be run op by op."""
        ...
