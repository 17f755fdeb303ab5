"""Reading and writing at indices."""

from ...ops import indexing as ops


class IndexingMethods:
    """Reading and writing at indices."""

    gather = ops.gather
    scatter_add = ops.scatter_add
    index_select = ops.index_select
