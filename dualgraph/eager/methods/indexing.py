"""Reading and writing at indices."""

from typing import Any

from ...ops.elementwise.pointwise import where
from ...ops.index import advanced, indexing, masking, nonzero as positions, scattering
from ...ops.shape import overlay
from .inplace import in_place


class IndexingMethods:
    """Reading and writing at indices."""

    gather = indexing.gather
    index_select = indexing.index_select
    take = scattering.take
    take_along_dim = scattering.take_along_dim
    scatter = scattering.scatter
    scatter_add = indexing.scatter_add
    scatter_reduce = scattering.scatter_reduce
    index_add = scattering.index_add
    index_copy = scattering.index_copy
    index_fill = scattering.index_fill
    index_reduce = scattering.index_reduce
    index_put = advanced.index_put
    put = scattering.put
    masked_fill = masking.masked_fill
    masked_scatter = masking.masked_scatter
    masked_select = masking.masked_select
    nonzero = positions.nonzero
    argwhere = positions.argwhere
    slice_scatter = overlay.slice_scatter
    select_scatter = overlay.select_scatter
    diagonal_scatter = overlay.diagonal_scatter
    scatter_ = in_place(scattering.scatter)
    scatter_add_ = in_place(indexing.scatter_add)
    scatter_reduce_ = in_place(scattering.scatter_reduce)
    index_add_ = in_place(scattering.index_add)
    index_copy_ = in_place(scattering.index_copy)
    index_fill_ = in_place(scattering.index_fill)
    index_reduce_ = in_place(scattering.index_reduce)
    index_put_ = in_place(advanced.index_put)
    put_ = in_place(scattering.put)
    masked_fill_ = in_place(masking.masked_fill)
    masked_scatter_ = in_place(masking.masked_scatter)
    fill_diagonal_ = in_place(overlay.fill_diagonal)

    def where(self, condition: Any, other: Any) -> Any:
        """Return the tensor where the condition holds and ``other`` elsewhere."""
        return where(condition, self, other)
